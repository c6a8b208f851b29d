// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/io/engine.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL void call::seek_connection(clock::time_point now)
{
    // What this call waited for may be what ended at the same moment: nothing is sent in vain.
    if (now >= deadline_) return interrupt(errc::deadline_exceeded);
    if (!can_finish(now)) return turn_away();
    if (engine_.observed()) queued_ = now;
    const auto id = id_;
    try {
        if (engine_.credentials_in_use().missing()) {
            stage_ = stage::credentials;
            return engine_.credentials_in_use().wait(*this, now);
        }
        if (begun_in_background_ && !tried_before()) stop_clock();
        if (engine_.gate().paused(now) && too_late_for_pause(now)) return;
        if (engine_.gate().full() && !beyond_limits()) {
            diagnostics_.set_phase(phase::throttle);
            return fail_waiting(errc::pool_full);
        }
        stage_ = stage::throttled;
        if (engine_.gate().pass(*this, now)) acquire(now, beyond_limits());
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

// A wait that would outlast the call is not begun.
WATCHERS_ROOMS_DECL bool call::too_late_for_pause(clock::time_point now)
{
    const auto until = engine_.gate().paused_until();
    if (!outlasted_by(until)) return false;
    diagnostics_.set_phase(phase::throttle)
        .set_retry_after(std::chrono::ceil<std::chrono::seconds>(until - now));
    fail_waiting(errc::rate_limited);
    return true;
}

// @param beyond_limit also where more calls wait already than config::max_waiting_calls.
WATCHERS_ROOMS_DECL void call::acquire(clock::time_point now, bool beyond_limit)
{
    if (!can_finish(now)) return turn_away();
    stage_ = stage::queued;
    const auto acquired = engine_.acquire(*this, now, beyond_limit);
    switch (acquired.result) {
    case pool_core::outcome::assigned:
        return on_connection(static_cast<connection&>(*acquired.connection), now);
    case pool_core::outcome::full: diagnostics_.set_phase(phase::queue); return fail_waiting(errc::pool_full);
    case pool_core::outcome::queued: break;
    }
    const auto id = id_;
    try {
        const auto limit = engine_.settings().pool_timeout;
        if (limit.count() > 0) engine_.clock_timers().set(*this, std::min(deadline_, now + limit));
        engine_.open_wanted();
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

// The service asked for a pause while the call waited in the pool.
WATCHERS_ROOMS_DECL void call::put_back(clock::time_point now)
{
    const auto id = id_;
    try {
        if (clock_stands())
            engine_.clock_timers().cancel(*this);
        else
            engine_.clock_timers().set(*this, deadline_);
        if (too_late_for_pause(now)) return;
        stage_ = stage::throttled;
        engine_.gate().put_back(*this, now);
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void call::stand_in(waiting_line& l, waiting_line::end e) noexcept
{
    line_ = &l;
    if (e == waiting_line::end::front)
        l.push_front(*this);
    else
        l.push_back(*this);
}

WATCHERS_ROOMS_DECL void call::leave_line() noexcept
{
    if (waiting_line* const l = std::exchange(line_, nullptr)) l->erase(*this);
}

// A call that is not in the background waits for changes of its room: they go first together with it.
WATCHERS_ROOMS_DECL void call::raise_those_ahead() noexcept
{
    if (background()) return;
    for (room_order::change* c = ahead(); c != nullptr; c = c->ahead())
        static_cast<call*>(c)->raise();
}

WATCHERS_ROOMS_DECL void call::raise() noexcept
{
    if (!background()) return;
    if (line_ != nullptr) return engine_.gate().raise(*this);
    engine_.raise(*this);
}

WATCHERS_ROOMS_DECL clock::duration call::exchange_takes(operation_kind k,
                                                         clock::time_point now) const noexcept
{
    const auto& fixed = engine_.settings().expected_exchange_time;
    return std::min<clock::duration>(fixed ? *fixed : engine_.times(k).estimate(now), attempt_timeout_);
}

WATCHERS_ROOMS_DECL bool call::can_finish(clock::time_point now) const noexcept
{
    const auto left = deadline_ - now;
    return left >= attempt_timeout_ || left >= exchange_takes(next_kind(), now);
}

// A request that would be cut by the deadline may be carried out all the same: it is not sent.
WATCHERS_ROOMS_DECL void call::turn_away()
{
    leave_line();
    engine_.withdraw(*this);
    engine_.on_turned_away();
    diagnostics_.set_phase(fsm_.role() == request_role::confirmation ? phase::confirm : phase::queue)
        .set_effect(fsm_.effect());
    finish(errc::deadline_exceeded, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::on_no_credentials(error_code cause)
{
    diagnostics_.set_phase(phase::credentials).set_cause(cause);
    fail_waiting(errc::credentials_failed);
}

// What the call waited for cannot be had: an attempt that was not even begun. It is off all lines.
WATCHERS_ROOMS_DECL void call::fail_waiting(errc why)
{
    attempt_result r;
    r.error = why;
    r.how = failure::unreachable;
    go_on(r, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::on_deadline(clock::time_point now)
{
    if (now >= deadline_) return interrupt(errc::deadline_exceeded);
    switch (stage_) {
    case stage::backoff: return resume(now);
    case stage::exchanging: {
        const bool writing = connection_->exchange_phase() == phase::write;
        distrust_idle(*connection_, now);
        return fail_exchange(*connection_, writing ? errc::write_timeout : errc::response_timeout, {},
                             when::later);
    }
    default:
        if (clock_stands() && (stage_ != stage::queued || engine_.settings().pool_timeout.count() == 0))
            return;
        diagnostics_.set_phase(waiting_phase());
        engine_.withdraw(*this);
        return fail_waiting(errc::pool_timeout);
    }
}

WATCHERS_ROOMS_DECL void call::resume(clock::time_point now)
{
    try {
        engine_.clock_timers().set(*this, deadline_);
    } catch (const std::bad_alloc&) {
        return interrupt(errc::resource_exhausted);
    }
    seek_connection(now);
}

} // namespace watchers::rooms::detail
