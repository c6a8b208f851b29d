// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/plan_rules.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace rooms = watchers::rooms;
using roomctl::desired_room;
using roomctl::member;
using roomctl::plan_step;
using roomctl::plan_steps;
using rooms::room_status;

namespace {

constexpr rooms::time_point noon{std::chrono::milliseconds(1'798'718'400'000)}; // 2026-12-31T12:00:00Z
constexpr const char* noon_text = "2026-12-31T12:00:00.000Z";

plan_steps steps(std::initializer_list<plan_step> all)
{
    plan_steps set;
    for (const plan_step s : all)
        set.add(s);
    return set;
}

// A room and what is there, both of one name.
struct plan_case
{
    const char* what;
    desired_room wanted;
    std::optional<std::string> actual; // as the service answers
    plan_steps expected;
    plan_steps expected_with_recreate;
};

desired_room plain() { return {rooms::new_room("r", "Final", "At noon"), std::nullopt}; }

desired_room with_status(room_status s)
{
    desired_room d = plain();
    d.status = s;
    return d;
}

desired_room with_voice(bool on)
{
    desired_room d = plain();
    d.room.voice(on);
    d.voice_given = true;
    return d;
}

template <class F>
desired_room with(F f)
{
    desired_room d = plain();
    f(d.room);
    return d;
}

std::string answer(const std::string& more = "")
{
    return R"({"roomId":"r","name":"Final","about":"At noon")" + more + '}';
}

rooms::room room_of(const std::string& json)
{
    rooms::error_code ec;
    rooms::room r = rooms::room::from_json(json, ec);
    REQUIRE_FALSE(ec);
    return r;
}

const std::vector<plan_case>& table()
{
    const plan_steps none;
    const plan_steps create = steps({plan_step::create});
    const plan_steps voice = steps({plan_step::voice});
    const plan_steps status = steps({plan_step::status});
    const plan_steps cannot = steps({plan_step::cannot});
    const plan_steps recreate = steps({plan_step::recreate});
    const plan_steps create_and_status = steps({plan_step::create, plan_step::status});
    const plan_steps recreate_and_status = steps({plan_step::recreate, plan_step::status});
    const auto live = room_status::live;
    const auto starts = [](rooms::new_room& r) { r.starts_at(noon); };
    const std::string at_noon = std::string(R"(,"startTime":")") + noon_text + '"';

    static const std::vector<plan_case> all{
        {"missing", plain(), std::nullopt, create, create},
        {"missing, with a status", with_status(live), std::nullopt, create_and_status, create_and_status},
        {"missing, with voice", with_voice(true), std::nullopt, create, create},

        {"equal", plain(), answer(), none, none},
        {"equal status", with_status(live), answer(R"(,"status":"LIVE")"), none, none},
        {"other status", with_status(live), answer(R"(,"status":"ENDED")"), status, status},
        {"status not asked for", plain(), answer(R"(,"status":"ENDED")"), none, none},
        {"status not told", with_status(live), answer(), status, status},

        {"equal voice", with_voice(true), answer(R"(,"isSpeak":true)"), none, none},
        {"other voice", with_voice(true), answer(R"(,"isSpeak":false)"), voice, voice},
        {"voice to turn off", with_voice(false), answer(R"(,"isSpeak":true)"), voice, voice},
        {"voice not asked for", plain(), answer(R"(,"isSpeak":true)"), none, none},
        {"voice not told", with_voice(false), answer(), voice, voice},

        {"other name", plain(), R"({"roomId":"r","name":"Semi","about":"At noon"})", cannot, recreate},
        {"other about", plain(), R"({"roomId":"r","name":"Final","about":""})", cannot, recreate},
        {"name not told", plain(), R"({"roomId":"r","about":"At noon"})", none, none},
        {"other name and status", with_status(live),
         R"({"roomId":"r","name":"Semi","about":"At noon","status":"SOON"})",
         steps({plan_step::cannot, plan_step::status}), recreate_and_status},
        {"other name, equal status", with_status(live),
         R"({"roomId":"r","name":"Semi","about":"At noon","status":"LIVE"})", cannot, recreate_and_status},
        {"other name and voice", with_voice(true),
         R"({"roomId":"r","name":"Semi","about":"At noon","isSpeak":false})",
         steps({plan_step::cannot, plan_step::voice}), recreate},

        {"equal start", with(starts), answer(at_noon), none, none},
        {"other start", with(starts), answer(R"(,"startTime":"2026-12-31T12:00:01.000Z")"), cannot, recreate},
        {"start within the second", with(starts), answer(R"(,"startTime":"2026-12-31T12:00:00.900Z")"), none,
         none},
        {"start not told", with(starts), answer(), none, none},
        {"start not asked for", plain(), answer(at_noon), none, none},
        {"other end", with([](rooms::new_room& r) { r.ends_at(noon); }),
         answer(R"(,"endTime":"2027-01-01 00:00:00")"), cannot, recreate},
        {"other stream start", with([](rooms::new_room& r) { r.stream_starts_at(noon); }),
         answer(R"(,"streamStartTime":"2027-01-01 00:00:00")"), cannot, recreate},
        {"other stream end", with([](rooms::new_room& r) { r.stream_ends_at(noon); }),
         answer(R"(,"streamEndTime":"2027-01-01 00:00:00")"), cannot, recreate},

        {"other picture", with([](rooms::new_room& r) { r.picture_url("https://a.example/1"); }),
         answer(R"(,"pic":"https://a.example/2")"), cannot, recreate},
        {"other stream", with([](rooms::new_room& r) { r.stream_url("https://a.example/1"); }),
         answer(R"(,"streamUrl":"https://a.example/2")"), cannot, recreate},
        {"source, which the service turns into another one",
         with([](rooms::new_room& r) { r.source_url("https://a.example/watch?v=1"); }),
         answer(R"(,"sourceUrl":"https://a.example/embed/1")"), none, none},
    };
    return all;
}

} // namespace

TEST_CASE("plan_rules_table")
{
    for (const plan_case& c : table()) {
        CAPTURE(c.what);
        // Setup
        const std::optional<rooms::room> actual = c.actual ? std::optional(room_of(*c.actual)) : std::nullopt;
        const rooms::room* const there = actual ? &*actual : nullptr;

        // Run
        const auto plan = roomctl::make_plan(c.wanted, there, false);
        const auto recreated = roomctl::make_plan(c.wanted, there, true);

        // Check
        CHECK(plan.steps == c.expected);
        CHECK(recreated.steps == c.expected_with_recreate);
        CHECK(plan.changes.size() == recreated.changes.size());
        CHECK((there == nullptr || plan.steps.empty() == plan.changes.empty()));
    }
}

TEST_CASE("plan_rules_carried_out_leave_nothing_to_do")
{
    // Setup
    desired_room wanted = with_voice(true);
    wanted.status = room_status::ended;
    wanted.room.starts_at(noon);
    const auto before = room_of(answer(R"(,"isSpeak":false,"status":"LIVE")"));
    const auto after = room_of(answer(R"(,"isSpeak":true,"status":"ENDED")"));

    // Run, Check
    CHECK(roomctl::make_plan(wanted, &before, false).steps == steps({plan_step::voice, plan_step::status}));
    CHECK(roomctl::make_plan(wanted, &after, false).steps.empty());
}

TEST_CASE("plan_rules_keep_what_a_manifest_does_not_tell_of_a_room_created_anew")
{
    // Setup
    const auto actual =
        room_of(R"({"roomId":"r","name":"Semi","about":"At noon","isSpeak":true,"status":"LIVE",)"
                R"("startTime":"2026-12-31T12:00:00.000Z","endTime":"2027-01-01T12:00:00.000Z",)"
                R"("pic":"https://a.example/p","streamUrl":"https://a.example/s",)"
                R"("sourceUrl":"https://a.example/v",)"
                R"("streamStartTime":"2026-12-31T12:00:00.000Z",)"
                R"("streamEndTime":"2027-01-01T12:00:00.000Z"})");
    desired_room other = with_status(room_status::ended);
    other.room.picture_url("https://a.example/other").ends_at(noon + std::chrono::hours(1));
    desired_room silent = with_voice(false);

    // Run
    const auto all = roomctl::make_plan(plain(), &actual, true);
    const auto some = roomctl::make_plan(other, &actual, true);
    const auto voice = roomctl::make_plan(silent, &actual, true);

    // Check
    CHECK(all.steps == steps({plan_step::recreate, plan_step::status}));
    CHECK(all.live);
    CHECK(all.kept.size() == 9);
    REQUIRE(all.whole.has_value());
    const rooms::new_room& r = all.whole->room;
    CHECK(r.name() == "Final");
    CHECK(r.voice());
    CHECK(all.whole->status == room_status::live);
    CHECK(r.starts_at() == noon);
    CHECK(r.ends_at() == noon + std::chrono::hours(24));
    CHECK(r.picture_url() == "https://a.example/p");
    CHECK(r.stream_url() == "https://a.example/s");
    CHECK(r.source_url() == "https://a.example/v");
    CHECK(r.stream_starts_at() == noon);
    CHECK(r.stream_ends_at() == noon + std::chrono::hours(24));

    REQUIRE(some.whole.has_value());
    CHECK(some.whole->status == room_status::ended);
    CHECK(some.whole->room.picture_url() == "https://a.example/other");
    CHECK(some.whole->room.ends_at() == noon + std::chrono::hours(1));
    CHECK(some.whole->room.voice());
    REQUIRE(voice.whole.has_value());
    CHECK_FALSE(voice.whole->room.voice());
}

TEST_CASE("plan_rules_delete_no_room_that_cannot_be_created_anew")
{
    // Setup: the end that is kept is before the start that is asked for
    const auto actual = room_of(answer(R"(,"startTime":"2020-01-01T00:00:00.000Z",)"
                                       R"("endTime":"2020-01-02T00:00:00.000Z")"));
    desired_room wanted = plain();
    wanted.room.starts_at(noon);

    // Run
    const auto plan = roomctl::make_plan(wanted, &actual, true);

    // Check
    CHECK(plan.steps == steps({plan_step::cannot}));
    CHECK_FALSE(plan.obstacle.empty());
    CHECK_FALSE(plan.whole.has_value());
}

TEST_CASE("plan_rules_delete_nothing_on_the_word_of_an_answer_without_an_id")
{
    const auto actual = room_of(R"({"name":"Semi","about":"At noon"})");
    const auto plan = roomctl::make_plan(plain(), &actual, true);
    CHECK(plan.steps == steps({plan_step::cannot}));
    CHECK(plan.obstacle == "the response does not name its room (roomId or externalRoomId)");
}

// Row 64: a room as the vendor shows it.
TEST_CASE("fault_64_plan_rules_read_the_vendors_rooms_and_come_to_rest")
{
    const struct
    {
        const char* body;
        bool voice;
        plan_steps expected;
        plan_steps expected_with_recreate;
    } rows[] = {
        {R"({"id":7,"externalRoomId":"r","name":"Final","about":"At noon","isSpeak":1})", true, {}, {}},
        {R"({"id":7,"externalRoomId":"r","name":"Final","about":"At noon","isSpeak":0})", false, {}, {}},
        {R"({"id":7,"externalRoomId":"r","name":"Final","about":"At noon","isSpeak":0})", true,
         steps({plan_step::voice}), steps({plan_step::voice})},
        {R"({"id":7,"externalRoomId":"r","name":"Semi","about":"At noon","isSpeak":true})", true,
         steps({plan_step::cannot}), steps({plan_step::recreate})},
        {R"({"id":"r","name":"Semi","about":"At noon","isSpeak":true})", true, steps({plan_step::cannot}),
         steps({plan_step::cannot})},
        {R"({"externalRoomId":"R","name":"Semi","about":"At noon","isSpeak":true})", true,
         steps({plan_step::cannot}), steps({plan_step::cannot})},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        const auto actual = room_of(row.body);
        const desired_room wanted = with_voice(row.voice);
        CHECK(roomctl::make_plan(wanted, &actual, false).steps == row.expected);
        CHECK(roomctl::make_plan(wanted, &actual, true).steps == row.expected_with_recreate);
    }
}

TEST_CASE("plan_rules_leave_a_scheduled_room_to_its_times")
{
    const auto actual = room_of(R"({"roomId":"r","name":"Semi","about":"At noon","status":"SOON"})");
    CHECK(roomctl::make_plan(plain(), &actual, true).steps == steps({plan_step::recreate}));
}

TEST_CASE("plan_rules_tell_what_changes")
{
    // Setup
    desired_room wanted = with_voice(true);
    wanted.status = room_status::live;
    wanted.room.starts_at(noon);
    const auto actual = room_of(
        R"({"roomId":"r","name":"Semi","about":"At noon","isSpeak":false,"startTime":"2027-01-01T00:00:00.000Z"})");

    // Run
    const auto changes = roomctl::make_plan(wanted, &actual, false).changes;

    // Check
    REQUIRE(changes.size() == 4);
    CHECK(changes[0].what == member::name);
    CHECK(changes[0].from == "Semi");
    CHECK(changes[0].to == "Final");
    CHECK_FALSE(changes[0].possible);
    CHECK(changes[1].what == member::starts_at);
    CHECK(changes[1].from == "2027-01-01T00:00:00.000Z");
    CHECK(changes[1].to == noon_text);
    CHECK(changes[2].what == member::voice);
    CHECK(changes[2].from == "off");
    CHECK(changes[2].to == "on");
    CHECK(changes[2].possible);
    CHECK(changes[3].what == member::status);
    CHECK(changes[3].from.empty());
    CHECK(changes[3].to == "LIVE");
}
