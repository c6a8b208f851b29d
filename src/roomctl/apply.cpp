// SPDX-License-Identifier: BSL-1.0
#include "apply_journal.hpp"
#include "bulk_output.hpp"
#include "bulk_report.hpp"
#include "bulk_session.hpp"
#include "bulk_setup.hpp"
#include "commands.hpp"
#include "confirmation.hpp"
#include "interrupts.hpp"
#include "kept_file.hpp"
#include "kept_recreation.hpp"
#include "operation_source.hpp"
#include "plan.hpp"
#include "project_identity.hpp"
#include "results_file.hpp"

#include <watchers/rooms/journal.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace roomctl {

namespace {

class application
{
public:
    application(const settings& options, const apply_command& command, const manifest& m, output& out)
        : options_(options)
        , command_(command)
        , manifest_(m)
        , out_(out)
        , told_(make_bulk_output(options.json))
    {}

    exit_code run(rooms::config config)
    {
        // Before the session: until there is one, an interruption ends the program at once.
        std::uint64_t total = command_.plan ? 0 : sum_of(count_operations(manifest_));
        if (command_.plan) config.retry.accept_missing_on_delete = true;
        if (command_.journal) {
            journal_.emplace(open_apply_journal(*command_.journal, manifest_, total, config));
            for (const std::string& text : journal_->warnings())
                warn(text);
        }
        if (command_.plan) open_kept(config);
        if (command_.results && !command_.dry_run)
            results_.open(*command_.results, files_in_use(), journal_ && journal_->resumed());
        bulk_session session(std::move(config), command_.pace, display_of(options_, command_.pace, false));

        if (command_.plan) {
            plan(session);
            total = plan_->summary.all_operations();
            const bool stopped = plan_->summary.stopped_by.failed();
            if (stopped || command_.dry_run) {
                session.leave(plan_->summary.code);
                return plan_->summary.code;
            }
        }
        if (plan_ && plan_->summary.recreate != 0 && !command_.yes &&
            !recreation_->confirm(plan_->summary.recreate)) {
            out_.problem(exit_code::not_reached, "nothing was deleted, and nothing else was done");
            return exit_code::not_reached;
        }
        if (plan_) recreation_->begin(plan_->decisions);
        flush_output(); // --results may be standard output, too
        const exit_code code = carry_out(session, total);
        session.leave(code);
        return code;
    }

private:
    std::vector<std::string> files_in_use() const
    {
        std::vector<std::string> files{command_.file};
        for (const auto& file : {command_.journal, options_.credentials_file, options_.ca_file})
            if (file) files.push_back(*file);
        return files;
    }

    void open_kept(const rooms::config& config)
    {
        const std::string path = kept_path(command_.kept, command_.file, command_.input.part);
        const kept_service service{service_of(config), command_.accept_project};
        if (command_.dry_run)
            kept_ = read_kept_rooms(path, service);
        else
            kept_ = recreation_.emplace(path, service, files_in_use()).kept();
        kept_path_ = path;
    }

    // A dry run shows the whole plan, any other run shows the obstacles.
    void plan(bulk_session& session)
    {
        const auto tell = [&](const planned_room& r) {
            if (recreation_) recreation_->add_planned(r);
            const bool obstacle = r.plan.steps.has(plan_step::cannot) || r.plan.steps.has(plan_step::unread);
            if (!command_.dry_run && (!obstacle || ++obstacles_ > obstacles_told)) return;
            session.clear_progress();
            told_->planned(r);
        };
        plan_ = compare(session, manifest_, command_.recreate, true, tell, kept_);
        plan_summary& s = plan_->summary;
        s.command = "apply";
        s.file = command_.file;
        if ((command_.dry_run || s.stopped_by) && plan_->leaves_kept(kept_)) s.kept = kept_path_;
        told_->plan_done(s);
        // The first create finds out whether the service is there.
        if (!s.unproven || command_.dry_run) report_.note(s.code);
        if (s.cannot != 0) report_.note(exit_code::rejected);
    }

    exit_code carry_out(bulk_session& session, std::uint64_t total)
    {
        // A run that could not read the rooms, and so has nothing to do, has no results of its own.
        if (total != 0 || !plan_ || plan_->summary.unread == 0) results_.begin();
        operation_source source(manifest_, plan_ ? &plan_->decisions : nullptr);
        bulk_job job;
        job.name = "apply";
        job.source = [&]() -> std::optional<rooms::operation> {
            if (!results_.trouble().empty()) return std::nullopt; // its result could not be written
            auto op = source.next();
            if (op) lines_.enter(source.line());
            return op;
        };
        job.sink = [this](const rooms::bulk_result& r) { take(r, lines_.take(r.index)); };
        // A program that follows the file sees results without delay even if there are few.
        job.tick = [this] { results_.flush(); };
        job.options.total = total;
        if (command_.stop_on_failure) job.options.stop_on = rooms::bulk_stop::first_failure();
        if (journal_) job.options.journal = &*journal_;

        bulk_end end = session.run(std::move(job));
        std::uint64_t ended = end.carried_out();
        const bool drained = hold_rest_of_entry(source);
        if (recreation_)
            ended += recreation_->complete(
                session, end, [this](const rooms::bulk_result& r, std::uint64_t line) { tell_of(r, line); },
                [this] { results_.flush(); });
        if ((end.why || !results_.trouble().empty()) && !end.thrown) {
            try {
                const bool more = account_for_the_rest(source) || drained;
                if (more && !end.why) end.why = rooms::errc::callback_failed;
            } catch (const std::exception&) {
                end.thrown = std::current_exception();
            }
        }
        const std::string trouble = wind_up(end);
        tell(session, end, ended);
        if (!trouble.empty()) out_.problem(exit_code::failed, trouble);
        return report_.code();
    }

    void take(const rooms::bulk_result& r, std::uint64_t line)
    {
        if (!recreation_ || !recreation_->take(r, line)) tell_of(r, line);
    }

    void tell_of(const rooms::bulk_result& r, std::uint64_t line)
    {
        report_.add(r, line);
        const bool creates = r.operation.kind() == rooms::operation_kind::create_room;
        const room_fate fate =
            recreation_ && creates ? recreation_->fate_of(r.operation.room_id()) : room_fate::untouched;
        results_.add(r, line, fate);
    }

    // Holds back the last room's operations that the run did not pull.
    // @returns whether there are any.
    bool hold_rest_of_entry(operation_source& source)
    {
        const std::uint64_t before = lines_.entered();
        while (auto op = source.rest_of_entry()) {
            rooms::bulk_result r(lines_.entered(), std::move(*op));
            lines_.enter(source.line());
            set_not_begun(r, journal_ ? &*journal_ : nullptr);
            take(r, lines_.take(r.index));
        }
        return lines_.entered() != before;
    }

    // Reports the operations that a stopped run did not begin.
    // @returns whether there are any.
    bool account_for_the_rest(operation_source& source)
    {
        const std::uint64_t before = lines_.entered();
        const int interruptions = interrupts::count();
        while (auto op = source.next()) {
            if (interrupts::count() != interruptions)
                throw std::runtime_error(
                    "interrupted before every operation that was not begun was reported");
            rooms::bulk_result r(lines_.entered(), std::move(*op));
            lines_.enter(source.line());
            set_not_begun(r, journal_ ? &*journal_ : nullptr);
            take(r, lines_.take(r.index));
        }
        return lines_.entered() != before;
    }

    // @returns what went wrong on this machine.
    std::string wind_up(const bulk_end& end)
    {
        std::string trouble;
        const auto attempt = [&](const auto& what) {
            try {
                what();
            } catch (const std::exception& e) {
                if (trouble.empty()) trouble = e.what();
            }
        };
        attempt([&] {
            if (end.thrown) std::rethrow_exception(end.thrown);
        });
        attempt([&] {
            if (journal_) journal_->close();
        });
        results_.flush();
        attempt([&] {
            if (recreation_) recreation_->finish();
        });
        if (recreation_ && !(recreation_->deleted().empty() && recreation_->unclear().empty()))
            report_.note(exit_code::unknown);
        if (trouble.empty()) trouble = results_.trouble();
        if (!trouble.empty() || end.why == rooms::errc::resource_exhausted ||
            end.why == rooms::errc::journal_failed)
            report_.note(exit_code::failed);
        return trouble;
    }

    void tell(bulk_session& session, const bulk_end& end, std::uint64_t ended)
    {
        report_.note(manifest_.invalid() != 0 ? exit_code::rejected : exit_code::done);
        apply_summary s(report_, session.latencies());
        s.file = command_.file;
        s.left_out = manifest_.invalid();
        s.journal_cut = journal_ ? journal_->cut() : 0;
        if (plan_) {
            s.cannot = plan_->summary.cannot;
            s.unread = plan_->summary.unread;
        }
        s.stopped_by = end.why;
        s.stop_reason = end.reason;
        s.elapsed = end.summary.elapsed;
        s.ended = ended;
        if (recreation_) {
            s.deleted = recreation_->deleted();
            s.unclear = recreation_->unclear();
            if (!recreation_->kept().empty()) s.kept = kept_path_;
        }
        s.code = report_.code();
        const bulk_counts all = report_.total();
        if (all.succeeded() != all.total() || !s.kept.empty()) s.go_on = how_to_go_on();
        told_->apply_done(s);
    }

    // Without a journal only a look at the rooms tells what is done already.
    std::string how_to_go_on() const
    {
        if (journal_ || plan_) return options_.command_line;
        return manifest_.kind() == entry_kind::desired_room ? options_.command_line_with_plan : "";
    }

    static constexpr unsigned obstacles_told = 20;

    const settings& options_;
    const apply_command& command_;
    const manifest& manifest_;
    output& out_;
    std::unique_ptr<bulk_output> told_;
    std::optional<rooms::journal> journal_;
    results_output results_;
    std::optional<plan_outcome> plan_;
    std::optional<kept_recreation> recreation_; // of a plan that is carried out
    kept_rooms kept_;                           // of an earlier run
    std::string kept_path_;
    bulk_report report_;
    line_book lines_;
    unsigned obstacles_ = 0;
};

exit_code tell_dry_run(const settings& options, const apply_command& command, const manifest& m)
{
    dry_run_summary s;
    s.file = command.file;
    s.entries = m.selected();
    s.left_out = m.invalid();
    s.operations = count_operations(m);
    s.code = m.invalid() != 0 ? exit_code::rejected : exit_code::done;
    make_bulk_output(options.json)->dry_run_done(s);
    return s.code;
}

} // namespace

exit_code run_apply(const settings& options, const apply_command& command, output& out)
{
    const bool sends = command.plan || !command.dry_run;
    std::optional<rooms::config> config;
    if (sends) config = make_bulk_config(options, command.pace);

    const manifest m(command.file, command.input);
    if (m.faults().count() != 0)
        make_bulk_output(options.json)->faults("apply", command.file, m, !m.usable());
    if (!m.usable()) return exit_code::usage;
    if (m.size() == 0) warn_of_nothing(command.file);
    if (command.plan) require_rooms(m, command.file);
    if (command.recreate && !command.dry_run && !command.yes && !can_ask())
        throw usage_error(
            "--recreate deletes rooms: it needs --yes where nobody can be asked; nothing was sent");
    const bool creates = !command.plan && m.kind() == entry_kind::desired_room;
    const std::string kept = kept_path(command.kept, command.file, command.input.part);
    const kept_service service{config ? service_of(*config) : std::string(), command.accept_project};
    if (creates && !read_kept_rooms(kept, service).empty())
        throw usage_error(kept + ": holds rooms that were deleted and not created again; --plan creates them "
                                 "with what was kept (or move the file away); nothing was sent");
    if (!sends) return tell_dry_run(options, command, m);
    return application(options, command, m, out).run(*std::move(config));
}

} // namespace roomctl
