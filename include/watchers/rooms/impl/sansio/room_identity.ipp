// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/room_identity.hpp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace watchers::rooms::detail {

inline bool is_blank(char32_t c) noexcept
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0xAD || c == 0x1680 ||
           c == 0x180E || (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || c == 0x205F ||
           c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

// Case folding of the characters for which it is one to one and independent of context.
inline char32_t fold_case(char32_t c) noexcept
{
    const bool latin = c >= 'A' && c <= 'Z';
    const bool cyrillic = c >= 0x0410 && c <= 0x042F;
    return latin || cyrillic ? c + 0x20 : c;
}

// Whether case folding or normalisation may rewrite it in another way than fold_case() does.
inline bool may_be_rewritten(char32_t folded) noexcept
{
    if (folded < 0x80) return false;
    const bool cyrillic = folded >= 0x0430 && folded <= 0x044F && folded != 0x0439;
    const bool ideograph = folded >= 0x4E00 && folded <= 0x9FFF;
    return !cyrillic && !ideograph;
}

// An id in the form that is compared: folded and without blanks.
class comparable_id
{
public:
    explicit comparable_id(std::string_view id) noexcept
    {
        while (!id.empty()) {
            const utf8_character c = next_character(id);
            id.remove_prefix(c.size);
            const char32_t code = c.valid ? c.code : 0xFFFD;
            if (is_blank(code)) continue;
            if (size_ == text_.size()) {
                too_long_ = true;
                return;
            }
            text_[size_++] = fold_case(code);
        }
    }

    bool too_long() const noexcept { return too_long_; }
    std::u32string_view text() const noexcept { return {text_.data(), size_}; }

private:
    // An id has at most 1,024 bytes, from which normalisation makes fewer characters than this.
    std::array<char32_t, 2048> text_;
    std::size_t size_ = 0;
    bool too_long_ = false;
};

inline bool is_anchor(char32_t c) noexcept
{
    return (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':' || c == '.' || c == '/';
}

inline bool same_anchors(std::u32string_view x, std::u32string_view y) noexcept
{
    for (auto a = x.begin(), b = y.begin();; ++a, ++b) {
        a = std::find_if(a, x.end(), is_anchor);
        b = std::find_if(b, y.end(), is_anchor);
        if (a == x.end() || b == y.end()) return a == x.end() && b == y.end();
        if (*a != *b) return false;
    }
}

WATCHERS_ROOMS_DECL bool names_other_room(std::string_view asked, std::string_view told) noexcept
{
    if (asked == told) return false;
    // Blanks and normalisation do not make an id that long, and a longer text is not read.
    if (told.size() > 16 * asked.size() + 1024) return true;
    const comparable_id a(asked);
    const comparable_id b(told);
    if (a.too_long() || b.too_long()) return true;
    std::u32string_view x = a.text();
    std::u32string_view y = b.text();
    const auto head = std::mismatch(x.begin(), x.end(), y.begin(), y.end());
    const auto same_head = static_cast<std::size_t>(head.first - x.begin());
    x.remove_prefix(same_head);
    y.remove_prefix(same_head);
    const auto tail = std::mismatch(x.rbegin(), x.rend(), y.rbegin(), y.rend());
    const auto same_tail = static_cast<std::size_t>(tail.first - x.rbegin());
    x.remove_suffix(same_tail);
    y.remove_suffix(same_tail);
    if (x.empty() && y.empty()) return false;

    bool certain = true;
    for (const std::u32string_view part : {x, y}) {
        for (const char32_t c : part) {
            if (!may_be_rewritten(c)) continue;
            if (c < 0xC0 || c > 0x1FFF) return false;
            certain = false;
        }
    }
    return certain || !same_anchors(x, y);
}

} // namespace watchers::rooms::detail
