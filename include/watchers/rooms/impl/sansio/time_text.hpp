// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms {

// As in room.hpp and config.hpp, which cannot be included here: the implementation of room includes this.
using time_point = std::chrono::sys_time<std::chrono::milliseconds>;
enum class time_format : unsigned char;

} // namespace watchers::rooms

namespace watchers::rooms::detail {

// Appends a time of the years 0 to 9999; one before 1970 or with a fraction is rounded down.
void append_time(std::string& out, time_point, time_format);

// Reads both of the API's formats and what lies between them: `2024-12-31`, `T` or a space, `05:33:32`,
// optionally a dot and 1 to 9 digits (cut to milliseconds), optionally `Z` or an offset as `+05:30`. Without
// either it is UTC. Nothing for any other text, and for a time outside the years 0 to 9999.
std::optional<time_point> parse_time(std::string_view) noexcept;

} // namespace watchers::rooms::detail
