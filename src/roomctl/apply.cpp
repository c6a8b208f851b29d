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
#include "kept_rules.hpp"
#include "operation_source.hpp"
#include "plan.hpp"
#include "recreation.hpp"
#include "results_file.hpp"
#include "text.hpp"

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

using kind_totals = std::array<std::uint64_t, bulk_report::kinds>;

kind_totals count_operations(const manifest& m)
{
    kind_totals totals{};
    operation_source source(m, nullptr);
    while (const auto op = source.next())
        ++totals[static_cast<std::size_t>(op->kind())];
    return totals;
}

std::uint64_t sum_of(const kind_totals& totals) noexcept
{
    std::uint64_t sum = 0;
    for (const std::uint64_t n : totals)
        sum += n;
    return sum;
}

// Beside the manifest, one for each shard: shards run side by side.
std::string kept_path(const apply_command& c)
{
    if (c.kept) return *c.kept;
    std::string path = c.file == "-" ? "roomctl" : c.file;
    if (c.input.part.count > 1)
        path += '.' + std::to_string(c.input.part.index) + "-of-" + std::to_string(c.input.part.count);
    return path + ".kept";
}

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
        if (command_.plan && !command_.dry_run)
            kept_.emplace(kept_path(command_), origin_of(config), files_in_use());
        if (command_.results && !command_.dry_run)
            results_.emplace(*command_.results, files_in_use(), journal_ && journal_->resumed());
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
        if (plan_ && plan_->summary.recreate != 0 && !command_.yes && !confirm()) {
            out_.problem(exit_code::not_reached, "nothing was deleted, and nothing else was done");
            return exit_code::not_reached;
        }
        if (plan_) begin_recreation();
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

    // Before rooms are deleted.
    bool confirm() const
    {
        std::string question = "roomctl: " + with_thousands(plan_->summary.recreate) +
                               (plan_->summary.recreate == 1 ? " room" : " rooms") +
                               " will be deleted and created again: ";
        std::size_t named = 0;
        for (const std::string& id : recreated_) {
            question += (named == 0 ? "" : ", ") + escape(id);
            if (++named == names_asked) break;
        }
        if (recreated_.size() > named) question += ", ...";
        return ask(question + ". Go on?");
    }

    // What is kept is on the disk before the first delete is sent.
    void begin_recreation()
    {
        const plan_decisions& all = plan_->decisions;
        for (const std::string& id : all.settled)
            kept_->settle(id);
        std::vector<const desired_room*> kept;
        for (std::size_t i = 0; i < all.steps.size(); ++i) {
            const auto anew = all.anew.find(i);
            if (anew == all.anew.end()) continue;
            const bool deletes = all.steps[i].has(plan_step::recreate);
            if (deletes) kept.push_back(&anew->second);
            follow(all.steps[i], anew->second);
        }
        for (const plan_decisions::kept_room& k : all.others)
            follow(k.steps, k.room);
        kept_->add(kept);
    }

    void follow(plan_steps steps, const desired_room& room)
    {
        const bool deletes = steps.has(plan_step::recreate);
        if (deletes || steps.has(plan_step::create))
            recreation_.add(room.room.id(), !deletes, steps.has(plan_step::status));
        else if (steps.has(plan_step::status))
            recreation_.add_created(room.room.id());
    }

    // All of the plan is told if that is all there will be, else what stands in the way.
    void plan(bulk_session& session)
    {
        const auto tell = [&](const planned_room& r) {
            if (r.plan.steps.has(plan_step::recreate) && recreated_.size() <= names_asked)
                recreated_.push_back(r.room_id);
            const bool obstacle = r.plan.steps.has(plan_step::cannot) || r.plan.steps.has(plan_step::unread);
            if (!command_.dry_run && (!obstacle || ++obstacles_ > obstacles_told)) return;
            session.clear_progress();
            told_->planned(r);
        };
        plan_ = compare(session, manifest_, command_.recreate, true, tell, kept_ ? &*kept_ : nullptr);
        plan_->summary.command = "apply";
        plan_->summary.file = command_.file;
        told_->plan_done(plan_->summary);
        // Whether the service is there, the first create tells.
        if (!plan_->summary.unproven || command_.dry_run) report_.note(plan_->summary.code);
        if (plan_->summary.cannot != 0) report_.note(exit_code::rejected);
    }

    exit_code carry_out(bulk_session& session, std::uint64_t total)
    {
        operation_source source(manifest_, plan_ ? &plan_->decisions : nullptr);
        bulk_job job;
        job.name = "apply";
        job.source = [&]() -> std::optional<rooms::operation> {
            if (!results_trouble_.empty()) return std::nullopt; // what cannot be recorded is left
            auto op = source.next();
            if (op) lines_.enter(source.line());
            return op;
        };
        job.sink = [this](const rooms::bulk_result& r) { take(r, lines_.take(r.index)); };
        // Whoever follows the file sees what happens even where little does.
        job.tick = [this] { tick(); };
        job.options.total = total;
        if (command_.stop_on_failure) job.options.stop_on = rooms::bulk_stop::first_failure();
        if (journal_) job.options.journal = &*journal_;

        bulk_end end = session.run(std::move(job));
        std::uint64_t ended = ended_of(end);
        const bool drained = hold_rest_of_entry(source);
        ended += complete_units(session, end);
        if ((end.why || !results_trouble_.empty()) && !end.thrown) {
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
        if (!recreation_.take(r, line)) tell_of(r, line);
    }

    void tell_of(const rooms::bulk_result& r, std::uint64_t line)
    {
        report_.add(r, line);
        record([&](results_file& f) { f.add(r, line, recreation_.leaves_deleted(r)); });
    }

    void tick()
    {
        record([](results_file& f) { f.flush(); });
    }

    static std::uint64_t ended_of(const bulk_end& end) noexcept
    {
        const rooms::bulk_summary& s = end.summary;
        return s.operations - s.stopped - s.skipped - s.journaled;
    }

    // Where the run ended between the operations of one room.
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

    // A room that was deleted is created, though the run has been stopped; not where that cannot succeed.
    // @returns how many operations that took.
    std::uint64_t complete_units(bulk_session& session, bulk_end& end)
    {
        auto [begun, rest] = recreation_.release();
        const bool can = !end.why || end.why == rooms::errc::cancelled || end.why == rooms::errc::stopped ||
                         end.why == rooms::errc::callback_failed;
        std::uint64_t ended = 0;
        std::vector<bool> told(begun.size());
        if (can && !begun.empty()) {
            std::size_t next = 0;
            bulk_job job;
            job.name = "apply";
            job.completes = true;
            job.source = [&]() -> std::optional<rooms::operation> {
                if (next == begun.size()) return std::nullopt;
                return begun[next++].result.operation;
            };
            job.sink = [&, this](rooms::bulk_result&& r) {
                const auto i = static_cast<std::size_t>(r.index);
                r.index = begun[i].result.index;
                told[i] = true;
                take(r, begun[i].line);
            };
            job.tick = [this] { tick(); };
            job.options.total = begun.size();
            const bulk_end completed = session.run(std::move(job));
            if (completed.thrown && !end.thrown) end.thrown = completed.thrown;
            ended = ended_of(completed);
        }
        for (std::size_t i = 0; i < begun.size(); ++i)
            if (!told[i]) tell_of(begun[i].result, begun[i].line);
        for (const recreation::held& h : rest)
            tell_of(h.result, h.line);
        return ended;
    }

    // Writes to --results. What is under way ends, and is told in the summary, if that fails.
    template <class Write>
    void record(Write write)
    {
        if (!results_) return;
        try {
            write(*results_);
        } catch (const std::exception& e) {
            results_trouble_ = e.what();
            results_.reset();
        }
    }

    // The operations that a stopped run did not come to.
    // @returns whether there are any.
    bool account_for_the_rest(operation_source& source)
    {
        const std::uint64_t before = lines_.entered();
        const int interruptions = interrupts::count();
        while (auto op = source.next()) {
            if (interrupts::count() != interruptions)
                throw std::runtime_error("interrupted before all was told of what was not begun");
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
        record([](results_file& f) { f.flush(); });
        attempt([&] { end_recreation(); });
        if (trouble.empty()) trouble = results_trouble_;
        if (!trouble.empty() || end.why == rooms::errc::resource_exhausted ||
            end.why == rooms::errc::journal_failed)
            report_.note(exit_code::failed);
        return trouble;
    }

    void end_recreation()
    {
        if (!kept_) return;
        recreation_.each([this](const std::string& id, room_fate f) {
            if (is_settled(f)) kept_->settle(id);
            if (f == room_fate::deleted) deleted_.push_back(id);
            if (f == room_fate::unclear) unclear_.push_back(id);
        });
        if (!deleted_.empty()) report_.note(exit_code::unknown);
        kept_->finish();
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
        s.deleted = deleted_;
        s.unclear = unclear_;
        if (kept_ && !kept_->rooms().empty()) s.kept = kept_->path();
        s.code = report_.code();
        const bulk_counts all = report_.total();
        if (all.succeeded() != all.total()) s.go_on = how_to_go_on();
        told_->apply_done(s);
    }

    // Without a journal only a look at the rooms tells what is done already.
    std::string how_to_go_on() const
    {
        if (journal_ || plan_) return options_.command_line;
        return manifest_.kind() == entry_kind::desired_room ? options_.command_line_with_plan : "";
    }

    static constexpr unsigned obstacles_told = 20;
    static constexpr std::size_t names_asked = 5;

    const settings& options_;
    const apply_command& command_;
    const manifest& manifest_;
    output& out_;
    std::unique_ptr<bulk_output> told_;
    std::optional<rooms::journal> journal_;
    std::optional<results_file> results_;
    std::string results_trouble_;
    std::optional<plan_outcome> plan_;
    std::optional<kept_file> kept_;
    std::vector<std::string> recreated_; // the first ones
    recreation recreation_;
    std::vector<std::string> deleted_;
    std::vector<std::string> unclear_;
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
    const bool creates = !command.plan && !command.dry_run && m.kind() == entry_kind::desired_room;
    if (const std::string path = kept_path(command); creates && kept_file::exists(path))
        throw usage_error(path + ": holds rooms that were deleted and not created again; --plan creates them "
                                 "with what was kept (or move the file away); nothing was sent");
    if (!sends) return tell_dry_run(options, command, m);
    return application(options, command, m, out).run(*std::move(config));
}

} // namespace roomctl
