// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/backoff.hpp>
#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <algorithm>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL retry_step retry_fsm::on_attempt(const attempt_result& r, const circumstances& c) noexcept
{
    if (!r.error)
        return state_ == state::operation ? on_success(r.effect, c.budget) : judge_found(r, c.budget);
    note_effect(r.effect);
    if (r.how == failure::credentials) {
        if (asked_credentials_ || !r.other_credentials) return give_up(r);
        asked_credentials_ = true;
        retry_step step;
        step.what = retry_step::action::ask_credentials;
        step.role = role();
        return step;
    }
    if (state_ != state::operation) {
        if (r.error == errc::not_found && r.recognized) return on_not_there(r, c);
        return react(operation_kind::get_room, r.how, false) == reaction::retry ? retry(r, c) : give_up(r);
    }
    if (kind_ == operation_kind::delete_room && r.error == errc::not_found &&
        (lost_ || c.policy.accept_missing_on_delete))
        return on_missing_at_delete(r, c);
    // Row 80: the refused request may be the second copy of one that was carried out.
    const bool in_doubt = lost_ || throttled_ || (r.how == failure::duplicate && c.policy.confirm_conflicts);
    switch (react(kind_, r.how, in_doubt)) {
    case reaction::retry: break;
    case reaction::confirm: return begin_confirmation(r, c);
    default: return give_up(r);
    }
    const bool not_carried_out =
        r.how == failure::unsent || r.how == failure::misdirected || r.how == failure::throttled;
    return not_carried_out || c.policy.idempotent.contains(kind_) ? retry(r, c) : give_up(r);
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::on_missing_at_delete(const attempt_result& r,
                                                               const circumstances& c) noexcept
{
    if (!r.recognized)
        return give_up(r, "the 404 does not have the form of the API's responses: it does not prove that the "
                          "room is gone");
    retry_step step = on_success(lost_ ? rooms::effect::applied : rooms::effect::none, c.budget);
    step.note = lost_ ? "the room is gone; an earlier request of this call, whose answer was lost, may have "
                        "deleted it"
                      : "there was no such room";
    return step;
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::on_dead_connection(const retry_policy& policy) noexcept
{
    const bool repeatable = role() == request_role::confirmation || policy.idempotent.contains(kind_);
    retry_step step;
    if (replayed_ || !policy.replay_on_dead_connection || !repeatable) return step;
    note_effect(rooms::effect::unknown);
    replayed_ = true;
    step.what = retry_step::action::send;
    step.role = role();
    step.replay = true;
    return step;
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::on_success(rooms::effect done, retry_budget& budget) noexcept
{
    budget.give_back(last_cost_);
    retry_step step;
    step.effect = done;
    return step;
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::judge_found(const attempt_result& r, retry_budget& budget) noexcept
{
    budget.give_back(last_cost_);
    retry_step step;
    if (r.matches) {
        step.effect = rooms::effect::applied;
        step.confirmed = true;
        return step;
    }
    step.error = errc::conflict;
    step.effect = lost_ ? rooms::effect::unknown : rooms::effect::none;
    step.note = lost_ ? "the answer to the create was lost; the room that was then found has other members"
                      : "the room that was found has other members";
    return step;
}

// Either the create was not carried out, or not yet.
WATCHERS_ROOMS_DECL retry_step retry_fsm::on_not_there(const attempt_result& r,
                                                       const circumstances& c) noexcept
{
    if (state_ == state::looking) {
        state_ = state::looking_again;
        return send(r, c.policy.settle_delay, c, at::a_cost);
    }
    if (created_again_) return give_up(r);
    retry_step step = send(r, {}, c, at::a_cost);
    if (step.what == retry_step::action::finish) return step; // judged as the look that it was
    created_again_ = true;
    state_ = state::operation;
    step.role = role();
    return step;
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::begin_confirmation(const attempt_result& r,
                                                             const circumstances& c) noexcept
{
    if (!c.policy.confirm_creates) return give_up(r);
    refusal_ = r.effect == rooms::effect::unknown ? error_code() : r.error;
    state_ = state::looking;
    return send(r, {}, c, at::no_cost); // a first look is no repetition
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::retry(const attempt_result& r, const circumstances& c) noexcept
{
    std::uint8_t* failures = &ambiguous_failures_;
    unsigned limit = c.policy.ambiguous_attempts;
    if (r.how == failure::unsent || r.how == failure::misdirected) {
        failures = &unsent_failures_;
        limit = c.policy.unsent_attempts;
    } else if (r.how == failure::throttled) {
        failures = &throttled_failures_;
        limit = c.policy.throttled_attempts;
        throttled_ = true;
    }
    if (++*failures >= limit) return give_up(r);
    return send(r, backoff(c.policy.backoff_base, c.policy.backoff_cap, retries_, c.random), c, at::a_cost);
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::send(const attempt_result& r, clock::duration delay,
                                               const circumstances& c, at price) noexcept
{
    if (r.retry_after) {
        if (*r.retry_after > c.policy.max_retry_after)
            return give_up(r, "not tried again: the service asks for a longer wait than max_retry_after");
        // All clients that were told the same shall not come back at the same moment.
        const auto spread = backoff(c.policy.backoff_base, c.policy.backoff_base, 0, c.random);
        delay = std::max<clock::duration>(delay, *r.retry_after + spread);
    }
    const auto left = c.deadline - c.now;
    if (delay >= left) return give_up(r, "not tried again: the wait would outlast the call's timeout");
    if ((role() == request_role::operation ? c.operation_takes : c.look_takes) > left - delay)
        return give_up(r, "not tried again: less time is left than an exchange takes");

    if (price == at::a_cost) {
        const bool timed_out = r.how == failure::timed_out || r.how == failure::request_timeout;
        const unsigned cost = timed_out ? retry_budget::timeout_cost : retry_budget::retry_cost;
        if (!c.budget.take(cost)) {
            retry_step step = give_up(r, "not tried again: the client's retry budget is spent");
            step.denied = true;
            return step;
        }
        last_cost_ = static_cast<std::uint16_t>(cost);
    }
    ++retries_;
    retry_step step;
    step.what = retry_step::action::send;
    step.role = role();
    step.delay = delay;
    return step;
}

WATCHERS_ROOMS_DECL retry_step retry_fsm::give_up(const attempt_result& r, const char* note) noexcept
{
    retry_step step;
    step.note = note;
    step.error = r.error;
    step.effect = lost_ ? rooms::effect::unknown : r.effect;
    if (state_ == state::operation) {
        if (created_again_ && lost_) step.error = errc::outcome_unknown;
    } else if (!lost_ && r.error == errc::not_found && r.recognized) {
        step.error = refusal_;
        step.effect = rooms::effect::none;
    } else {
        step.error = errc::outcome_unknown;
        step.effect = rooms::effect::unknown;
    }
    return step;
}

} // namespace watchers::rooms::detail
