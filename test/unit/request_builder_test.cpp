// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>

#include <doctest/doctest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
using namespace std::chrono;

namespace {

using moment = watchers::rooms::time_point;

constexpr moment start = sys_days(2026y / December / 31) + 20h;

request_heads heads_for(std::string_view url, std::string_view key = "the-key",
                        std::string_view token = "the-token")
{
    std::string why;
    return request_heads(*parse_origin(url, true, why), credentials(key, token));
}

std::string request_for(const call_request& r, time_format f = time_format::specification)
{
    encoded_call call;
    encode_call(r, f, call);
    std::string out;
    append_request(out, heads_for("https://chatbackend.watchers.io"), call);
    return out;
}

std::string body_of(const call_request& r, time_format f = time_format::specification)
{
    encoded_call call;
    encode_call(r, f, call);
    return call.body;
}

const std::string fields = "Host: chatbackend.watchers.io\r\n"
                           "accept: application/json\r\nAccept-Encoding: identity\r\n"
                           "Content-Type: application/json\r\n"
                           "x-api-key: the-key\r\n"
                           "Authorization: Bearer the-token\r\n"
                           "User-Agent: watchers-rooms/0.1\r\n";

} // namespace

TEST_CASE("request_of_each_operation")
{
    const struct
    {
        call_request request;
        std::string expected;
    } rows[] = {
        {call_request::get("match-321"), "GET /external/room/match-321 HTTP/1.1\r\n" + fields + "\r\n"},
        {call_request::erase("match-321"), "DELETE /external/room/match-321 HTTP/1.1\r\n" + fields + "\r\n"},
        {call_request::set_voice("match-321", true),
         "POST /external/room/speak HTTP/1.1\r\n" + fields +
             "Content-Length: 37\r\n\r\n{\"roomId\":\"match-321\",\"isSpeak\":true}"},
        {call_request::set_voice("match-321", false),
         "POST /external/room/speak HTTP/1.1\r\n" + fields +
             "Content-Length: 38\r\n\r\n{\"roomId\":\"match-321\",\"isSpeak\":false}"},
        {call_request::set_status("match-321", room_status::ended),
         "POST /external/room/status HTTP/1.1\r\n" + fields +
             "Content-Length: 39\r\n\r\n{\"roomId\":\"match-321\",\"status\":\"ENDED\"}"},
        {call_request::create(new_room("match-321", "Final", "Kick-off at 20:00")),
         "POST /external/room HTTP/1.1\r\n" + fields +
             "Content-Length: 81\r\n\r\n"
             "{\"roomId\":\"match-321\",\"name\":\"Final\",\"about\":\"Kick-off at "
             "20:00\",\"isSpeak\":false}"},
    };
    for (const auto& row : rows) {
        INFO("room-api.md: ", row.expected);
        CHECK(request_for(row.request) == row.expected);
    }
}

TEST_CASE("request_status_names")
{
    const struct
    {
        room_status status;
        const char* name;
    } rows[] = {
        {room_status::live, "LIVE"},
        {room_status::soon, "SOON"},
        {room_status::ended, "ENDED"},
        {room_status::disabled, "DISABLED"},
    };
    for (const auto& row : rows)
        CHECK(body_of(call_request::set_status("a", row.status)) ==
              std::string(R"({"roomId":"a","status":")") + row.name + "\"}");
}

TEST_CASE("request_create_with_all_members_in_the_order_of_the_api")
{
    const call_request request = call_request::create(new_room("r", "n", "a")
                                                          .stream_ends_at(start + 4h)
                                                          .stream_starts_at(start + 3h)
                                                          .source_url("https://c")
                                                          .stream_url("https://b")
                                                          .picture_url("https://a")
                                                          .ends_at(start + 2h + 5ms)
                                                          .starts_at(start)
                                                          .voice(true));

    CHECK(
        body_of(request) ==
        R"({"roomId":"r","name":"n","about":"a","isSpeak":true,"startTime":"2026-12-31 20:00:00",)"
        R"("endTime":"2026-12-31 22:00:00","pic":"https://a","streamUrl":"https://b","sourceUrl":"https://c",)"
        R"("streamStartTime":"2026-12-31 23:00:00","streamEndTime":"2027-01-01 00:00:00"})");
    CHECK(
        body_of(request, time_format::iso_8601) ==
        R"({"roomId":"r","name":"n","about":"a","isSpeak":true,"startTime":"2026-12-31T20:00:00.000Z",)"
        R"("endTime":"2026-12-31T22:00:00.005Z","pic":"https://a","streamUrl":"https://b","sourceUrl":"https://c",)"
        R"("streamStartTime":"2026-12-31T23:00:00.000Z","streamEndTime":"2027-01-01T00:00:00.000Z"})");
}

TEST_CASE("request_optional_members_one_at_a_time")
{
    const new_room plain("r", "n", "a");
    const std::string begin = R"({"roomId":"r","name":"n","about":"a","isSpeak":false)";
    const struct
    {
        new_room room;
        const char* member;
    } rows[] = {
        {new_room(plain).starts_at(start), R"(,"startTime":"2026-12-31 20:00:00")"},
        {new_room(plain).ends_at(start), R"(,"endTime":"2026-12-31 20:00:00")"},
        {new_room(plain).picture_url(""), R"(,"pic":"")"},
        {new_room(plain).stream_url("u"), R"(,"streamUrl":"u")"},
        {new_room(plain).source_url("u"), R"(,"sourceUrl":"u")"},
        {new_room(plain).stream_starts_at(start), R"(,"streamStartTime":"2026-12-31 20:00:00")"},
        {new_room(plain).stream_ends_at(start), R"(,"streamEndTime":"2026-12-31 20:00:00")"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.member);
        CHECK(body_of(call_request::create(row.room)) == begin + row.member + "}");
    }
}

TEST_CASE("request_text_of_the_caller_stays_text")
{
    const std::string hostile = "x\",\"isSpeak\":true,\"\r\nX-Evil: 1\r\n\r\n\\";
    const boost::json::object body =
        boost::json::parse(
            body_of(call_request::create(new_room("r", hostile, hostile).picture_url(hostile))))
            .as_object();

    CHECK(body.size() == 5);
    CHECK(body.at("name").as_string() == hostile);
    CHECK(body.at("about").as_string() == hostile);
    CHECK(body.at("pic").as_string() == hostile);
    CHECK(body.at("isSpeak").as_bool() == false);
}

TEST_CASE("request_room_id_cannot_change_the_path")
{
    const struct
    {
        const char* id;
        const char* line;
    } rows[] = {
        {"a/b", "GET /external/room/a%2Fb HTTP/1.1\r\n"},
        {"../status", "GET /external/room/..%2Fstatus HTTP/1.1\r\n"},
        {"a?b#c", "GET /external/room/a%3Fb%23c HTTP/1.1\r\n"},
        {"%2e%2e", "GET /external/room/%252e%252e HTTP/1.1\r\n"},
        {"a HTTP/1.1\r\nX: y", "GET /external/room/a%20HTTP%2F1.1%0D%0AX%3A%20y HTTP/1.1\r\n"},
        {"\xC3\xA9", "GET /external/room/%C3%A9 HTTP/1.1\r\n"},
    };
    for (const auto& row : rows) {
        INFO("faults.md 53: ", row.id);
        const std::string request = request_for(call_request::get(row.id));
        CHECK(request == row.line + fields + "\r\n");
    }
}

TEST_CASE("request_host_field_has_a_port_unless_it_is_the_schemes_own")
{
    const struct
    {
        const char* url;
        const char* field;
    } rows[] = {
        {"https://example.com:8443", "Host: example.com:8443\r\n"},
        {"https://example.com:443", "Host: example.com\r\n"},
        {"http://[::1]:8080", "Host: [::1]:8080\r\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.url);
        CHECK(heads_for(row.url).common().find(row.field) != std::string::npos);
    }
}

TEST_CASE("encoded_call_reused_forgets_the_call_before")
{
    encoded_call call;
    encode_call(call_request::create(new_room("long-room-id", "name", "about")), time_format::specification,
                call);
    encode_call(call_request::get("b"), time_format::specification, call);
    CHECK(call.kind == operation_kind::get_room);
    CHECK(call.target == "/external/room/b");
    CHECK(call.body.empty());

    const char* const memory = call.body.data();
    encode_call(call_request::set_voice("b", true), time_format::specification, call);
    CHECK(call.target.empty());
    CHECK(call.body == R"({"roomId":"b","isSpeak":true})");
    CHECK(call.body.data() == memory);
}

TEST_CASE("append_request_appends")
{
    encoded_call call;
    encode_call(call_request::get("b"), time_format::specification, call);
    const request_heads heads = heads_for("https://example.com");
    std::string once;
    append_request(once, heads, call);

    std::string out = "before";
    append_request(out, heads, call);
    append_request(out, heads, call);

    CHECK(out == "before" + once + once);
}

TEST_CASE("request_heads_moved_from_and_replaced_hold_no_secret")
{
    request_heads first = heads_for("https://example.com", "canary-one", "canary-two");
    request_heads second = std::move(first);
    CHECK(first.common().empty());
    CHECK(second.common().find("canary-one") != std::string::npos);

    second = heads_for("https://example.com", "other", "other");
    CHECK(second.common().find("canary") == std::string::npos);
}
