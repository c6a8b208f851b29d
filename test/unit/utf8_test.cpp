// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/utf8.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms::detail;
using namespace std::string_literals;

TEST_CASE("valid_utf8_text_of_every_kind")
{
    const struct
    {
        const char* name;
        std::string text;
        bool valid;
    } rows[] = {
        {"empty", "", true},
        {"ASCII", "plain", true},
        {"NUL", "a\0b"s, true},
        {"two bytes, least", "\xC2\x80", true},
        {"two bytes, greatest", "\xDF\xBF", true},
        {"three bytes, least", "\xE0\xA0\x80", true},
        {"below the surrogates", "\xED\x9F\xBF", true},
        {"above the surrogates", "\xEE\x80\x80", true},
        {"four bytes, least", "\xF0\x90\x80\x80", true},
        {"U+10FFFF", "\xF4\x8F\xBF\xBF", true},
        {"after ASCII of more than a word", "0123456789abcdef\xC3\xA9", true},
        {"lone continuation", "\x80", false},
        {"overlong, two bytes", "\xC0\x80", false},
        {"overlong, two bytes, greatest", "\xC1\xBF", false},
        {"overlong, three bytes", "\xE0\x9F\xBF", false},
        {"overlong, four bytes", "\xF0\x8F\xBF\xBF", false},
        {"surrogate, least", "\xED\xA0\x80", false},
        {"surrogate, greatest", "\xED\xBF\xBF", false},
        {"above U+10FFFF", "\xF4\x90\x80\x80", false},
        {"first byte F5", "\xF5\x80\x80\x80", false},
        {"first byte FF", "\xFF", false},
        {"cut after one of two", "a\xC3", false},
        {"cut after two of three", "a\xE2\x82", false},
        {"cut after three of four", "a\xF0\x9F\x98", false},
        {"continuation missing", "\xC3(", false},
        {"second continuation missing", "\xE2\x82(", false},
        {"bad byte in the second word", "0123456789\xFF", false},
        {"bad byte at a word's end", "0123456\xFF", false},
    };
    for (const auto& row : rows) {
        INFO("faults.md 54, bad UTF-8: ", row.name);
        CHECK(valid_utf8(row.text) == row.valid);
    }
}

TEST_CASE("has_control_character_finds_each_kind")
{
    for (int c = 0; c < 0x20; ++c) {
        CAPTURE(c);
        CHECK(has_control_character("a"s + static_cast<char>(c) + "b"));
    }
    CHECK(has_control_character("a\x7F"));
    CHECK(has_control_character("\xC2\x80"));
    CHECK(has_control_character("a\xC2\x9F"));
    CHECK_FALSE(has_control_character(""));
    CHECK_FALSE(has_control_character(" ~\xC2\xA0\xC3\x80\xE2\x80\xAE"));
}

TEST_CASE("printable_escapes_what_disturbs_a_terminal")
{
    const struct
    {
        const char* name;
        std::string text;
        std::string expected;
    } rows[] = {
        {"plain text", "Room not found", "Room not found"},
        {"other scripts", "Z\xC3\xBCrich \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x98\x80",
         "Z\xC3\xBCrich \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x98\x80"},
        {"line ends", "a\r\nb\tc", "a\\r\\nb\\tc"},
        {"backslash, which would pass for an escape", "a\\nb", "a\\\\nb"},
        {"ANSI sequence", "\x1B[31mred", "\\x1b[31mred"},
        {"NUL", "a\0b"s, "a\\x00b"},
        {"DEL", "\x7F", "\\x7f"},
        {"C1, CSI in one character",
         "\xC2\x9B"
         "31m",
         "\\u009b31m"},
        {"right-to-left override",
         "\xE2\x80\xAE"
         "txt",
         "\\u202etxt"},
        {"isolates", "\xE2\x81\xA6\xE2\x81\xA9", "\\u2066\\u2069"},
        {"marks of direction", "\xE2\x80\x8E\xE2\x80\x8F\xD8\x9C", "\\u200e\\u200f\\u061c"},
        {"line separator", "\xE2\x80\xA8", "\\u2028"},
        {"byte order mark", "\xEF\xBB\xBF", "\\ufeff"},
        {"joiner within an emoji", "\xE2\x80\x8D", "\xE2\x80\x8D"},
        {"invalid bytes", "a\xFF\xC3(b", "a\xEF\xBF\xBD\xEF\xBF\xBD(b"},
        {"cut character", "a\xE2\x82", "a\xEF\xBF\xBD"},
    };
    for (const auto& row : rows) {
        INFO("faults.md 43 and Security, text from the server: ", row.name);
        CHECK(printable(row.text) == row.expected);
    }
}

TEST_CASE("printable_cuts_at_a_boundary")
{
    const struct
    {
        std::string text;
        std::size_t max_bytes;
        std::string expected;
    } rows[] = {
        {"abcdefgh", 8, "abcdefgh"},
        {"abcdefghi", 8, "abcde..."},
        {"abcd\xC3\xA9xyz", 8, "abcd..."}, // the character would end in the ellipsis' place
        {"abc\xC3\xA9xyz9", 8, "abc\xC3\xA9..."},
        {"abc\x1B\x1B", 8, "abc..."}, // nor within an escape
        {"abcd\x1B", 8, "abcd\\x1b"},
        {"\x1B\x1B\x1B", 8, "\\x1b..."},
        {"abc", 2, ".."},
        {"abc", 0, ""},
        {"", 0, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CAPTURE(row.max_bytes);
        CHECK(printable(row.text, row.max_bytes) == row.expected);
    }
    CHECK(printable(std::string(512, 'x')) == std::string(512, 'x'));
    CHECK(printable(std::string(513, 'x')) == std::string(509, 'x') + "...");
    CHECK(printable(std::string(1'000'000, '\xFF')).size() <= 512);
}
