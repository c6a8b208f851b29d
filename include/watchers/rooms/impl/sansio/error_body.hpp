// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// What an answer that is an error says: its `message` (a text, or a list of them, joined by "; "), else its
// `error`, else the body as it is. Always printable, at most 512 bytes.
std::string error_message(std::string_view body);

// The same as it came: neither printable nor cut.
std::string error_text(std::string_view body);

} // namespace watchers::rooms::detail
