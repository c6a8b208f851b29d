// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace watchers::rooms::detail {

// A bulk run's figures: written by the run, read by any thread.
class bulk_counters
{
public:
    using figure = std::atomic<std::uint64_t>;
    static constexpr std::uint64_t none = ~std::uint64_t(0);

    static void add(figure& f) noexcept
    {
        f.store(f.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    static void set(figure& f, std::uint64_t v) noexcept { f.store(v, std::memory_order_relaxed); }

    void reset() noexcept
    {
        for (figure* f :
             {&done, &failed, &journaled, &stopped, &retried, &throttled, &in_flight, &limit, &elapsed})
            set(*f, 0);
        set(total, none);
    }

    bulk_progress read() const noexcept
    {
        const auto value = [](const figure& f) { return f.load(std::memory_order_relaxed); };
        bulk_progress p;
        p.done = value(done);
        p.failed = value(failed);
        p.journaled = value(journaled);
        p.stopped = value(stopped);
        p.retried = value(retried);
        p.throttled = value(throttled);
        p.in_flight = static_cast<std::size_t>(value(in_flight));
        p.limit = static_cast<std::size_t>(value(limit));
        if (const auto t = value(total); t != none) p.total = t;
        p.elapsed = std::chrono::nanoseconds(value(elapsed));
        return p;
    }

    figure done = 0, failed = 0, journaled = 0, stopped = 0, retried = 0, throttled = 0, in_flight = 0,
           limit = 0, total = none;
    figure elapsed = 0; // nanoseconds
};

} // namespace watchers::rooms::detail
