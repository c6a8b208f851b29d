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
    for (const caller* before : record_.active()) {
        if (!before->over || before->over_order > c.over_order || before->number >= c.number ||
            before->room != c.room || !before->changes() || before->exchanges.empty())
            continue;
        require(false, "handlers_in_order", c, "is told of its end before " + before->name());
    }
}

void checker::check_error(const caller& c)
{
    const auto e = static_cast<errc>(c.error.value());
    const bool ours = c.error.category() == rooms_category();
    require(ours, "distinct_errors", c, "of another category");
    const auto waited = c.ended - c.started;
    static const exchange nothing_sent;
    const exchange* const last = c.exchanges.empty() ? &nothing_sent : c.exchanges.back();
    switch (e) {
    case errc::cancelled:
        require(c.cancelled || c.cancelled_total, "distinct_errors", c, "was not cancelled");
        break;
    case errc::deadline_exceeded:
        require(c.expired || c.ended >= c.deadline || lacked_time(c), "distinct_errors", c,
                "its deadline is still to come");
        break;
    case errc::draining: require(c.refused_drain, "distinct_errors", c, "nothing drains"); break;
    case errc::shutting_down: require(stopped(), "distinct_errors", c, "nobody destroyed the client"); break;
    case errc::pool_timeout:
        require(plan_.settings.pool_timeout.count() > 0 && waited >= plan_.settings.pool_timeout,
                "distinct_errors", c, "has not waited that long");
        break;
    case errc::not_found:
        require(c.diagnostics.http_status() == 404 && last->no_room_told() &&
                    c.kind != operation_kind::create_room,
                "distinct_errors", c, "nobody said that there is no such room");
        break;
    case errc::bad_body:
    case errc::conflict:
    case errc::bad_request:
        require(!last->another_room, "another_room", c, "believes a response that is not its own");
        break;
    case errc::unauthorized: require(last->status == 401, "distinct_errors", c, "no 401"); break;
    case errc::forbidden: require(last->status == 403, "distinct_errors", c, "no 403"); break;
    case errc::unknown_project:
        require(last->no_project_told(), "distinct_errors", c, "nobody said that there is no such project");
        break;
    case errc::unexpected_encoding:
        require(last->encoded && last->kind == operation_kind::get_room, "distinct_errors", c,
                "no content coding was in the way");
        break;
    case errc::not_the_service:
        require(last->web_page || (last->status == 404 && last->kind == operation_kind::create_room),
                "distinct_errors", c, "the service answered");
        break;
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
    require(!last->another_room, "another_room", c, "believes a response that is not its own");
    const bool answered_well = last->succeeded();
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
        const bool gone = last->no_room_told();
        require(gone ? in_doubt || c.policy.accept_missing_on_delete : applied > 0, "effect_applied", c);
        break;
    }
    default:
        require(answered_well && applied > 0 && last->applied > 0, "effect_applied", c,
                "success, and no such change in the service's record");
        if (last->usable) check_told_of_change(c, last->answer);
    }
}

void checker::check_told_of_change(const caller& c, const std::string& answer)
{
    if (answer != "true")
        return require(c.told.raw_json() == answer, "told_of_the_room", c, c.told.raw_json());
    // What was asked for is what there is to tell.
    const auto id = c.told.id();
    require(id && *id == c.room, "told_of_the_room", c, "another id");
    require(c.kind != operation_kind::set_voice || c.told.voice() == c.voice, "told_of_the_room", c, "voice");
    require(c.kind != operation_kind::set_status || c.told.status() == c.status, "told_of_the_room", c,
            "status");
    require(c.diagnostics.note().empty(), "told_of_the_room", c, c.diagnostics.note());
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
