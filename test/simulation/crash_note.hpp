// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace watchers::rooms::sim {

// Where the program dies of a fault, or by the hand of a sanitizer, the seed is told as well.
void tell_seed_of_crash();
void now_running(std::uint64_t seed) noexcept;

} // namespace watchers::rooms::sim
