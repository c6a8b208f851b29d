// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/impl/io/bulk_counters.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/reach_rules.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace watchers::rooms::detail {

// Counts a bulk run's results: for its summary, for whoever looks on, and for when it stops.
class bulk_tally
{
public:
    explicit bulk_tally(const bulk_options& o)
        : counters_(o.monitor ? o.monitor->counters() : std::make_shared<bulk_counters>())
        , stop_on_(o.stop_on)
        , interval_(o.progress_interval)
    {
        counters_->reset();
        bulk_counters::set(counters_->total, o.total.value_or(bulk_counters::none));
    }

    void begin(clock::time_point now) noexcept { began_ = told_ = now; }

    void count(const bulk_result& r, clock::time_point now) noexcept
    {
        ++summary_.operations;
        if (!r.journaled) reach_.count(reach_rules::judge(r.error, r.diagnostics));
        if (!r.error) {
            ++summary_.succeeded;
            if (r.journaled) {
                ++summary_.journaled;
                bulk_counters::add(counters_->journaled);
            }
            if (r.diagnostics.confirmed()) ++summary_.confirmed;
            bulk_counters::add(counters_->done);
        } else {
            count_failure(r);
        }
        if (r.diagnostics.attempts() > 1) {
            ++summary_.retried;
            bulk_counters::add(counters_->retried);
        }
        const error_code before = r.diagnostics.last_failure();
        if ((r.error && r.error == errc::rate_limited) || (before && before == errc::rate_limited))
            bulk_counters::add(counters_->throttled);
        tick(now);
    }

    void tick(clock::time_point now) noexcept
    {
        summary_.elapsed = now - began_;
        bulk_counters::set(counters_->elapsed, static_cast<std::uint64_t>(summary_.elapsed.count()));
    }

    void set_in_flight(std::size_t n) noexcept { bulk_counters::set(counters_->in_flight, n); }
    void set_limit(std::size_t n) noexcept { bulk_counters::set(counters_->limit, n); }

    bool unreachable() const noexcept { return stop_on_.unreached(reach_.in_a_row()); }
    std::uint64_t unreached_in_a_row() const noexcept { return reach_.in_a_row(); }

    bool too_many_failed() const noexcept
    {
        const auto begun = summary_.operations - summary_.stopped;
        return stop_on_.reached(begun, begun - summary_.succeeded);
    }

    // Once each interval.
    bool progress_due(clock::time_point now) noexcept
    {
        if (now - told_ < interval_) return false;
        told_ = now;
        return true;
    }

    bulk_progress progress() const noexcept { return counters_->read(); }
    const bulk_summary& summary() const noexcept { return summary_; }

private:
    void count_failure(const bulk_result& r) noexcept
    {
        if (r.error == errc::stopped) {
            ++summary_.stopped;
            bulk_counters::add(counters_->stopped);
        } else {
            ++(r.error == errc::skipped_after_failure ? summary_.skipped : summary_.failed);
            bulk_counters::add(counters_->failed);
        }
        if (r.diagnostics.effect() == effect::unknown) ++summary_.unknown;
    }

    bulk_summary summary_;
    std::shared_ptr<bulk_counters> counters_;
    bulk_stop stop_on_;
    reach_count reach_;
    std::chrono::milliseconds interval_;
    clock::time_point began_;
    clock::time_point told_;
};

} // namespace watchers::rooms::detail
