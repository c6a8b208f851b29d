// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/retry.hpp>

namespace watchers::rooms {

WATCHERS_ROOMS_DECL retry_policy retry_policy::none() noexcept
{
    retry_policy p;
    p.unsent_attempts = 1;
    p.ambiguous_attempts = 1;
    p.throttled_attempts = 1;
    p.replay_on_dead_connection = false;
    p.confirm_creates = false;
    return p;
}

WATCHERS_ROOMS_DECL retry_policy retry_policy::patient() noexcept
{
    retry_policy p;
    p.unsent_attempts = 100;
    p.ambiguous_attempts = 12;
    p.throttled_attempts = 100;
    p.max_retry_after = std::chrono::minutes(5);
    p.budget = 0;
    return p;
}

WATCHERS_ROOMS_DECL std::string check(const retry_policy& p)
{
    using std::chrono::milliseconds;
    constexpr milliseconds zero(0);
    constexpr milliseconds longest = std::chrono::hours(24 * 365);
    const auto out_of_range = [](unsigned attempts) { return attempts < 1 || attempts > 100; };

    if (out_of_range(p.unsent_attempts)) return "retry.unsent_attempts: must be 1 to 100";
    if (out_of_range(p.ambiguous_attempts)) return "retry.ambiguous_attempts: must be 1 to 100";
    if (out_of_range(p.throttled_attempts)) return "retry.throttled_attempts: must be 1 to 100";
    if (p.backoff_base <= zero || p.backoff_base > longest)
        return "retry.backoff_base: must be more than zero, and at most a year";
    if (p.backoff_cap < p.backoff_base || p.backoff_cap > longest)
        return "retry.backoff_cap: must be at least backoff_base, and at most a year";
    if (p.max_retry_after < zero || p.max_retry_after > longest)
        return "retry.max_retry_after: must be zero or more, and at most a year";
    if (p.settle_delay < zero || p.settle_delay > longest)
        return "retry.settle_delay: must be zero or more, and at most a year";
    if (p.idempotent.contains(operation_kind::create_room))
        return "retry.idempotent: must not hold create_room; see confirm_creates";
    return {};
}

} // namespace watchers::rooms
