// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace watchers::rooms {

/// Whether a character may be shown on a terminal or in a log as it is. The messages of @ref diagnostics hold
/// no other characters: they are replaced by escapes such as `\u202e`.
///
/// Not printable are control characters (C0, DEL, C1); characters that move the text around them (line and
/// paragraph separators; marks, embeddings, overrides and isolates of direction); characters that hide in
/// text or hide it (soft hyphen, zero-width space, Mongolian vowel separator, word joiner and other invisible
/// operators, interlinear annotations, byte order mark, tags); surrogates and numbers above U+10FFFF. The
/// zero-width joiner and non-joiner are printable, since words of some languages and emoji need them.
/// @par Thread safety Any thread.
constexpr bool is_printable(char32_t c) noexcept
{
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
    const bool moves_text = c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
                            (c >= 0x2066 && c <= 0x2069);
    const bool hides = c == 0x00AD || c == 0x180E || c == 0x200B || (c >= 0x2060 && c <= 0x2065) ||
                       (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
                       (c >= 0xE0000 && c <= 0xE007F);
    const bool not_a_character = (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF;
    return !moves_text && !hides && !not_a_character;
}

} // namespace watchers::rooms
