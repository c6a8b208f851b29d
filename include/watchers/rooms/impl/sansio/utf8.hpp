// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// One character at the start of a text.
struct utf8_character
{
    char32_t code = 0;    // meaningless if not valid
    std::size_t size = 0; // of the character; of the longest prefix of one, at least 1, if not valid
    bool valid = false;
};

// The text must not be empty. Overlong forms, surrogates and codes above U+10FFFF are invalid.
utf8_character next_character(std::string_view text) noexcept;

bool valid_utf8(std::string_view) noexcept;

// Whether a text has a control character: C0, DEL or C1. The text must be valid UTF-8.
bool has_control_character(std::string_view) noexcept;

// Text of the server's, fit for logs and terminals: control characters, line separators and marks that change
// the direction of writing are escaped, invalid UTF-8 becomes U+FFFD. At most max_bytes long; "..." at the
// end tells that something was cut, which never happens within a character or an escape.
std::string printable(std::string_view server_text, std::size_t max_bytes = 512);

} // namespace watchers::rooms::detail
