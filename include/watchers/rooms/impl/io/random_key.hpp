// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/sip_hash.hpp>

#include <cstdint>
#include <random>

namespace watchers::rooms::detail {

// A key that differs in each process and never leaves it. Thread-safe.
inline const sip_key& random_key()
{
    static const sip_key key = [] {
        std::random_device random;
        const auto word = [&random] { return static_cast<std::uint64_t>(random()) << 32U | random(); };
        const std::uint64_t first = word();
        return sip_key(first, word());
    }();
    return key;
}

} // namespace watchers::rooms::detail
