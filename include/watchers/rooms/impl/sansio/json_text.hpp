// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// Appends valid UTF-8 as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view utf8);

} // namespace watchers::rooms::detail
