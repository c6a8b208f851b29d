// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include "answered_room.hpp"
#include "bulk_setup.hpp"
#include "commands.hpp"
#include "kept_rules.hpp"
#include "project_identity.hpp"

#include <deque>
#include <exception>
#include <set>
#include <utility>
#include <variant>

namespace roomctl {

namespace {

class comparison
{
public:
    comparison(const manifest& m, bool recreate, bool keep_decisions,
               const std::function<void(const planned_room&)>& tell, const kept_rooms& kept)
        : entries_(m.read())
        , recreate_(recreate)
        , keep_decisions_(keep_decisions)
        , tell_(tell)
        , kept_(kept)
        , other_(kept.begin())
    {}

    std::optional<rooms::operation> next()
    {
        std::optional<manifest_entry> e = entries_.next();
        if (!e) return next_other();
        pending_.push_back({e->at.line, std::get<desired_room>(std::move(e->content))});
        const std::string& id = pending_.back().wanted.room.id();
        if (kept_.contains(id)) in_manifest_.insert(id);
        return rooms::operation::get(id);
    }

    // Results come in the order of the entries.
    void take(rooms::bulk_result&& r)
    {
        pending p = std::move(pending_.front());
        pending_.pop_front();
        if (r.error == rooms::errc::stopped) return;

        refuse_other_room(r);
        // A 404 without the form of the API's errors may come from another host.
        if (!r.error || r.diagnostics.recognized()) service_seen_ = true;
        const room_plan plan = p.other ? plan_other(r, p.wanted) : plan_of(r, p.wanted);
        if (p.other && plan.steps.empty()) return;
        count(plan);
        const bool unread = plan.steps.has(plan_step::unread);
        if (unread) report_.note(exit_code_of(r.error, rooms::effect::none));
        if (plan.steps.has(plan_step::cannot) || !plan.obstacle.empty()) report_.note(exit_code::rejected);
        if (keep_decisions_) keep(plan, p.other);
        if (plan.steps.empty()) return;
        tell_({p.wanted.room.id(), p.line, plan, unread ? r.error : rooms::error_code(), r.diagnostics});
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

    // The plan of a room of the manifest. An earlier run may have kept the room.
    room_plan plan_of(const rooms::bulk_result& r, const desired_room& wanted)
    {
        const rooms::room* const actual = r.error ? nullptr : &r.room;
        const room_state state = state_of(r);
        const auto kept = kept_.find(wanted.room.id());
        if (kept == kept_.end()) return plan_of(state, actual, wanted);
        switch (action_for(kept->second, state, actual)) {
        case kept_action::create: return plan_missing(wanted, kept->second);
        case kept_action::set_status: return plan_status(actual, wanted, kept->second);
        case kept_action::settle: settle(kept->first); break;
        case kept_action::wait: outcome.decisions.waiting.push_back(kept->first); break;
        }
        return plan_of(state, actual, wanted);
    }

    room_plan plan_of(room_state state, const rooms::room* actual, const desired_room& wanted) const
    {
        if (state != room_state::unread) return make_plan(wanted, actual, recreate_);
        room_plan plan;
        plan.steps.add(plan_step::unread);
        return plan;
    }

    // The plan of a room whose kept status was not set. The manifest's status takes precedence.
    room_plan plan_status(const rooms::room* actual, desired_room wanted, const desired_room& kept)
    {
        if (!wanted.status) wanted.status = kept.status;
        room_plan plan = make_plan(wanted, actual, recreate_);
        if (!plan.steps.has(plan_step::status)) settle(wanted.room.id());
        if (!plan.whole) plan.whole = std::move(wanted);
        return plan;
    }

    // The plan of a room that an earlier run kept and that is not in the manifest.
    room_plan plan_other(const rooms::bulk_result& r, const desired_room& kept)
    {
        const std::string& id = kept.room.id();
        room_plan plan;
        switch (action_for(kept, state_of(r), r.error ? nullptr : &r.room)) {
        case kept_action::settle: settle(id); break;
        case kept_action::create: {
            const desired_room bare{rooms::new_room(id, kept.room.name(), kept.room.about()), std::nullopt};
            return plan_missing(bare, kept);
        }
        case kept_action::set_status: return plan_missing_status(kept, r.room);
        case kept_action::wait:
            outcome.decisions.waiting.push_back(id);
            plan.steps.add(plan_step::unread);
            break;
        }
        return plan;
    }

    void settle(const std::string& id) { outcome.decisions.settled.push_back(id); }

    std::optional<rooms::operation> next_other()
    {
        for (; other_ != kept_.end(); ++other_) {
            if (in_manifest_.contains(other_->first)) continue;
            pending_.push_back({0, other_->second, true});
            return rooms::operation::get((other_++)->first);
        }
        return std::nullopt;
    }

    void keep(const room_plan& plan, bool other)
    {
        plan_decisions& all = outcome.decisions;
        if (other) {
            if (plan.whole) all.others.push_back({plan.steps, *plan.whole});
            return;
        }
        if (plan.whole) all.whole.emplace(all.steps.size(), *plan.whole);
        all.steps.push_back(plan.steps);
    }

    void count(const room_plan& plan)
    {
        const plan_steps steps = plan.steps;
        plan_summary& s = outcome.summary;
        const auto add = [&](rooms::operation_kind k) { ++s.operations[static_cast<std::size_t>(k)]; };
        ++s.rooms;
        if (plan.deleted_earlier) ++s.deleted_earlier;
        if (steps.empty()) ++s.unchanged;
        if (steps.has(plan_step::unread)) ++s.unread;
        if (steps.has(plan_step::cannot)) ++s.cannot;
        const bool recreated = steps.has(plan_step::recreate);
        const bool creates = recreated || steps.has(plan_step::create);
        if (recreated) add(rooms::operation_kind::delete_room);
        if (creates) add(rooms::operation_kind::create_room);
        if (creates) ++(recreated ? s.recreate : s.create);
        if (steps.has(plan_step::voice)) {
            ++s.voice;
            add(rooms::operation_kind::set_voice);
        }
        if (steps.has(plan_step::status)) {
            if (!creates) ++s.status;
            add(rooms::operation_kind::set_status);
        }
    }

    manifest::reader entries_;
    bool recreate_;
    bool keep_decisions_;
    const std::function<void(const planned_room&)>& tell_;
    const kept_rooms& kept_;
    std::set<std::string> in_manifest_; // of those that are kept
    kept_rooms::const_iterator other_;
    std::deque<pending> pending_;
    bool service_seen_ = false;
    bulk_report report_; // for the exit code
};

} // namespace

plan_outcome compare(bulk_session& session, const manifest& m, bool recreate, bool keep_decisions,
                     const std::function<void(const planned_room&)>& tell, const kept_rooms& kept)
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

    const std::string path = kept_path(command.kept, command.file, command.input.part);
    const kept_rooms kept = read_kept_rooms(path, {service_of(config), command.accept_project});
    bulk_session session(config, command.pace, display_of(options, command.pace, true));
    plan_outcome plan =
        compare(session, m, command.recreate, false, [&](const planned_room& r) { out->planned(r); }, kept);
    plan.summary.command = "plan";
    plan.summary.file = command.file;
    if (plan.leaves_kept(kept)) plan.summary.kept = path;
    out->plan_done(plan.summary);
    session.leave(plan.summary.code);
    return plan.summary.code;
}

} // namespace roomctl
