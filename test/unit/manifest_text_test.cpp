// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using roomctl::shell_quote;

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
