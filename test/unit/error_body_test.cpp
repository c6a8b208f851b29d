// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/error_body.hpp>

#include <doctest/doctest.h>

#include <string>

using watchers::rooms::detail::error_message;

TEST_CASE("error_message_of_bodies")
{
    const struct
    {
        const char* name;
        std::string body;
        std::string expected;
    } rows[] = {
        {"message", R"({"statusCode":404,"message":"Room not found","error":"Not Found"})", "Room not found"},
        {"list", R"({"message":["roomId must be a string","name is required"],"error":"Bad Request"})",
         "roomId must be a string; name is required"},
        {"list with others", R"({"message":[1,"a",null,{},"","b"]})", "a; b"},
        {"empty list", R"({"message":[],"error":"Bad Request"})", "Bad Request"},
        {"empty message", R"({"message":"","error":"Bad Request"})", "Bad Request"},
        {"message of another type", R"({"message":{"a":1},"error":"Bad Request"})", "Bad Request"},
        {"error alone", R"({"error":"Forbidden","statusCode":403})", "Forbidden"},
        {"list of errors", R"({"error":["a","b"]})", "a; b"},
        {"neither", R"({"statusCode":500})", R"({"statusCode":500})"},
        {"both of another type", R"({"message":1,"error":2})", R"({"message":1,"error":2})"},
        {"white space around", " \r\n{\"message\":\"x\"}\n", "x"},
        {"not an object", R"(["x"])", R"(["x"])"},
        {"a JSON text", R"("x")", R"("x")"},
        {"43, HTML", "<html>\r\n<b>502</b></html>\r\n", "<html>\\r\\n<b>502</b></html>"},
        {"43, text", "Too Many Requests\n", "Too Many Requests"},
        {"45, broken JSON", R"({"message":"x")", R"({"message":"x")"},
        {"45, bad UTF-8", "{\"message\":\"\xFF\"}", "{\"message\":\"\xEF\xBF\xBD\"}"},
        {"46, deep JSON", "{\"message\":" + std::string(40, '[') + std::string(40, ']') + "}",
         "{\"message\":" + std::string(40, '[') + std::string(40, ']') + "}"},
        {"empty", "", ""},
        {"white space only", " \t\r\n", ""},
        {"escapes in JSON", R"({"message":"\u001b[31mred\r\nX: 1\u202e"})", "\\x1b[31mred\\r\\nX: 1\\u202e"},
    };
    for (const auto& row : rows) {
        INFO("faults.md ", row.name);
        CHECK(error_message(row.body) == row.expected);
    }
}

TEST_CASE("error_message_bounded")
{
    INFO("faults.md 43, the text escaped and cut to 512 bytes");
    const std::string many(100'000, 'x');
    CHECK(error_message(many) == std::string(509, 'x') + "...");
    CHECK(error_message("{\"message\":\"" + many + "\"}") == std::string(509, 'x') + "...");
    CHECK(error_message(std::string(200, '\x01')).size() <= 512);
}
