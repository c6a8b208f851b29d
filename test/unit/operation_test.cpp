// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/operation.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace watchers::rooms;
using namespace std::chrono;
using namespace std::string_literals;

namespace {

constexpr watchers::rooms::time_point noon = sys_days(2026y / December / 31) + 12h + 345ms;

new_room full_room()
{
    return new_room("match-321", "Final", "Kick-off at 20:00")
        .voice(true)
        .starts_at(noon)
        .ends_at(noon + 2h)
        .picture_url("https://example.com/a.png")
        .stream_url("https://example.com/live")
        .source_url("https://example.com/watch?v=1&t=2")
        .stream_starts_at(noon + 1h)
        .stream_ends_at(noon + 3h);
}

constexpr char full_json[] =
    R"({"op":"create","roomId":"match-321","name":"Final","about":"Kick-off at 20:00","isSpeak":true,)"
    R"("startTime":"2026-12-31T12:00:00.345Z","endTime":"2026-12-31T14:00:00.345Z",)"
    R"("pic":"https://example.com/a.png","streamUrl":"https://example.com/live",)"
    R"("sourceUrl":"https://example.com/watch?v=1&t=2","streamStartTime":"2026-12-31T13:00:00.345Z",)"
    R"("streamEndTime":"2026-12-31T15:00:00.345Z"})";

std::optional<operation> read(const std::string& line)
{
    std::string fault;
    auto read = operation::from_json(line, fault);
    INFO(line);
    CHECK(fault == "");
    return read;
}

std::string fault_of(const std::string& line)
{
    std::string fault;
    CHECK_FALSE(operation::from_json(line, fault));
    return fault;
}

} // namespace

TEST_CASE("operation_is_written_and_read_back")
{
    const struct
    {
        operation value;
        std::string json;
    } rows[] = {
        {operation::create(full_room()), full_json},
        {operation::create(new_room("a", "", "")),
         R"({"op":"create","roomId":"a","name":"","about":"","isSpeak":false})"},
        {operation::get("a/b?c"), R"({"op":"get","roomId":"a/b?c"})"},
        {operation::set_voice("a", true), R"({"op":"voice","roomId":"a","isSpeak":true})"},
        {operation::set_voice("a", false), R"({"op":"voice","roomId":"a","isSpeak":false})"},
        {operation::set_status("a", room_status::live), R"({"op":"status","roomId":"a","status":"LIVE"})"},
        {operation::set_status("a", room_status::soon), R"({"op":"status","roomId":"a","status":"SOON"})"},
        {operation::set_status("a", room_status::ended), R"({"op":"status","roomId":"a","status":"ENDED"})"},
        {operation::set_status("a", room_status::disabled),
         R"({"op":"status","roomId":"a","status":"DISABLED"})"},
        {operation::erase("a"), R"({"op":"delete","roomId":"a"})"},
        {operation::erase("r\u00f6\u00f6m \U0001F600 \"\\x"),
         "{\"op\":\"delete\",\"roomId\":\"r\u00f6\u00f6m \U0001F600 \\\"\\\\x\"}"},
        {operation::create(new_room("a", "line\nend\t\x01", "NUL \0"s)),
         R"({"op":"create","roomId":"a","name":"line\nend\t\u0001","about":"NUL \u0000","isSpeak":false})"},
    };
    for (const auto& row : rows) {
        // Run
        const std::string json = row.value.to_json();
        const auto back = read(json);

        // Check
        CHECK(json == row.json);
        REQUIRE(back);
        CHECK(back->kind() == row.value.kind());
        CHECK(back->room_id() == row.value.room_id());
        CHECK(back->to_json() == json);
        CHECK(back->check() == "");
    }
}

TEST_CASE("operation_create_keeps_every_member")
{
    // Setup
    const new_room expected = full_room();

    // Run
    const auto back = read(full_json);

    // Check
    REQUIRE(back);
    const new_room& r = back->room();
    CHECK(r.id() == expected.id());
    CHECK(r.name() == expected.name());
    CHECK(r.about() == expected.about());
    CHECK(r.voice());
    CHECK(r.starts_at() == expected.starts_at());
    CHECK(r.ends_at() == expected.ends_at());
    CHECK(r.picture_url() == expected.picture_url());
    CHECK(r.stream_url() == expected.stream_url());
    CHECK(r.source_url() == expected.source_url());
    CHECK(r.stream_starts_at() == expected.stream_starts_at());
    CHECK(r.stream_ends_at() == expected.stream_ends_at());
}

TEST_CASE("operation_members_come_in_any_order_and_notation")
{
    // Run
    const auto status = read(" { \"status\" : \"ENDED\" , \"roomId\":\"a\",\t\"op\":\"status\" } \r\n");
    const auto escaped = read(R"({"\u006fp":"g\u0065t","room\u0049d":"\ud83d\ude00-\u00f6"})");
    const auto old_times =
        read(R"({"op":"create","roomId":"a","name":"n","about":"b",)"
             R"("startTime":"2026-12-31 12:00:00","endTime":"2026-12-31T16:00:00+02:00"})");

    // Check
    REQUIRE(status);
    CHECK(status->kind() == operation_kind::set_status);
    CHECK(status->status() == room_status::ended);
    REQUIRE(escaped);
    CHECK(escaped->room_id() == "\U0001F600-\u00f6");
    REQUIRE(old_times);
    CHECK(old_times->room().starts_at() == floor<seconds>(noon));
    CHECK(old_times->room().ends_at() == floor<seconds>(noon) + 2h);
    CHECK_FALSE(old_times->room().voice());
}

TEST_CASE("operation_faults_name_the_member_and_the_rule")
{
    static constexpr char no_time[] =
        ": must be a time as in 2024-12-31T20:00:00.000Z or 2024-12-31 20:00:00";
    static constexpr char no_object[] = "operation: must be one JSON object";
    const auto invalid_at = [](std::size_t byte) {
        return "operation: must be valid JSON, and is not at byte " + std::to_string(byte);
    };
    const std::string room = R"({"op":"create","roomId":"a","name":"n","about":"b")";
    const struct
    {
        std::string line;
        std::string fault;
    } rows[] = {
        {"", invalid_at(1)},
        {"  ", invalid_at(3)},
        {"null", no_object},
        {"[]", no_object},
        {"17", no_object},
        {"1.5e300", no_object},
        {"true", no_object},
        {R"("get")", no_object},
        {"{", invalid_at(2)},
        {R"({"op":"get","roomId":"a")", invalid_at(25)},
        {R"({"op":"get","roomId":"a"} x)", invalid_at(27)},
        {R"({"op":"get","roomId":"a"}{})", invalid_at(26)},
        {R"({"op":"get","roomId":"a",})", invalid_at(26)},
        {R"({"op":"get" "roomId":"a"})", invalid_at(13)},
        {R"({op:"get"})", invalid_at(2)},
        {"\xEF\xBB\xBF{}", invalid_at(1)},
        {"{\"op\":\"get\",\"roomId\":\"a\0\"}"s, invalid_at(24)},
        {"{\"op\":\"get\",\"roomId\":\"a\xFF\"}", invalid_at(24)},
        {R"({"op":"get","roomId":"\ud800"})", invalid_at(29)},
        {R"({"op":"get","roomId":"a",/**/"x":1})", invalid_at(26)},
        {"{}", "op: is missing"},
        {R"({"roomId":"a"})", "op: is missing"},
        {R"({"op":"get"})", "roomId: is missing"},
        {R"({"op":"voice","roomId":"a"})", "isSpeak: is missing"},
        {R"({"op":"status","roomId":"a"})", "status: is missing"},
        {R"({"op":"create","roomId":"a","about":"b"})", "name: is missing"},
        {R"({"op":"create","roomId":"a","name":"b"})", "about: is missing"},
        {R"({"op":"GET","roomId":"a"})", "op: must be create, get, voice, status or delete"},
        {R"({"op":"","roomId":"a"})", "op: must be create, get, voice, status or delete"},
        {R"({"op":"get","op":"get","roomId":"a"})", "op: appears twice"},
        {R"({"op":"get","roomId":"a","roomI\u0064":"a"})", "roomId: appears twice"},
        {R"({"op":"voice","roomId":"a","isSpeak":true,"isSpeak":true})", "isSpeak: appears twice"},
        {R"({"op":"get","roomId":"a","RoomId":"a"})", "RoomId: unknown member"},
        {R"({"op":"get","roomId":"a","":{}})", ": unknown member"},
        {R"({"op":"get","a\nb\u001b[2J":[]})", "a\\nb\\x1b[2J: unknown member"},
        {R"({"op":"get",")" + std::string(1000, 'x') + R"(":1})",
         std::string(61, 'x') + "...: unknown member"},
        {R"({"op":1,"roomId":"a"})", "op: must be a text"},
        {R"({"op":"get","roomId":null})", "roomId: must be a text"},
        {R"({"op":"get","roomId":17})", "roomId: must be a text"},
        {R"({"op":"get","roomId":-17})", "roomId: must be a text"},
        {R"({"op":"get","roomId":1.5})", "roomId: must be a text"},
        {R"({"op":"get","roomId":true})", "roomId: must be a text"},
        {R"({"op":"get","roomId":["a"]})", "roomId: must be a text"},
        {R"({"op":"get","roomId":{"a":"b"}})", "roomId: must be a text"},
        {R"({"op":"get","roomId":)" + std::string(100'000, '['), "roomId: must be a text"},
        {R"({"op":"voice","roomId":"a","isSpeak":"true"})", "isSpeak: must be true or false"},
        {R"({"op":"voice","roomId":"a","isSpeak":1})", "isSpeak: must be true or false"},
        {R"({"op":"voice","roomId":"a","isSpeak":null})", "isSpeak: must be true or false"},
        {R"({"op":"voice","roomId":"a","isSpeak":[]})", "isSpeak: must be true or false"},
        {R"({"op":"status","roomId":"a","status":"live"})", "status: must be LIVE, SOON, ENDED or DISABLED"},
        {R"({"op":"get","roomId":"a","name":"n"})", "name: is not a member of get"},
        {R"({"op":"delete","roomId":"a","isSpeak":true})", "isSpeak: is not a member of delete"},
        {R"({"op":"voice","roomId":"a","isSpeak":true,"status":"LIVE"})", "status: is not a member of voice"},
        {R"({"op":"status","roomId":"a","status":"LIVE","pic":"p"})", "pic: is not a member of status"},
        {room + R"(,"status":"LIVE"})", "status: is not a member of create"},
        {room + R"(,"startTime":"soon"})", "startTime"s + no_time},
        {room + R"(,"endTime":""})", "endTime"s + no_time},
        {room + R"(,"streamStartTime":"2026-02-30 12:00:00"})", "streamStartTime"s + no_time},
        {room + R"(,"streamEndTime":"2026-12-31"})", "streamEndTime"s + no_time},
        {room + R"(,"startTime":"1969-12-31 23:59:59"})", "startTime: must lie in the years 1970 to 9999"},
        {room + R"(,"startTime":"2026-12-31 12:00:00","endTime":"2026-12-31 12:00:00"})",
         "endTime: must be after startTime"},
        {room + R"(,"pic":")" + std::string(8193, 'u') + "\"}",
         "pic: must be at most 8192 bytes long, and has 8193"},
        {R"({"op":"get","roomId":""})", "roomId: must not be empty"},
        {R"({"op":"get","roomId":"a\u0000"})", "roomId: must not hold control characters"},
        {R"({"op":"delete","roomId":".."})",
         R"(roomId: must not be "." or "..", nor hold them between slashes)"},
    };
    for (const auto& row : rows) {
        INFO(row.line.substr(0, 200));
        CHECK(fault_of(row.line) == row.fault);
    }
}

TEST_CASE("operation_every_prefix_of_a_line_is_a_fault")
{
    const std::string line = full_json;
    for (std::size_t size = 0; size < line.size(); ++size) {
        CAPTURE(size);
        CHECK(fault_of(line.substr(0, size)) != "");
    }
}

TEST_CASE("operation_fault_stays_as_it_was_if_there_is_none")
{
    std::string fault = "before";
    CHECK(operation::from_json(R"({"op":"get","roomId":"a"})", fault));
    CHECK(fault == "before");
}

TEST_CASE("operation_check_refuses_what_the_calls_refuse")
{
    CHECK(operation::get("a").check() == "");
    CHECK(operation::get("").check() == "roomId: must not be empty");
    CHECK(operation::erase("\xFF").check() == "roomId: must be valid UTF-8");
    CHECK(operation::set_voice("\n", true).check() == "roomId: must not hold control characters");
    CHECK(operation::set_status("a", static_cast<room_status>(9)).check() ==
          "status: must be LIVE, SOON, ENDED or DISABLED");
    CHECK(operation::create(new_room("a", "\xFF", "")).check() == "name: must be valid UTF-8");
}
