// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/flag_guard.hpp>
#include <watchers/rooms/impl/io/throttle_gate.hpp>

#include <exception>
#include <new>

namespace watchers::rooms::detail {

// Under a limit on the rate, a call that went on while no connection was to be had would be sent later,
// together with others.
WATCHERS_ROOMS_DECL bool throttle_gate::open(clock::time_point now) const noexcept
{
    return throttle_.open(now) && (!throttle_.limited() || engine_.can_serve());
}

WATCHERS_ROOMS_DECL bool throttle_gate::pass(call& c, clock::time_point now)
{
    if (line_.empty() && (!c.background() || background_.empty()) && open(now)) return true;
    watch(now);
    c.stand_in(line_of(c), waiting_line::end::back);
    engine_.note_pool();
    return false;
}

WATCHERS_ROOMS_DECL std::exception_ptr throttle_gate::pause(clock::time_point until, clock::time_point now)
{
    if (until <= paused_until()) return nullptr;
    throttle_.pause(until);
    waiting_line late; // apart: as they end, others may come
    for (waiting_line* const l : {&line_, &background_}) {
        for (call *c = l->empty() ? nullptr : &l->front(), *next = nullptr; c != nullptr; c = next) {
            next = l->next(*c);
            if (!c->outlasted_by(until)) continue;
            c->leave_line();
            c->stand_in(late, waiting_line::end::back);
        }
    }
    std::exception_ptr out_of_memory;
    while (!late.empty()) {
        call& c = late.front();
        c.leave_line();
        try {
            c.too_late_for_pause(now);
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    return out_of_memory;
}

WATCHERS_ROOMS_DECL void throttle_gate::put_back(call& c, clock::time_point now)
{
    watch(now);
    c.stand_in(line_of(c), waiting_line::end::front);
    engine_.note_pool();
}

WATCHERS_ROOMS_DECL void throttle_gate::raise(call& c) noexcept
{
    c.leave_line();
    c.set_background(false);
    c.stand_in(line_, waiting_line::end::back);
}

WATCHERS_ROOMS_DECL void throttle_gate::pump(clock::time_point now)
{
    // A call that goes on may free a connection by failing.
    if (pumping_ || empty() || engine_.stopped()) return;
    std::exception_ptr out_of_memory; // at the expense of one call
    {
        const flag_guard guard(pumping_);
        while (!empty() && open(now)) {
            call& c = line_.empty() ? background_.front() : line_.front();
            c.leave_line();
            try {
                c.acquire(now, true);
            } catch (const std::bad_alloc&) {
                out_of_memory = std::current_exception();
            }
        }
    }
    if (!empty()) watch(now);
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

// Sees to it that pump() is called when time alone opens the gate.
WATCHERS_ROOMS_DECL void throttle_gate::watch(clock::time_point now)
{
    if (!armed() && !throttle_.open(now)) engine_.clock_timers().set(*this, throttle_.next());
}

WATCHERS_ROOMS_DECL void throttle_gate::close() noexcept { engine_.clock_timers().cancel(*this); }

} // namespace watchers::rooms::detail
