// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/json_text.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL bool needs_json_escape(unsigned char c) noexcept
{
    return c < 0x20 || c == '"' || c == '\\';
}

// Whether any of eight characters needs an escape. A byte's high bit is left set where the byte without its
// high bit is zero (after the XOR: equal) or less than 0x20; bytes above 0x7F do not count.
WATCHERS_ROOMS_DECL bool any_needs_json_escape(std::uint64_t word) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t highs = 0x8080808080808080U;
    const auto zero_bytes = [](std::uint64_t w) { return (w - ones) & ~w; };
    const std::uint64_t controls = (word - ones * 0x20) & ~word;
    return ((controls | zero_bytes(word ^ (ones * '"')) | zero_bytes(word ^ (ones * '\\'))) & highs) != 0;
}

WATCHERS_ROOMS_DECL void append_json_escape(std::string& out, unsigned char c)
{
    static constexpr char digits[] = "0123456789abcdef";
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 0xFU];
    }
}

WATCHERS_ROOMS_DECL void append_json_string(std::string& out, std::string_view text)
{
    out += '"';
    std::size_t run = 0; // start of what can be appended as it is
    for (std::size_t i = 0; i < text.size();) {
        std::uint64_t word = 0;
        if (text.size() - i >= sizeof word) {
            std::memcpy(&word, text.data() + i, sizeof word);
            if (!any_needs_json_escape(word)) {
                i += sizeof word;
                continue;
            }
        }
        const auto c = static_cast<unsigned char>(text[i]);
        if (needs_json_escape(c)) {
            out.append(text, run, i - run);
            append_json_escape(out, c);
            run = i + 1;
        }
        ++i;
    }
    out.append(text, run);
    out += '"';
}

} // namespace watchers::rooms::detail
