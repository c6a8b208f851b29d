// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/environment.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <memory>

namespace watchers::rooms::detail {

// All deadlines of one client on the environment's one alarm. A deadline that is later than the alarm costs
// no system call, and one that is taken back leaves the alarm as it is.
class timers
{
public:
    explicit timers(environment& e) noexcept : environment_(e) {}

    void set(deadline& d, clock::time_point when)
    {
        queue_.set(d, when);
        arm();
    }

    void cancel(deadline& d) noexcept { queue_.cancel(d); }

    // Tells every deadline whose moment has come.
    void run()
    {
        alarm_ = clock::time_point::max();
        const auto now = environment_.now();
        try {
            while (deadline* d = queue_.pop_expired(now))
                d->on_deadline(now);
        } catch (...) {
            arm();
            throw;
        }
        arm();
    }

private:
    // Looks at the earliest of all, which may have been left without an alarm for want of memory.
    void arm()
    {
        const auto next = queue_.earliest();
        if (!next || *next >= alarm_) return;
        environment_.wake_at(*next); // may throw, and keeps the former alarm then
        alarm_ = *next;
    }

    environment& environment_;
    deadline_queue queue_;
    clock::time_point alarm_ = clock::time_point::max();
};

} // namespace watchers::rooms::detail
