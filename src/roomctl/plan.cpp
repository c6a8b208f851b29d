// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include "answered_room.hpp"
#include "bulk_setup.hpp"
#include "commands.hpp"
#include "kept_rules.hpp"

#include <deque>
#include <exception>
#include <map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace roomctl {

namespace {

class comparison
{
public:
    comparison(const manifest& m, bool recreate, bool keep_decisions,
               const std::function<void(const planned_room&)>& tell, const kept_file* kept)
        : entries_(m.read())
        , recreate_(recreate)
        , keep_decisions_(keep_decisions)
        , tell_(tell)
        , kept_(kept)
    {}

    std::optional<rooms::operation> next()
    {
        std::optional<manifest_entry> e = entries_.next();
        if (!e) return next_other();
        pending_.push_back({e->at.line, std::get<desired_room>(std::move(e->content))});
        if (kept_ != nullptr && kept_->find(pending_.back().wanted.room.id()) != nullptr)
            in_manifest_.insert(pending_.back().wanted.room.id());
        return rooms::operation::get(pending_.back().wanted.room.id());
    }

    // Results come in the order of the entries.
    void take(rooms::bulk_result&& r)
    {
        pending p = std::move(pending_.front());
        pending_.pop_front();
        if (r.error == rooms::errc::stopped) return;

        refuse_other_room(r);
        // A 404 without the form of the API's errors may be another host's.
        if (!r.error || r.diagnostics.recognized()) service_seen_ = true;
        if (p.other) {
            take_other(r, p);
            return;
        }
        room_plan plan;
        const kept_action action = heed_kept(r, p.wanted);
        if (!r.error) {
            plan = make_plan(p.wanted, &r.room, recreate_);
        } else if (r.error == rooms::errc::not_found) {
            plan = make_plan(p.wanted, nullptr, recreate_);
        } else {
            plan.steps.add(plan_step::unread);
            report_.note(exit_code_of(r.error, rooms::effect::none));
        }
        if ((action == kept_action::create || action == kept_action::set_status) && !plan.anew)
            plan.anew = p.wanted;
        // The manifest gives another status than the one that was kept, and the room has it.
        if (action == kept_action::set_status && !plan.steps.has(plan_step::status))
            outcome.decisions.settled.push_back(p.wanted.room.id());
        count(plan.steps);
        if (plan.steps.has(plan_step::cannot)) report_.note(exit_code::rejected);
        if (keep_decisions_) keep(plan);
        if (plan.steps.empty()) return;
        const rooms::error_code ec = plan.steps.has(plan_step::unread) ? r.error : rooms::error_code();
        tell_({p.wanted.room.id(), p.line, plan, ec, r.diagnostics});
    }

    void note(exit_code e) noexcept { report_.note(e); }
    exit_code code() const noexcept { return report_.code(); }
    bool service_seen() const noexcept { return service_seen_; }

    plan_outcome outcome;

private:
    struct pending
    {
        std::uint64_t line;
        desired_room wanted;
        bool other = false; // not in the manifest, but kept
    };

    static room_state state_of(const rooms::bulk_result& r) noexcept
    {
        if (!r.error) return room_state::present;
        return r.error == rooms::errc::not_found ? room_state::missing : room_state::unread;
    }

    // Completes a room of the manifest with what an earlier run kept of it.
    kept_action heed_kept(const rooms::bulk_result& r, desired_room& wanted)
    {
        const desired_room* const kept = kept_ != nullptr ? kept_->find(wanted.room.id()) : nullptr;
        if (kept == nullptr) return kept_action::wait;
        const kept_action action = action_for(*kept, state_of(r), r.error ? nullptr : &r.room);
        if (action == kept_action::create) wanted = with_kept(std::move(wanted), *kept);
        if (action == kept_action::set_status && !wanted.status) wanted.status = kept->status;
        if (action == kept_action::settle) outcome.decisions.settled.push_back(wanted.room.id());
        return action;
    }

    std::optional<rooms::operation> next_other()
    {
        if (kept_ == nullptr) return std::nullopt;
        if (!at_others_) other_ = kept_->rooms().begin();
        at_others_ = true;
        for (; other_ != kept_->rooms().end(); ++other_) {
            if (in_manifest_.contains(other_->first)) continue;
            pending_.push_back({0, other_->second, true});
            return rooms::operation::get((other_++)->first);
        }
        return std::nullopt;
    }

    void take_other(const rooms::bulk_result& r, pending& p)
    {
        room_plan plan;
        switch (action_for(p.wanted, state_of(r), r.error ? nullptr : &r.room)) {
        case kept_action::settle: outcome.decisions.settled.push_back(p.wanted.room.id()); return;
        case kept_action::create: plan = make_plan(p.wanted, nullptr, false); break;
        case kept_action::set_status: plan.steps.add(plan_step::status); break;
        case kept_action::wait:
            plan.steps.add(plan_step::unread);
            report_.note(exit_code_of(r.error, rooms::effect::none));
            break;
        }
        count(plan.steps);
        tell_({p.wanted.room.id(), 0, plan, plan.steps.has(plan_step::unread) ? r.error : rooms::error_code(),
               r.diagnostics});
        if (!plan.steps.has(plan_step::unread))
            outcome.decisions.others.push_back({plan.steps, std::move(p.wanted)});
    }

    void keep(const room_plan& plan)
    {
        plan_decisions& all = outcome.decisions;
        if (plan.anew) all.anew.emplace(all.steps.size(), *plan.anew);
        all.steps.push_back(plan.steps);
    }

    void count(plan_steps steps)
    {
        plan_summary& s = outcome.summary;
        const auto add = [&](rooms::operation_kind k) { ++s.operations[static_cast<std::size_t>(k)]; };
        ++s.rooms;
        if (steps.empty()) ++s.unchanged;
        if (steps.has(plan_step::unread)) ++s.unread;
        if (steps.has(plan_step::cannot)) ++s.cannot;
        const bool recreated = steps.has(plan_step::recreate);
        const bool anew = recreated || steps.has(plan_step::create);
        if (recreated) add(rooms::operation_kind::delete_room);
        if (anew) add(rooms::operation_kind::create_room);
        if (anew) ++(recreated ? s.recreate : s.create);
        if (steps.has(plan_step::voice)) {
            ++s.voice;
            add(rooms::operation_kind::set_voice);
        }
        if (steps.has(plan_step::status)) {
            if (!anew) ++s.status;
            add(rooms::operation_kind::set_status);
        }
    }

    manifest::reader entries_;
    bool recreate_;
    bool keep_decisions_;
    const std::function<void(const planned_room&)>& tell_;
    const kept_file* kept_;
    std::unordered_set<std::string> in_manifest_; // of those that are kept
    std::map<std::string, desired_room>::const_iterator other_;
    bool at_others_ = false;
    std::deque<pending> pending_;
    bool service_seen_ = false;
    bulk_report report_; // for the exit code
};

} // namespace

plan_outcome compare(bulk_session& session, const manifest& m, bool recreate, bool keep_decisions,
                     const std::function<void(const planned_room&)>& tell, const kept_file* kept)
{
    comparison c(m, recreate, keep_decisions, tell, kept);
    if (keep_decisions) c.outcome.decisions.steps.reserve(static_cast<std::size_t>(m.selected()));
    bulk_job job;
    job.name = "plan";
    job.source = [&c] { return c.next(); };
    job.sink = [&c](rooms::bulk_result&& r) { c.take(std::move(r)); };
    job.options.in_order = true;
    job.options.skip_after_failure = false;
    job.options.total = m.selected();
    const bulk_end end = session.run(std::move(job));
    if (end.thrown) std::rethrow_exception(end.thrown);

    plan_summary& s = c.outcome.summary;
    s.left_out = m.invalid();
    s.stopped_by = end.why;
    s.stop_reason = end.reason;
    s.unproven = !c.service_seen() && s.create != 0;
    c.note(m.invalid() != 0 ? exit_code::rejected : exit_code::done);
    s.code = c.code();
    if (s.code == exit_code::done && end.why) s.code = exit_code_of(end.why, rooms::effect::none);
    if (s.code == exit_code::done && s.unproven) s.code = exit_code::not_reached;
    return std::move(c.outcome);
}

void require_rooms(const manifest& m, const std::string& file)
{
    if (m.kind() == entry_kind::operation)
        throw usage_error(file + ": holds operations; only desired rooms (entries without `op`) can be "
                                 "compared with what is there");
}

exit_code run_plan(const settings& options, const plan_command& command)
{
    const rooms::config config = make_bulk_config(options, command.pace);
    const auto out = make_bulk_output(options.json);
    const manifest m(command.file, command.input);
    if (m.faults().count() != 0) out->faults("plan", command.file, m, !m.usable());
    if (!m.usable()) return exit_code::usage;
    if (m.size() == 0) warn_of_nothing(command.file);
    require_rooms(m, command.file);

    bulk_session session(config, command.pace, display_of(options, command.pace, true));
    plan_outcome plan =
        compare(session, m, command.recreate, false, [&](const planned_room& r) { out->planned(r); });
    plan.summary.command = "plan";
    plan.summary.file = command.file;
    out->plan_done(plan.summary);
    session.leave(plan.summary.code);
    return plan.summary.code;
}

} // namespace roomctl
