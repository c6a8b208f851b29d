// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <algorithm>
#include <chrono>

namespace watchers::rooms::detail {

// When the client may send a request: not before the moment that the service asked to wait for, nor more
// often than the caller's limit. The limit is kept by spacing, with a burst of what ten milliseconds allow,
// so that the grain of timers does not lower the rate.
class throttle
{
public:
    // @param per_second zero: no limit.
    explicit throttle(double per_second) noexcept : interval_(spacing(per_second)) {}

    bool limited() const noexcept { return interval_ > clock::duration::zero(); }

    // Whether a request may be sent now.
    bool open(clock::time_point now) const noexcept { return now >= next(); }

    // When the next request may be sent; in the past: at once.
    clock::time_point next() const noexcept
    {
        if (!limited()) return paused_until_;
        return std::max(paused_until_, due_ - burst);
    }

    // A request is about to be sent.
    void take(clock::time_point now) noexcept
    {
        if (limited()) due_ = std::max(due_, now) + interval_;
    }

    // The service asked to wait. Never shortens a wait.
    void pause(clock::time_point until) noexcept { paused_until_ = std::max(paused_until_, until); }
    clock::time_point paused_until() const noexcept { return paused_until_; }

private:
    static constexpr clock::duration burst = std::chrono::milliseconds(10);

    static clock::duration spacing(double per_second) noexcept
    {
        using seconds = std::chrono::duration<double>;
        constexpr seconds longest = std::chrono::hours(24 * 365); // the clock can hold it many times
        if (!(per_second > 0)) return clock::duration::zero();
        return std::chrono::duration_cast<clock::duration>(std::min(seconds(1 / per_second), longest));
    }

    clock::duration interval_;
    clock::time_point paused_until_{};
    clock::time_point due_{}; // of the next request, if all were spaced evenly
};

} // namespace watchers::rooms::detail
