// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/percent.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms::detail;
using namespace std::string_literals;

namespace {

std::string encoded(std::string_view bytes)
{
    std::string out;
    append_percent_encoded(out, bytes);
    return out;
}

} // namespace

TEST_CASE("percent_encoding_of_known_ids")
{
    const struct
    {
        std::string bytes;
        const char* expected;
    } rows[] = {
        {"", ""},
        {"match-321", "match-321"},
        {"AZaz09-._~", "AZaz09-._~"},
        {"a/b", "a%2Fb"},
        {"a?b#c", "a%3Fb%23c"},
        {"100%", "100%25"},
        {"%2F", "%252F"}, // encoded once more, not taken as encoded
        {"two words", "two%20words"},
        {"a+b&c=d;e,f:g@h!i$j'k(l)m*n", "a%2Bb%26c%3Dd%3Be%2Cf%3Ag%40h%21i%24j%27k%28l%29m%2An"},
        {"\xC3\xA9\xE2\x82\xAC", "%C3%A9%E2%82%AC"},
        {"a\r\nb\0c"s, "a%0D%0Ab%00c"},
        {"\x7F\x80\xFF", "%7F%80%FF"},
        {"../x", "..%2Fx"},
    };
    for (const auto& row : rows) {
        INFO("faults.md 53: ", row.expected);
        CHECK(encoded(row.bytes) == row.expected);
    }
}

TEST_CASE("percent_encoding_keeps_only_the_unreserved_and_is_reversible")
{
    const std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int value = 0; value < 256; ++value) {
        INFO("faults.md 53, byte ", value);
        const char byte = static_cast<char>(value);
        const std::string text = encoded(std::string(1, byte));
        if (unreserved.find(byte) != std::string_view::npos) {
            CHECK(text == std::string(1, byte));
        } else {
            REQUIRE(text.size() == 3);
            CHECK(text[0] == '%');
            CHECK(std::stoi(text.substr(1), nullptr, 16) == value);
            CHECK(text.find_first_of("abcdef") == std::string::npos);
        }
    }
}

TEST_CASE("percent_encoding_appends")
{
    std::string out = "/external/room/";
    append_percent_encoded(out, "a b");
    CHECK(out == "/external/room/a%20b");
}
