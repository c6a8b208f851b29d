// SPDX-License-Identifier: BSL-1.0
// Invariants of what callers are told.
#include "checker.hpp"

#include <algorithm>

namespace watchers::rooms::sim {

void checker::on_applied(exchange& x)
{
    world_.note("applied", x.number, x.applied);
    if (x.by == nullptr || !x.by->done()) return;
    require(x.by->diagnostics.effect() != effect::none, "effect_none", *x.by,
            "a request of it is carried out after its end");
}

void checker::on_handler(caller& c)
{
    world_.note("handler", c.name(), c.error.message(), to_string(c.diagnostics.effect()),
                to_string(c.diagnostics.phase()), c.diagnostics.attempts(),
                c.diagnostics.confirmed() ? "confirmed" : "");
    require(c.handler_calls == 1, "exactly_once", c, "the handler is called again");
    require(c.returned, "exactly_once", c, "the handler is called inside the initiating function");
    require(!abandoned_, "exactly_once", c, "the handler is called although the context is gone");
    require(c.ended <= c.deadline || c.expired, "deadline", c, "ends after it");
    require(c.over || !c.begun, "hooks", c, "its handler is called without on_call_end");
    if (c.error)
        check_error(c);
    else
        check_success(c);
    check_effect(c);
    check_told(c);
    // A caller who acts on the end of a change finds the changes before it ended as well.
    if (!plan_.settings.ordered_changes || !c.changes() || !c.begun) return;
    for (const caller* before : record_.active())
        require(!before->over || before->over_order > c.over_order || before->number >= c.number ||
                    before->room != c.room || !before->changes() || before->exchanges.empty(),
                "handlers_in_order", c, "is told of its end before " + before->name());
}

void checker::check_error(const caller& c)
{
    const auto e = static_cast<errc>(c.error.value());
    const bool ours = c.error.category() == rooms_category();
    require(ours, "distinct_errors", c, "of another category");
    const auto waited = c.ended - c.started;
    switch (e) {
    case errc::cancelled:
        require(c.cancelled || c.cancelled_total, "distinct_errors", c, "was not cancelled");
        break;
    case errc::deadline_exceeded:
        require(c.expired || c.ended >= c.deadline, "distinct_errors", c, "its deadline is still to come");
        break;
    case errc::draining: require(c.refused_drain, "distinct_errors", c, "nothing drains"); break;
    case errc::shutting_down: require(stopped(), "distinct_errors", c, "nobody destroyed the client"); break;
    case errc::pool_timeout:
        require(plan_.settings.pool_timeout.count() > 0 && waited >= plan_.settings.pool_timeout,
                "distinct_errors", c, "has not waited that long");
        break;
    case errc::not_found: require(c.diagnostics.http_status() == 404, "distinct_errors", c, "no 404"); break;
    case errc::outcome_unknown:
        require(c.kind == operation_kind::create_room && c.policy.confirm_creates, "distinct_errors", c,
                "nothing was to be confirmed");
        break;
    case errc::credentials_failed:
        require(plan_.provider, "distinct_errors", c, "there is no provider");
        break;
    case errc::invalid_argument: require(false, "distinct_errors", c, "its arguments are good"); break;
    case errc::resource_exhausted:
        require(!c.last_sent && c.last_error == e, "distinct_errors", c, "there were descriptors left");
        break;
    default: break;
    }
}

void checker::check_effect(const caller& c)
{
    const auto told = c.diagnostics.effect();
    unsigned applied = 0;
    bool doubtful = false;
    bool duplicate_after_429 = false;
    bool looked_for = false;
    for (const exchange* x : c.exchanges) {
        if (x->looks) continue;
        applied += x->applied_knowably();
        doubtful = doubtful || x->doubtful();
        if (x->status == 429) duplicate_after_429 = true;
        if (c.policy.confirm_conflicts && x->duplicate()) looked_for = true;
    }
    if (!c.changes()) return require(told == effect::none, "effect_of_get", c);
    switch (told) {
    case effect::none: require(applied == 0, "effect_none", c, "it was carried out"); break;
    case effect::applied:
        require(applied > 0 || !c.error, "effect_applied", c, "it was not carried out");
        break;
    case effect::unknown:
        require(doubtful || duplicate_after_429 || looked_for, "effect_unknown", c,
                "every request of it was refused");
        break;
    }
}

void checker::check_success(const caller& c)
{
    const exchange* last = c.exchanges.empty() ? nullptr : c.exchanges.back();
    if (last == nullptr || last->status == 0) return require(false, "success", c, "without an answer");
    const bool answered_well = last->status / 100 == 2;
    unsigned applied = 0;
    bool in_doubt = false;
    bool looked_for = false;
    for (const exchange* x : c.exchanges) {
        if (x->looks) continue;
        applied += x->applied;
        in_doubt = in_doubt || x->doubtful() || x->status == 429;
        looked_for = looked_for || (c.policy.confirm_conflicts && x->duplicate());
    }
    require(c.told.confirmed() == c.diagnostics.confirmed(), "confirmed", c, "told in two ways");
    if (c.diagnostics.confirmed()) {
        require(c.kind == operation_kind::create_room && last->looks && answered_well, "confirmed", c,
                "nothing was looked at");
        require(in_doubt || looked_for, "confirmed", c, "no answer was lost");
        require(last->found.has_value() && c.told.raw_json() == last->answer, "confirmed", c,
                "nothing was found");
        require(last->found_matching || !plan_.tells_members, "confirmed", c,
                "the room that was found has other members");
        return;
    }
    require(!last->looks, "created", c, "was confirmed, and does not say so");
    switch (c.kind) {
    case operation_kind::get_room: {
        const auto id = c.told.id();
        require(answered_well && last->usable && id && *id == c.room && c.told.raw_json() == last->answer,
                "told_of_the_room", c, c.told.raw_json());
        break;
    }
    case operation_kind::delete_room: {
        const bool gone = last->status == 404;
        require(gone ? in_doubt || c.policy.accept_missing_on_delete : applied > 0, "effect_applied", c);
        break;
    }
    default:
        require(answered_well && applied > 0 && last->applied > 0, "effect_applied", c,
                "success, and no such change in the service's record");
        if (last->usable)
            require(c.told.raw_json() == last->answer, "told_of_the_room", c, c.told.raw_json());
    }
}

void checker::check_told(const caller& c)
{
    require(c.diagnostics.attempts() == c.exchanges.size(), "attempts_told", c,
            std::to_string(c.diagnostics.attempts()) + " told, " + std::to_string(c.exchanges.size()) +
                " sent");
    require(c.diagnostics.operation() == c.kind, "told", c, "another operation");
    require(c.retries == 0 || c.diagnostics.last_failure(), "told", c,
            "no last failure though it was retried");
}

} // namespace watchers::rooms::sim
