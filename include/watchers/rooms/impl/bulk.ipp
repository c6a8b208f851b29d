// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/io/bulk_counters.hpp>

namespace watchers::rooms {

WATCHERS_ROOMS_DECL double bulk_progress::rate() const noexcept
{
    const double seconds = std::chrono::duration<double>(elapsed).count();
    return seconds > 0 ? static_cast<double>(done + failed - journaled) / seconds : 0;
}

WATCHERS_ROOMS_DECL std::optional<std::chrono::nanoseconds> bulk_progress::remaining() const noexcept
{
    const double per_second = rate();
    if (!total || per_second <= 0) return std::nullopt;
    const auto ended = done + failed;
    const double left = *total > ended ? static_cast<double>(*total - ended) : 0;
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    const std::chrono::duration<double> time(left / per_second);
    return time < longest ? std::chrono::duration_cast<std::chrono::nanoseconds>(time) : longest;
}

WATCHERS_ROOMS_DECL bulk_monitor::bulk_monitor() : counters_(std::make_shared<detail::bulk_counters>()) {}

WATCHERS_ROOMS_DECL bulk_progress bulk_monitor::progress() const noexcept { return counters_->read(); }

WATCHERS_ROOMS_DECL std::string check(const bulk_options& o)
{
    if (o.max_in_flight > 65'535) return "max_in_flight: must be 0 to 65535";
    if (o.window < 1 || o.window > 1000) return "window: must be 1 to 1000";
    if (o.window * o.max_in_flight > 1'048'576) return "window: times max_in_flight, must be at most 1048576";
    if (!o.stop_on.valid()) return "stop_on: the ratio must be 0 to 1";
    if (o.progress_interval.count() < 0) return "progress_interval: must not be less than zero";
    if (o.journal != nullptr && !o.skip_after_failure)
        return "skip_after_failure: must be true where there is a journal";
    if (o.retry)
        if (std::string fault = check(*o.retry); !fault.empty()) return fault;
    if (o.timeout && o.timeout->count() <= 0) return "timeout: must be more than zero";
    if (o.attempt_timeout) return check(call_options().attempt_timeout(*o.attempt_timeout));
    return {};
}

} // namespace watchers::rooms
