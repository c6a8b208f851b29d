// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/throttle.hpp>

#include <cstddef>
#include <exception>

namespace watchers::rooms::detail {

// Where calls wait, before they ask the pool for a connection, while the service has asked for a pause or the
// caller's limit on the rate is reached. First come, first served.
class throttle_gate final : private deadline
{
public:
    // @param limit of the calls that may wait.
    throttle_gate(engine& e, double per_second, std::size_t limit) noexcept
        : engine_(e)
        , throttle_(per_second)
        , limit_(limit > 0 ? limit : 1)
    {}

    // Whether the call may go on at once. If not, it is in line, and will be told to acquire() a connection
    // later.
    bool pass(call&, clock::time_point now);

    // Whether a request may be written now, which then counts: what was let pass may have waited for a
    // connection since, and a replay comes without asking.
    bool admit(clock::time_point now) noexcept
    {
        if (!throttle_.open(now)) return false;
        throttle_.take(now);
        return true;
    }

    // The service asked to wait. Calls that have passed, but wait in the pool, are to be put back. Returns
    // what went wrong at the expense of those that do not wait that long.
    std::exception_ptr pause(clock::time_point until, clock::time_point now);
    void put_back(call&, clock::time_point now);
    void raise(call&) noexcept; // out of the background; it is in line
    bool paused(clock::time_point now) const noexcept { return now < throttle_.paused_until(); }
    clock::time_point paused_until() const noexcept { return throttle_.paused_until(); }

    // A connection may have become free.
    void pump(clock::time_point now);

    std::size_t waiting() const noexcept { return line_.size() + background_.size(); }
    bool full() const noexcept { return line_.size() >= limit_; }
    void close() noexcept;

private:
    void on_deadline(clock::time_point now) override { pump(now); }
    bool open(clock::time_point now) const noexcept;
    bool empty() const noexcept { return line_.empty() && background_.empty(); }
    waiting_line& line_of(const call& c) noexcept { return c.background() ? background_ : line_; }
    void watch(clock::time_point now);

    engine& engine_;
    throttle throttle_;
    std::size_t limit_;
    waiting_line line_;
    waiting_line background_; // goes on when the line is empty
    bool pumping_ = false;
};

} // namespace watchers::rooms::detail
