// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/room.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomctl {

// Text from elsewhere, made safe for a terminal: control characters, those that change the direction of
// writing, line separators and bytes that are no UTF-8 become escapes like `\n`, `\x1b`, `\u202e`; a
// backslash is doubled.
std::string escape(std::string_view text);

// The same for a finished line of JSON, where only what JSON itself lets through is replaced, by JSON's
// escapes.
std::string escape_json(std::string_view json);

// In single quotes, where a POSIX shell needs them; as $'...' with escapes, which bash, ksh and zsh know, if
// a terminal is not to see all of it as it is.
std::string shell_quote(std::string_view text);

// `1,234,567`
std::string with_thousands(std::uint64_t n);

// Three significant digits and a fitting unit: `431 us`, `2.31 ms`, `1.70 s`.
std::string to_text(std::chrono::nanoseconds d);

// `2026-12-31 20:00:00 UTC`, with milliseconds where there are any.
std::string to_text(watchers::rooms::time_point t);

// `2026-12-31T20:00:00.000Z`
std::string to_iso_text(watchers::rooms::time_point t);

} // namespace roomctl
