// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>

namespace watchers::rooms::detail {

// Overwrites all the memory a string holds, bytes beyond its size included, in a way the compiler cannot take
// for a dead store, and empties it. The capacity stays.
void wipe_text(std::string&) noexcept;

} // namespace watchers::rooms::detail
