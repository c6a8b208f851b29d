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
        if (when < alarm_) {
            alarm_ = when;
            environment_.wake_at(when);
        }
    }

    void cancel(deadline& d) noexcept { queue_.cancel(d); }

    // Tells every deadline whose moment has come.
    void run()
    {
        alarm_ = clock::time_point::max();
        const rearm_at_exit guard(*this);
        const auto now = environment_.now();
        while (deadline* d = queue_.pop_expired(now))
            d->on_deadline(now);
    }

private:
    class rearm_at_exit
    {
    public:
        explicit rearm_at_exit(timers& t) noexcept : timers_(t) {}
        ~rearm_at_exit()
        {
            if (const auto next = timers_.queue_.earliest(); next && *next < timers_.alarm_) {
                timers_.alarm_ = *next;
                timers_.environment_.wake_at(*next);
            }
        }

    private:
        timers& timers_;
    };

    environment& environment_;
    deadline_queue queue_;
    clock::time_point alarm_ = clock::time_point::max();
};

} // namespace watchers::rooms::detail
