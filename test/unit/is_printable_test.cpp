// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/utf8.hpp>
#include <watchers/rooms/is_printable.hpp>

#include <doctest/doctest.h>

#include <string>

using watchers::rooms::is_printable;

TEST_CASE("is_printable_at_the_ends_of_each_range")
{
    const struct
    {
        char32_t first, last; // not printable; what is beside them is, unless another row has it
    } rows[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},       {0x61C, 0x61C},     {0x34F, 0x34F},
        {0x115F, 0x1160}, {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2800, 0x2800},   {0x3164, 0x3164},
        {0xFE00, 0xFE0F}, {0xFFA0, 0xFFA0},   {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0x200B, 0x200B},
        {0x200E, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},   {0xD800, 0xDFFF},   {0xFEFF, 0xFEFF},
        {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF},
    };
    for (const auto& row : rows) {
        CAPTURE(static_cast<unsigned>(row.first));
        for (char32_t c = row.first; c <= row.last; ++c) {
            CAPTURE(static_cast<unsigned>(c));
            CHECK(!is_printable(c));
        }
        if (row.first > 0) CHECK(is_printable(row.first - 1));
        CHECK(is_printable(row.last + 1));
    }
    CHECK(is_printable(0x200C)); // joiners, of languages and emoji
    CHECK(is_printable(0x200D));
    CHECK(is_printable(0x10FFFF));
    CHECK(!is_printable(0x110000));
}

namespace {

std::string utf8(char32_t c)
{
    const auto byte = [](char32_t b) { return static_cast<char>(static_cast<unsigned char>(b)); };
    if (c < 0x80) return {byte(c)};
    if (c < 0x800) return {byte(0xC0 | (c >> 6)), byte(0x80 | (c & 0x3F))};
    if (c < 0x10000) return {byte(0xE0 | (c >> 12)), byte(0x80 | ((c >> 6) & 0x3F)), byte(0x80 | (c & 0x3F))};
    return {byte(0xF0 | (c >> 18)), byte(0x80 | ((c >> 12) & 0x3F)), byte(0x80 | ((c >> 6) & 0x3F)),
            byte(0x80 | (c & 0x3F))};
}

} // namespace

TEST_CASE("printable_text_is_escaped_exactly_where_a_character_is_not_printable")
{
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c == '\\' || (c >= 0xD800 && c <= 0xDFFF)) continue;
        const std::string text = utf8(c);
        const bool as_it_is = watchers::rooms::detail::printable(text) == text;
        if (as_it_is != is_printable(c)) {
            CAPTURE(static_cast<unsigned>(c));
            CHECK(as_it_is == is_printable(c));
        }
    }
}
