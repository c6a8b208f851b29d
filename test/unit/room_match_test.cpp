// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/room.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace watchers::rooms;
using detail::room_builder;
using namespace std::chrono;

namespace {

constexpr watchers::rooms::time_point start = sys_days(2026y / December / 31) + 20h;

room told(const char* json)
{
    error_code ec;
    room r = room::from_json(json, ec);
    REQUIRE_FALSE(ec.failed());
    return r;
}

} // namespace

TEST_CASE("room_match_of_what_an_answer_tells")
{
    const new_room wanted = new_room("match-321", "Final", "Kick-off").voice(true).starts_at(start + 700ms);
    const struct
    {
        const char* json;
        bool matches;
    } rows[] = {
        {R"({"roomId":"match-321","name":"Final","about":"Kick-off","isSpeak":true,)"
         R"("startTime":"2026-12-31 20:00:00"})",
         true},
        {R"({"roomId":"match-322"})", false},
        {R"({"roomId":"MATCH-321"})", true},
        {R"({"roomId":""})", true}, // an empty id is none
        {R"({"externalRoomId":"match-321","id":5})", true},
        {R"({"externalRoomId":"match-322","id":5})", false},
        {R"({"id":"match-322"})", true}, // of the vendor's own
        {R"({"isSpeak":1})", true},
        {R"({"isSpeak":0})", false},
        {R"({"name":"Final"})", true},
        {R"({"name":"Final "})", false},
        {R"({"about":"Kick-off"})", true},
        {R"({"about":""})", false},
        {R"({"isSpeak":true})", true},
        {R"({"isSpeak":"true"})", true},
        {R"({"isSpeak":false})", false},
        {R"({"startTime":"2026-12-31T20:00:00.000Z"})", true},
        {R"({"startTime":"2026-12-31T20:00:00.700Z"})", true},
        {R"({"startTime":"2026-12-31T20:00:00.999Z"})", true},
        {R"({"startTime":"2026-12-31T20:00:01.000Z"})", false},
        {R"({"startTime":"2026-12-31T19:59:59.999Z"})", false},
        {R"({"startTime":"2026-12-31T21:00:00+01:00"})", true},
        {R"({"startTime":null,"about":null,"isSpeak":null})", true},
        {R"({"endTime":"2026-12-31 23:00:00"})", true}, // none was asked for
        {R"({"endTime":null})", true},
        {R"({"roomId":"match-321","name":"Final","about":"Kick-off","isSpeak":true,"endTime":"x"})", true},
        {R"({"roomId":"match-321","status":"LIVE"})", true},
        {R"({"roomId":"match-321","status":"ENDED"})", true},
        {R"({"roomId":"match-321","extra":{"name":"other"}})", true},
        {R"({"roomId":"match-321","pic":"https://cdn/rewritten","streamUrl":"a","sourceUrl":"b"})", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.json);
        CHECK(room_builder::matches(told(row.json), wanted) == row.matches);
    }
}

TEST_CASE("room_match_of_a_room_created_without_optional_members")
{
    const new_room wanted("match-321", "Final", "Kick-off");
    const struct
    {
        const char* json;
        bool matches;
    } rows[] = {
        {R"({"roomId":"match-321","name":"Final","about":"Kick-off","isSpeak":false})", true},
        {R"({"isSpeak":true})", false},
        {R"({"startTime":null,"endTime":null})", true},
        {R"({"startTime":"2026-12-31 20:00:00"})", true},
        {R"({"endTime":"2026-12-31 20:00:00"})", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.json);
        CHECK(room_builder::matches(told(row.json), wanted) == row.matches);
    }
}

TEST_CASE("room_match_of_times_before_1970_is_by_the_second_too")
{
    using moment = watchers::rooms::time_point;
    const room found = told(R"({"endTime":"1969-12-31T23:59:59.600Z"})");
    CHECK(room_builder::matches(found, new_room("a", "b", "c").ends_at(moment(-1ms))));
    CHECK_FALSE(room_builder::matches(found, new_room("a", "b", "c").ends_at(moment(0ms))));
}

TEST_CASE("room_match_of_text_with_escapes")
{
    const new_room wanted("caf\xC3\xA9", "\"Final\"\n", "\xF0\x9F\x8F\x86");
    CHECK(room_builder::matches(told(R"({"roomId":"caf\u00e9","name":"\"Final\"\n","about":"\ud83c\udfc6"})"),
                                wanted));
}

TEST_CASE("room_mark_confirmed_marks_the_room_and_its_copies")
{
    room r = told(R"({"roomId":"match-321"})");
    CHECK_FALSE(r.confirmed());

    room_builder::mark_confirmed(r);

    CHECK(r.confirmed());
    const room copy = r;
    CHECK(copy.confirmed());
    CHECK(copy.id() == "match-321");
}
