// SPDX-License-Identifier: BSL-1.0
// What the fuzzers of test/fuzz have found.

#include <watchers/rooms/room.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace watchers::rooms;

// The hash of a key mixed its object's number and its size in a way that let one make up for the other.
TEST_CASE("room_keys_that_are_alike_in_neighbouring_objects_are_not_duplicates")
{
    for (const std::string_view text : {
             R"({"":{"":{"\u0000":""}}})",
             R"({"a":{"1111":1},"b":{"11111":2}})",
             R"({"a":{"-----":1},"b":{"----":2}})",
             R"({"a":{"aaaaaaaaa":1},"b":{"aaaaaaaaaa":2},"c":{"aaaaaaaaaaa":3}})",
         }) {
        CAPTURE(text);

        error_code ec;
        const room r = room::from_json(text, ec);

        CHECK(!ec);
        CHECK(r.raw_json() == text);
    }
}

TEST_CASE("room_keys_that_are_alike_in_size_and_content_are_duplicates_in_one_object_only")
{
    for (const std::string key : {"", "a", "1111", "a key that is longer than a word"}) {
        CAPTURE(key);
        const std::string member = '"' + key + R"(":1)";

        error_code apart;
        room::from_json(R"({"x":{)" + member + R"(},"y":{)" + member + "}}", apart);
        error_code together;
        room::from_json(R"({"x":{)" + member + ',' + member + "}}", together);

        CHECK(!apart);
        CHECK(together == errc::bad_body);
    }
}
