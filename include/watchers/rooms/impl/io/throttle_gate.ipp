// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/flag_guard.hpp>
#include <watchers/rooms/impl/io/throttle_gate.hpp>

namespace watchers::rooms::detail {

// Under a limit on the rate, a call that went on while no connection was to be had would be sent later,
// together with others.
WATCHERS_ROOMS_DECL bool throttle_gate::open(clock::time_point now) const noexcept
{
    return throttle_.open(now) && (!throttle_.limited() || engine_.can_serve());
}

WATCHERS_ROOMS_DECL bool throttle_gate::pass(call& c, clock::time_point now)
{
    if (line_.empty() && open(now)) {
        throttle_.take(now);
        return true;
    }
    watch(now);
    c.stand_in(line_, waiting_line::end::back);
    return false;
}

WATCHERS_ROOMS_DECL void throttle_gate::put_back(call& c, clock::time_point now)
{
    watch(now);
    c.stand_in(line_, waiting_line::end::front);
}

WATCHERS_ROOMS_DECL void throttle_gate::pump(clock::time_point now)
{
    if (pumping_ || line_.empty()) return; // a call that goes on may free a connection by failing
    {
        const flag_guard guard(pumping_);
        while (!line_.empty() && open(now)) {
            throttle_.take(now);
            call& c = line_.front();
            c.leave_line();
            c.acquire(now, true);
        }
    }
    if (!line_.empty()) watch(now);
}

// Sees to it that pump() is called when time alone opens the gate.
WATCHERS_ROOMS_DECL void throttle_gate::watch(clock::time_point now)
{
    if (!armed() && !throttle_.open(now)) engine_.clock_timers().set(*this, throttle_.next());
}

WATCHERS_ROOMS_DECL void throttle_gate::close() noexcept { engine_.clock_timers().cancel(*this); }

} // namespace watchers::rooms::detail
