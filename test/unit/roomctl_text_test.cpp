// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using roomctl::escape;
using roomctl::escape_json;

namespace json = boost::json;

namespace {

bool is_printable_ascii(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

struct hidden
{
    const char* context;
    const char* text;
    const char* escaped;
    const char* in_json;
};

// Each is invisible, or changes how its neighbours are shown.
const hidden cases[] = {
    {"C0", "\x1b", "\\x1b", "\\u001b"},
    {"DEL", "\x7f", "\\x7f", "\\u007f"},
    {"C1", "\xC2\x9B", "\\u009b", "\\u009b"},
    {"Arabic letter mark", "\xD8\x9C", "\\u061c", "\\u061c"},
    {"left-to-right mark", "\xE2\x80\x8E", "\\u200e", "\\u200e"},
    {"line separator", "\xE2\x80\xA8", "\\u2028", "\\u2028"},
    {"right-to-left override", "\xE2\x80\xAE", "\\u202e", "\\u202e"},
    {"isolate", "\xE2\x81\xA6", "\\u2066", "\\u2066"},
    {"byte order mark", "\xEF\xBB\xBF", "\\ufeff", "\\ufeff"},
    {"the first tag", "\xF3\xA0\x80\x80", "\\U000e0000", "\\udb40\\udc00"},
    {"tag of the letter A", "\xF3\xA0\x81\x81", "\\U000e0041", "\\udb40\\udc41"},
    {"the last tag", "\xF3\xA0\x81\xBF", "\\U000e007f", "\\udb40\\udc7f"},
};

} // namespace

TEST_CASE("roomctl_escape_shows_hidden_characters")
{
    for (const hidden& c : cases) {
        CAPTURE(c.context);
        CHECK(escape(std::string("a") + c.text + "b") == std::string("a") + c.escaped + "b");
    }
    CHECK(escape("caf\xC3\xA9 \xF0\x9F\x98\x80") == "caf\xC3\xA9 \xF0\x9F\x98\x80");
    CHECK(escape("\n\r\t\\") == R"(\n\r\t\\)");
    CHECK(escape("a\xFF") == "a\\xff");
}

TEST_CASE("roomctl_escape_json_is_the_same_text_to_a_parser")
{
    for (const hidden& c : cases) {
        CAPTURE(c.context);
        // Setup
        const std::string text = std::string("a") + c.text + "b";

        // Run
        const std::string shown = escape_json(json::serialize(json::string(text)));

        // Check
        CHECK(shown == std::string("\"a") + c.in_json + "b\"");
        CHECK(is_printable_ascii(shown));
        CHECK(json::parse(shown).as_string() == text);
    }
}
