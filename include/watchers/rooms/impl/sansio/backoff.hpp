// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace watchers::rooms::detail {

// Full jitter: uniform from zero to base, doubled for each retry before this one, up to cap.
// @param retries that the call has made before.
// @param random uniform over all values.
inline std::chrono::nanoseconds backoff(std::chrono::nanoseconds base, std::chrono::nanoseconds cap,
                                        unsigned retries, std::uint64_t random) noexcept
{
    auto bound = base;
    for (; retries > 0 && bound < cap; --retries)
        bound = bound > cap / 2 ? cap : bound * 2;
    bound = std::min(bound, cap);
    return std::chrono::nanoseconds(random % (static_cast<std::uint64_t>(bound.count()) + 1));
}

} // namespace watchers::rooms::detail
