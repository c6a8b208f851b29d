// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/text.hpp"

#include <watchers/rooms/is_printable.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

using roomctl::shell_quote;

namespace {

// One character that is not printable from each range, and what is beyond the basic plane.
constexpr std::pair<const char*, const char*> hidden[] = {
    {"\xC2\xAD", "\\u00ad"},     {"\xD8\x9C", "\\u061c"},
    {"\xE1\xA0\x8E", "\\u180e"}, {"\xE2\x80\x8B", "\\u200b"},
    {"\xE2\x80\x8F", "\\u200f"}, {"\xE2\x80\xAE", "\\u202e"},
    {"\xE2\x81\xA0", "\\u2060"}, {"\xE2\x81\xA5", "\\u2065"},
    {"\xE2\x81\xA6", "\\u2066"}, {"\xE2\x81\xAA", "\\u206a"},
    {"\xE2\x81\xAF", "\\u206f"}, {"\xEF\xBB\xBF", "\\ufeff"},
    {"\xEF\xBF\xB9", "\\ufff9"}, {"\xEF\xBF\xBB", "\\ufffb"},
    {"\xC2\x9B", "\\u009b"},     {"\xF3\xA0\x81\x81", "\\U000e0041"},
};

} // namespace

TEST_CASE("escape_shows_no_character_that_the_library_does_not_show")
{
    for (const auto& [text, expected] : hidden) {
        CAPTURE(expected);
        CHECK(roomctl::escape(std::string("a") + text + "b") == std::string("a") + expected + "b");
    }
    CHECK(roomctl::escape("\xF0\x9F\x98\x80\xE2\x80\x8D") == "\xF0\x9F\x98\x80\xE2\x80\x8D");
}

TEST_CASE("escape_json_keeps_the_value_and_shows_ascii")
{
    for (const auto& [text, expected] : hidden) {
        CAPTURE(expected);
        const std::string value = std::string("a") + text + "b\xC3\xA9";
        const std::string line = roomctl::escape_json(boost::json::serialize(boost::json::value(value)));
        CHECK(line.find(text) == std::string::npos);
        CHECK(boost::json::parse(line).as_string() == value);
    }
}

TEST_CASE("shell_quote_keeps_words_apart_and_terminals_safe")
{
    const std::pair<std::string, std::string> rows[] = {
        {"plain-1.jsonl", "plain-1.jsonl"},
        {"", "''"},
        {"two words", "'two words'"},
        {"it's", R"('it'\''s')"},
        {"caf\xC3\xA9", "'caf\xC3\xA9'"},
        {"a\\b", R"('a\b')"},
        {"\x1b]0;it's\x07", R"($'\x1b]0;it\'s\x07')"},
        {"a\nb\\", R"($'a\x0ab\\')"},
        {"\xC2\x9B"
         "31m",
         R"($'\xc2\x9b31m')"},
        {"\xE2\x80\xAE"
         "txt",
         R"($'\xe2\x80\xaetxt')"},
        {"\xFF", R"($'\xff')"},
        {"caf\xC3\xA9\n", "$'caf\xC3\xA9\\x0a'"},
    };
    for (const auto& [text, expected] : rows) {
        CAPTURE(expected);
        CHECK(shell_quote(text) == expected);
    }
}
