// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/utf8.hpp>
#include <watchers/rooms/is_printable.hpp>

#include <cstdint>
#include <cstring>

namespace watchers::rooms::detail {

// The length of the longest prefix of ASCII, to within a word.
WATCHERS_ROOMS_DECL std::size_t leading_ascii(std::string_view text) noexcept
{
    std::size_t i = 0;
    for (std::uint64_t word = 0; text.size() - i >= sizeof word; i += sizeof word) {
        std::memcpy(&word, text.data() + i, sizeof word);
        if ((word & 0x8080808080808080U) != 0) break;
    }
    return i;
}

WATCHERS_ROOMS_DECL utf8_character next_character(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return {first, 1, true};

    // Unicode, table 3-7: the second byte's range tells overlong forms, surrogates and too great codes.
    std::size_t size = 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    char32_t code = 0;
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
        code = first & 0x1FU;
    } else if (first >= 0xE0 && first <= 0xEF) {
        size = 3;
        code = first & 0x0FU;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        code = first & 0x07U;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return {0, 1, false};
    }

    for (std::size_t i = 1; i < size; ++i) {
        if (i >= text.size() || byte(i) < low || byte(i) > high) return {0, i, false};
        code = (code << 6) | (byte(i) & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    return {code, size, true};
}

WATCHERS_ROOMS_DECL bool valid_utf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        text.remove_prefix(leading_ascii(text));
        for (std::size_t i = 0; i < sizeof(std::uint64_t) && !text.empty(); ++i) {
            const utf8_character c = next_character(text);
            if (!c.valid) return false;
            text.remove_prefix(c.size);
        }
    }
    return true;
}

WATCHERS_ROOMS_DECL bool has_control_character(std::string_view text) noexcept
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7F) return true;
        if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
    }
    return false;
}

WATCHERS_ROOMS_DECL void append_printable(std::string& out, std::string_view bytes, const utf8_character& c)
{
    static constexpr char digits[] = "0123456789abcdef";
    const auto digit = [&](unsigned shift) { return digits[(c.code >> shift) & 0xFU]; };

    if (!c.valid) {
        out += "\xEF\xBF\xBD";
    } else if (c.code == '\\') {
        out += "\\\\"; // or what follows could pass for one of ours
    } else if (c.code == '\n') {
        out += "\\n";
    } else if (c.code == '\r') {
        out += "\\r";
    } else if (c.code == '\t') {
        out += "\\t";
    } else if (c.code < 0x20 || c.code == 0x7F) {
        out += "\\x";
        out += digit(4);
        out += digit(0);
    } else if (!is_printable(c.code)) {
        out += c.code > 0xFFFF ? "\\U" : "\\u";
        for (unsigned shift = c.code > 0xFFFF ? 32 : 16; shift > 0; shift -= 4)
            out += digit(shift - 4);
    } else {
        out += bytes;
    }
}

WATCHERS_ROOMS_DECL std::string printable(std::string_view text, std::size_t max_bytes)
{
    static constexpr std::string_view ellipsis = "...";
    const std::size_t room_for_text = max_bytes > ellipsis.size() ? max_bytes - ellipsis.size() : 0;

    std::string out;
    std::size_t cut = 0; // what stays of out if it grows too long
    while (!text.empty()) {
        const utf8_character c = next_character(text);
        append_printable(out, text.substr(0, c.size), c);
        text.remove_prefix(c.size);
        if (out.size() > max_bytes) {
            out.resize(cut);
            out += ellipsis.substr(0, max_bytes);
            break;
        }
        if (out.size() <= room_for_text) cut = out.size();
    }
    return out;
}

} // namespace watchers::rooms::detail
