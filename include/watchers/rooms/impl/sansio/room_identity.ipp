// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/room_identity.hpp>
#include <watchers/rooms/impl/sansio/room_identity_tables.hpp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

namespace watchers::rooms::detail {

inline bool is_blank(char32_t c) noexcept
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0xAD || c == 0x1680 ||
           c == 0x180E || (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || c == 0x205F ||
           c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

inline bool is_within(char32_t c, char32_t first, char32_t last) noexcept { return c >= first && c <= last; }

// The small letter of a pair of letters that lie side by side.
inline char32_t fold_pair(char32_t c, bool capital_is_odd) noexcept
{
    return (c % 2 != 0) == capital_is_odd ? c + 1 : c;
}

inline char32_t fold_latin(char32_t c) noexcept
{
    if (c <= 0xDE) return c >= 0xC0 && c != 0xD7 ? c + 0x20 : c;
    if (is_within(c, 0x139, 0x148) || is_within(c, 0x179, 0x17E)) return fold_pair(c, true);
    if (c == 0x178) return 0xFF;
    const bool paired =
        is_within(c, 0x100, 0x12F) || is_within(c, 0x132, 0x137) || is_within(c, 0x14A, 0x177);
    return paired ? fold_pair(c, false) : c;
}

inline char32_t fold_greek_to_armenian(char32_t c) noexcept
{
    if (is_within(c, 0x391, 0x3AB)) return c != 0x3A2 ? c + 0x20 : c;
    if (c == 0x3C2) return 0x3C3; // the sigma at the end of a word
    if (is_within(c, 0x400, 0x40F)) return c + 0x50;
    if (is_within(c, 0x410, 0x42F)) return c + 0x20;
    if (is_within(c, 0x531, 0x556)) return c + 0x30;
    if (is_within(c, 0x4C1, 0x4CE)) return fold_pair(c, true);
    const bool paired =
        is_within(c, 0x460, 0x481) || is_within(c, 0x48A, 0x4BF) || is_within(c, 0x4D0, 0x52F);
    return paired ? fold_pair(c, false) : c;
}

// The small letter, of letters that have exactly one, and ASCII for its wide forms.
inline char32_t fold_case(char32_t c) noexcept
{
    if (is_within(c, 0xFF01, 0xFF5E)) c -= 0xFEE0;
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
    if (c < 0x180) return fold_latin(c);
    if (c < 0x560) return fold_greek_to_armenian(c);
    const bool paired = is_within(c, 0x1E00, 0x1E95) || is_within(c, 0x1EA0, 0x1EFF);
    return paired ? fold_pair(c, false) : c;
}

inline bool may_be_rewritten(char32_t c) noexcept
{
    const auto* const at = std::upper_bound(std::begin(other_rewritten), std::end(other_rewritten), c,
                                            [](char32_t x, const character_range& r) { return x < r.first; });
    return at != std::begin(other_rewritten) && c <= (at - 1)->last;
}

// A mark is compared wherever it stands among the marks of its letter: normalisation orders them.
inline bool is_mark(char32_t c) noexcept
{
    static constexpr character_range marks[] = {
        {0x300, 0x36F},   {0x483, 0x487},   {0x591, 0x5C7},   {0x610, 0x61A},
        {0x64B, 0x65F},   {0x6D6, 0x6ED},   {0xE38, 0xE4B},   {0xEB8, 0xECB},
        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0x3099, 0x309A},
    };
    return c >= 0x300 && std::any_of(std::begin(marks), std::end(marks),
                                     [c](const character_range& r) { return is_within(c, r.first, r.last); });
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
            if (!is_blank(code)) add(code);
            if (too_long_) return;
        }
        order_marks();
    }

    bool too_long() const noexcept { return too_long_; }
    std::u32string_view text() const noexcept { return {text_.data(), size_}; }

private:
    void append(char32_t c) noexcept
    {
        too_long_ = size_ == text_.size();
        if (!too_long_) text_[size_++] = c;
    }

    // Decomposed as in NFD, so that each canonical form gives the same.
    void add(char32_t code) noexcept
    {
        const char32_t c = fold_case(code);
        if (c < 0xC0) return append(c);
        if (is_within(c, 0xAC00, 0xD7A3)) return add_syllable(c - 0xAC00);
        const auto* const pair =
            std::lower_bound(std::begin(canonical_pairs), std::end(canonical_pairs), c,
                             [](const canonical_pair& p, char32_t x) { return p.code < x; });
        if (pair == std::end(canonical_pairs) || pair->code != c) return append(c);
        add(pair->base);
        if (pair->mark != 0 && !too_long_) append(pair->mark);
    }

    // Of Hangul, by its number.
    void add_syllable(char32_t n) noexcept
    {
        constexpr char32_t vowels = 21;
        constexpr char32_t finals = 28; // with none
        append(0x1100 + n / (vowels * finals));
        if (!too_long_) append(0x1161 + n / finals % vowels);
        if (n % finals != 0 && !too_long_) append(0x11A7 + n % finals);
    }

    void order_marks() noexcept
    {
        const auto end = text_.begin() + static_cast<std::ptrdiff_t>(size_);
        for (auto first = text_.begin(); first != end;) {
            first = std::find_if(first, end, is_mark);
            const auto last = std::find_if_not(first, end, is_mark);
            std::sort(first, last);
            first = last;
        }
    }

    // An id has at most 1,024 bytes, from which normalisation makes fewer characters than this.
    std::array<char32_t, 2048> text_;
    std::size_t size_ = 0;
    bool too_long_ = false;
};

inline std::size_t count_rewritten(std::u32string_view text) noexcept
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), may_be_rewritten));
}

// Whether `text` has room for what may become of `pattern`: a rewritten character stands for 1 to 6.
inline bool fits(std::u32string_view pattern, std::size_t rewritten, std::u32string_view text) noexcept
{
    constexpr std::size_t most = 6; // of a compatibility form in common use
    return text.size() >= pattern.size() && text.size() <= pattern.size() + (most - 1) * rewritten;
}

// Whether `text` may be what became of `pattern`, whose rewritten characters stand for any text.
inline bool may_have_become(std::u32string_view pattern, std::u32string_view text) noexcept
{
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t last = pattern.size(); // the last rewritten character that was passed
    std::size_t covered = 0;           // the end of the text that it stands for
    while (t < text.size()) {
        if (p < pattern.size() && may_be_rewritten(pattern[p])) {
            last = p++;
            covered = ++t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (last != pattern.size()) {
            p = last + 1;
            t = ++covered;
        } else {
            return false;
        }
    }
    return p == pattern.size();
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

    const std::size_t in_x = count_rewritten(x);
    const std::size_t in_y = count_rewritten(y);
    if (in_x == 0 && in_y == 0) return true;
    if (in_y == 0) return !fits(x, in_x, y) || !may_have_become(x, y);
    if (in_x == 0) return !fits(y, in_y, x) || !may_have_become(y, x);
    return x.size() > 6 * y.size() || y.size() > 6 * x.size(); // cannot be told
}

} // namespace watchers::rooms::detail
