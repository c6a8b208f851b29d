// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace watchers::rooms {

/// Whether a character may be shown on a terminal or in a log as it is. The messages of @ref diagnostics hold
/// no other characters: they are replaced by escapes such as `\u202e`.
///
/// Not printable are control characters (C0, DEL, C1); characters that move the text around them (line and
/// paragraph separators; marks, embeddings, overrides and isolates of direction); characters that hide in
/// text or hide it: those that Unicode calls default ignorable (soft hyphen, zero-width space, grapheme
/// joiner, Hangul fillers, variation selectors, invisible operators, byte order mark, tags), interlinear
/// annotations and the blank Braille pattern; surrogates and numbers above U+10FFFF. The zero-width joiner
/// and non-joiner are printable, since words of some languages and emoji need them. An emoji with a variation
/// selector is shown with `\ufe0f` behind it.
/// @par Thread safety Any thread.
constexpr bool is_printable(char32_t c) noexcept
{
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
    const bool moves_text = c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
                            (c >= 0x2066 && c <= 0x2069);
    const bool fills =
        c == 0x115F || c == 0x1160 || c == 0x17B4 || c == 0x17B5 || c == 0x2800 || c == 0x3164 || c == 0xFFA0;
    const bool varies = (c >= 0x180B && c <= 0x180F) || (c >= 0xFE00 && c <= 0xFE0F);
    const bool hides = c == 0x00AD || c == 0x034F || c == 0x200B || (c >= 0x2060 && c <= 0x2065) ||
                       (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB) ||
                       (c >= 0x1BCA0 && c <= 0x1BCA3) || (c >= 0x1D173 && c <= 0x1D17A) ||
                       (c >= 0xE0000 && c <= 0xE0FFF);
    const bool not_a_character = (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF;
    return !moves_text && !fills && !varies && !hides && !not_a_character;
}

} // namespace watchers::rooms
