// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/json_text.hpp>

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>

using namespace watchers::rooms::detail;
using namespace std::string_literals;

namespace {

std::string json_of(std::string_view text)
{
    std::string out;
    append_json_string(out, text);
    return out;
}

} // namespace

TEST_CASE("json_string_escapes_what_must_be")
{
    const struct
    {
        std::string text;
        const char* expected;
    } rows[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a \"quoted\" word", R"("a \"quoted\" word")"},
        {"back\\slash", R"("back\\slash")"},
        {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
        {"\0\x01\x1F"s, R"("\u0000\u0001\u001f")"},
        {"/<>&'\x7F", "\"/<>&'\x7F\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"0123456789\"0123456789", R"("0123456789\"0123456789")"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.expected);
        CHECK(json_of(row.text) == row.expected);
    }
}

TEST_CASE("json_string_is_read_back_whatever_the_place_of_a_character")
{
    // Each character of one byte and one of two, at each place of the words that are looked at as a whole.
    for (int value = 0; value < 0x80; ++value) {
        for (std::size_t place = 0; place < 17; ++place) {
            CAPTURE(value);
            CAPTURE(place);
            std::string text(17, 'x');
            text[place] = static_cast<char>(value);
            text += "\xC3\xA9 and a tail\xDF\xBF";

            const std::string json = json_of(text);

            REQUIRE(boost::json::parse(json).as_string() == text);
        }
    }
}
