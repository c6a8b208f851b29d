// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/impl/sansio/validate.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
using namespace std::chrono;
using namespace std::string_literals;

namespace {

using moment = watchers::rooms::time_point;

constexpr moment noon = sys_days(2026y / December / 31) + 12h;

new_room plain() { return new_room("id", "name", "about"); }

} // namespace

// Rows 52, 54 and 91.
TEST_CASE("room_id_rules")
{
    static constexpr char dots[] = "roomId: must not be \".\" or \"..\", nor hold them between slashes";
    static constexpr char empty_segments[] =
        "roomId: must not begin or end with a slash or backslash, nor hold two in a row (example: a/b)";
    const struct
    {
        const char* name;
        std::string id;
        const char* fault;
    } rows[] = {
        {"52, empty", "", "roomId: must not be empty"},
        {"52, dot", ".", dots},
        {"52, two dots", "..", dots},
        {"53, up and down again", "../user/42", dots},
        {"53, dots last", "a/..", dots},
        {"53, dots between", "a/./b", dots},
        {"53, behind a backslash", "a\\..", dots},
        {"91, a slash alone", "/", empty_segments},
        {"91, a backslash alone", "\\", empty_segments},
        {"91, leading", "/victim", empty_segments},
        {"91, leading backslash", "\\victim", empty_segments},
        {"91, trailing", "victim/", empty_segments},
        {"91, trailing backslash", "victim\\", empty_segments},
        {"91, doubled", "a//b", empty_segments},
        {"91, tripled", "a///b", empty_segments},
        {"91, doubled backslash", "a\\\\b", empty_segments},
        {"91, mixed", "a/\\b", empty_segments},
        {"91, mixed the other way", "a\\/b", empty_segments},
        {"91, and dots", "/../victim", dots},
        {"91, segments", "brand/match\\half", ""},
        {"91, colon", "brand:match", ""},
        {"91, colons alone", "::", ""},
        {"91, a blank between", "a/ /b", ""},
        {"three dots", "...", ""},
        {"dots within", "a..b/..c/d..", ""},
        {"53, reserved characters", "a/b?c#d%e f", ""},
        {"53, unicode", "r\xC3\xB6\xC3\xB6m \xF0\x9F\x98\x80", ""},
        {"longest", std::string(1024, 'x'), ""},
        {"54, too long", std::string(1025, 'x'), "roomId: must be at most 1024 bytes long, and has 1025"},
        {"54, bad UTF-8", "a\xFF", "roomId: must be valid UTF-8"},
        {"NUL", "a\0b"s, "roomId: must not hold control characters"},
        {"line end", "a\r\nb", "roomId: must not hold control characters"},
        {"DEL", "a\x7F", "roomId: must not hold control characters"},
        {"C1", "a\xC2\x85", "roomId: must not hold control characters"},
    };
    for (const auto& row : rows) {
        INFO("faults.md ", row.name);
        CHECK(check_room_id(row.id) == row.fault);
        CHECK(check_request(call_request::get(row.id)) == row.fault);
        CHECK(check_request(call_request::erase(row.id)) == row.fault);
        CHECK(check_request(call_request::set_voice(row.id, true)) == row.fault);
        CHECK(check_request(call_request::set_status(row.id, room_status::live)) == row.fault);
        CHECK(check_request(call_request::create(new_room(row.id, "n", "a"))) == row.fault);
    }
}

TEST_CASE("new_room_rules")
{
    const std::string url_8k(8 * 1024, 'u');
    const std::string text_64k(64 * 1024, 't');
    const moment first = sys_days(1970y / 1 / 1);
    const moment latest = sys_days(10000y / 1 / 1) - 1ms;
    const struct
    {
        new_room room;
        std::string fault;
    } rows[] = {
        {plain(), ""},
        {new_room("id", "", ""), ""},
        {new_room("id", "a\nb\0c"s, "\xF0\x9F\x98\x80"), ""},
        {new_room("id", text_64k, text_64k), ""},
        {new_room("id", text_64k + "t", ""), "name: must be at most 65536 bytes long, and has 65537"},
        {new_room("id", "", text_64k + "t"), "about: must be at most 65536 bytes long, and has 65537"},
        {new_room("id", "\xC0\x80", ""), "name: must be valid UTF-8"},
        {new_room("id", "", "\xED\xA0\x80"), "about: must be valid UTF-8"},
        {plain().picture_url(url_8k).stream_url(url_8k).source_url(url_8k), ""},
        {plain().picture_url(url_8k + "u"), "pic: must be at most 8192 bytes long, and has 8193"},
        {plain().stream_url(url_8k + "u"), "streamUrl: must be at most 8192 bytes long, and has 8193"},
        {plain().source_url(url_8k + "u"), "sourceUrl: must be at most 8192 bytes long, and has 8193"},
        {plain().picture_url("\xFF"), "pic: must be valid UTF-8"},
        {plain().stream_url("\xFF"), "streamUrl: must be valid UTF-8"},
        {plain().source_url("\xFF"), "sourceUrl: must be valid UTF-8"},
        {plain().starts_at(noon).ends_at(noon + 1ms), ""},
        {plain().starts_at(first).ends_at(latest), ""},
        {plain().ends_at(noon), ""},
        {plain().starts_at(noon).ends_at(noon), "endTime: must be after startTime"},
        {plain().starts_at(noon).ends_at(noon - 1h), "endTime: must be after startTime"},
        {plain().starts_at(first - 1ms), "startTime: must lie in the years 1970 to 9999"},
        {plain().starts_at(latest + 1ms), "startTime: must lie in the years 1970 to 9999"},
        {plain().starts_at(moment::max()), "startTime: must lie in the years 1970 to 9999"},
        {plain().ends_at(moment::min()), "endTime: must lie in the years 1970 to 9999"},
        {plain().stream_starts_at(noon).stream_ends_at(noon + 1s), ""},
        {plain().stream_starts_at(noon).stream_ends_at(noon), "streamEndTime: must be after streamStartTime"},
        {plain().stream_starts_at(first - 1ms), "streamStartTime: must lie in the years 1970 to 9999"},
        {plain().stream_ends_at(latest + 1ms), "streamEndTime: must lie in the years 1970 to 9999"},
    };
    for (const auto& row : rows) {
        INFO("faults.md 54: ", row.fault);
        CHECK(check_new_room(row.room) == row.fault);
        CHECK(check_request(call_request::create(row.room)) == row.fault);
    }
}

TEST_CASE("status_outside_the_enumeration_refused")
{
    CHECK(check_request(call_request::set_status("id", room_status::disabled)).empty());
    CHECK(check_request(call_request::set_status("id", static_cast<room_status>(4))) ==
          "status: must be LIVE, SOON, ENDED or DISABLED");
}

TEST_CASE("credential_rules")
{
    const std::string long_8k(8 * 1024, 'k');
    const struct
    {
        const char* name;
        std::string text;
        const char* rule; // part of the text; empty if the secret is fine
    } rows[] = {
        {"plain", "key-123_~!", ""},
        {"least and greatest character", "\x21\x7E", ""},
        {"longest", long_8k, ""},
        {"too long", long_8k + "k", "must be at most 8192 bytes long"},
        {"empty", "", "must not be empty"},
        {"carriage return", "canary\rX", "printable ASCII"},
        {"carriage return at the end", "canary\r", "must not end with a line end"},
        {"line feed at the end", "canary\n", "must not end with a line end"},
        {"both at the end", "canary\r\n", "must not end with a line end"},
        {"line feed", "canary\nX-Evil: 1", "printable ASCII"},
        {"both", "canary\r\nX-Evil: 1", "printable ASCII"},
        {"NUL", "canary\0x"s, "printable ASCII"},
        {"space inside", "api key", ""},
        {"space before", " canary", "begin or end with a space"},
        {"space behind", "canary ", "begin or end with a space"},
        {"tab", "canary\t", "printable ASCII"},
        {"DEL", "canary\x7F", "printable ASCII"},
        {"above ASCII", "canary\xC3\xA9", "printable ASCII"},
    };
    CHECK(check_credentials(credentials("key", "Bearer canary")) ==
          "bearer_token: must be without the word Bearer");
    for (const auto& row : rows) {
        INFO("faults.md 51: ", row.name);
        const std::string of_key = check_credentials(credentials(row.text, "token"));
        const std::string of_token = check_credentials(credentials("key", row.text));
        if (*row.rule == '\0') {
            CHECK(of_key == "");
            CHECK(of_token == "");
            continue;
        }
        CHECK(of_key.find("api_key: ") == 0);
        CHECK(of_key.find(row.rule) != std::string::npos);
        CHECK(of_key.find("canary") == std::string::npos);
        CHECK(of_token.find("bearer_token: ") == 0);
        CHECK(of_token.find(row.rule) != std::string::npos);
        CHECK(of_token.find("canary") == std::string::npos);
    }
}
