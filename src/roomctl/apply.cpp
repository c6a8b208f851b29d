// SPDX-License-Identifier: BSL-1.0
#include "apply_journal.hpp"
#include "bulk_output.hpp"
#include "bulk_report.hpp"
#include "bulk_session.hpp"
#include "bulk_setup.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "operation_source.hpp"
#include "plan.hpp"
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

    // All of the plan is told if that is all there will be, else what stands in the way.
    void plan(bulk_session& session)
    {
        const auto tell = [&](const planned_room& r) {
            const bool obstacle = r.plan.steps.has(plan_step::cannot) || r.plan.steps.has(plan_step::unread);
            if (!command_.dry_run && (!obstacle || ++obstacles_ > obstacles_told)) return;
            session.clear_progress();
            told_->planned(r);
        };
        plan_ = compare(session, manifest_, command_.recreate, true, tell);
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
        job.tick = [this] { record([](results_file& f) { f.flush(); }); };
        job.options.total = total;
        if (command_.stop_on_failure) job.options.stop_on = rooms::bulk_stop::first_failure();
        if (journal_) job.options.journal = &*journal_;

        bulk_end end = session.run(std::move(job));
        const std::uint64_t ended =
            end.summary.operations - end.summary.stopped - end.summary.skipped - end.summary.journaled;
        if ((end.why || !results_trouble_.empty()) && !end.thrown) {
            try {
                const bool more = account_for_the_rest(source);
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
        report_.add(r, line);
        record([&](results_file& f) { f.add(r, line); });
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
        if (trouble.empty()) trouble = results_trouble_;
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

    const settings& options_;
    const apply_command& command_;
    const manifest& manifest_;
    output& out_;
    std::unique_ptr<bulk_output> told_;
    std::optional<rooms::journal> journal_;
    std::optional<results_file> results_;
    std::string results_trouble_;
    std::optional<plan_outcome> plan_;
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
    if (!sends) return tell_dry_run(options, command, m);
    return application(options, command, m, out).run(*std::move(config));
}

} // namespace roomctl
