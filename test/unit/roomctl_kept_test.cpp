// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/kept_line.hpp"
#include "../../src/roomctl/kept_rules.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

using roomctl::desired_room;
using roomctl::kept_action;
using roomctl::member;
using roomctl::plan_step;
using roomctl::room_fate;
using roomctl::room_state;
using roomctl::step_end;
using watchers::rooms::new_room;
using watchers::rooms::room;
using watchers::rooms::room_status;

constexpr const char* service = "https://api.example";

desired_room kept_room()
{
    desired_room d{new_room("r", "Final", "At noon"), room_status::ended, true};
    d.room.voice(true).picture_url("https://a.example/1");
    return d;
}

room room_of(const std::string& json)
{
    watchers::rooms::error_code ec;
    room r = room::from_json(json, ec);
    REQUIRE_FALSE(ec);
    return r;
}

} // namespace

TEST_CASE("fault_77: the fate of a room follows from how its operations ended")
{
    struct row
    {
        step_end erase;
        step_end create;
        std::optional<step_end> status;
        room_fate expected;
        bool settled;
    };
    const row rows[] = {
        {step_end::not_sent, step_end::not_sent, {}, room_fate::untouched, true},
        {step_end::refused, step_end::not_sent, {}, room_fate::untouched, true},
        {step_end::unknown, step_end::not_sent, {}, room_fate::unclear, false},
        {step_end::done, step_end::not_sent, {}, room_fate::deleted, false},
        {step_end::done, step_end::refused, step_end::not_sent, room_fate::deleted, false},
        {step_end::done, step_end::unknown, {}, room_fate::unclear, false},
        {step_end::done, step_end::done, {}, room_fate::created, true},
        {step_end::done, step_end::done, step_end::done, room_fate::created, true},
        {step_end::done, step_end::done, step_end::not_sent, room_fate::without_status, false},
        {step_end::done, step_end::done, step_end::refused, room_fate::without_status, false},
        {step_end::done, step_end::done, step_end::unknown, room_fate::without_status, false},
    };
    for (const row& r : rows) {
        CAPTURE(&r - rows);
        const room_fate fate = roomctl::fate_of(r.erase, r.create, r.status);
        CHECK(fate == r.expected);
        CHECK(roomctl::is_settled(fate) == r.settled);
    }
}

TEST_CASE("fault_77: a later run creates a kept room, sets its status, leaves it alone or waits")
{
    // Setup
    desired_room plain = kept_room();
    plain.status.reset();
    const std::string same = R"({"roomId":"r","name":"Final","about":"At noon","isSpeak":true)";
    const std::string other = R"({"roomId":"r","name":"Semi","about":"At noon")";
    const struct
    {
        const char* context;
        const desired_room& kept;
        room_state state;
        std::string actual; // without the closing brace; empty if there is none
        kept_action expected;
    } rows[] = {
        {"missing", kept_room(), room_state::missing, "", kept_action::create},
        {"missing, no status", plain, room_state::missing, "", kept_action::create},
        {"unread", kept_room(), room_state::unread, "", kept_action::wait},
        {"created, with its status", kept_room(), room_state::present, same + R"(,"status":"ENDED")",
         kept_action::settle},
        {"created, without its status", kept_room(), room_state::present, same + R"(,"status":"LIVE")",
         kept_action::set_status},
        {"created, the status is not in the response", kept_room(), room_state::present, same,
         kept_action::set_status},
        {"created, no status was kept", plain, room_state::present, same + R"(,"status":"LIVE")",
         kept_action::settle},
        {"not deleted: its name differs", kept_room(), room_state::present, other + R"(,"status":"LIVE")",
         kept_action::settle},
        {"not deleted: its picture differs", kept_room(), room_state::present,
         same + R"(,"pic":"https://a.example/2","status":"LIVE")", kept_action::settle},
        {"created, its voice differs", kept_room(), room_state::present,
         R"({"roomId":"r","name":"Final","about":"At noon","isSpeak":false,"status":"ENDED")",
         kept_action::settle},
        {"created, its voice and status differ", kept_room(), room_state::present,
         R"({"roomId":"r","name":"Final","about":"At noon","isSpeak":false,"status":"LIVE")",
         kept_action::set_status},
    };

    for (const auto& row : rows) {
        CAPTURE(row.context);

        // Run
        std::optional<room> actual;
        if (!row.actual.empty()) actual = room_of(row.actual + '}');
        const kept_action action = roomctl::action_for(row.kept, row.state, actual ? &*actual : nullptr);

        // Check
        CHECK(action == row.expected);
    }
}

TEST_CASE("fault_77: a room that is missing takes what was kept; the manifest's members win")
{
    // Setup
    const desired_room bare{new_room("r", "Semi", "At noon"), std::nullopt, false};
    desired_room full{new_room("r", "Semi", "At noon"), room_status::live, true};
    full.room.picture_url("https://a.example/2");

    // Run
    const roomctl::room_plan completed = roomctl::plan_missing(bare, kept_room());
    const roomctl::room_plan given = roomctl::plan_missing(full, kept_room());

    // Check
    for (const roomctl::room_plan* p : {&completed, &given}) {
        CHECK(p->deleted_earlier);
        CHECK(p->steps == roomctl::plan_steps().add(plan_step::create).add(plan_step::status));
        CHECK(p->obstacle.empty());
        REQUIRE(p->whole);
        CHECK(p->whole->room.name() == "Semi");
    }
    CHECK(completed.whole->room.voice());
    CHECK(completed.whole->status == room_status::ended);
    CHECK(completed.whole->room.picture_url() == "https://a.example/1");
    REQUIRE(completed.kept.size() == 3);
    CHECK(completed.kept[0].what == member::voice);
    CHECK(completed.kept[1].what == member::status);
    CHECK(completed.kept[1].value == "ENDED");
    CHECK(completed.kept[2].what == member::picture_url);
    CHECK_FALSE(given.whole->room.voice());
    CHECK(given.whole->status == room_status::live);
    CHECK(given.whole->room.picture_url() == "https://a.example/2");
    CHECK(given.kept.empty());
}

TEST_CASE("fault_77: every member that can be kept is taken over from the kept file, as from the service")
{
    // Setup
    using namespace std::chrono_literals;
    constexpr watchers::rooms::time_point noon{1'798'718'400'000ms};
    desired_room kept = kept_room();
    kept.room.starts_at(noon).ends_at(noon + 1h).stream_url("https://a.example/s");
    kept.room.source_url("https://a.example/v").stream_starts_at(noon).stream_ends_at(noon + 2h);
    const desired_room bare{new_room("r", "Final", "At noon"), std::nullopt, false};

    // Run
    const roomctl::room_plan plan = roomctl::plan_missing(bare, kept);

    // Check
    std::vector<member> members;
    for (const auto& k : plan.kept)
        members.push_back(k.what);
    CHECK(members == std::vector<member>{member::voice, member::status, member::starts_at, member::ends_at,
                                         member::picture_url, member::stream_url, member::source_url,
                                         member::stream_starts_at, member::stream_ends_at});
    const new_room& r = plan.whole->room;
    CHECK(r.starts_at() == noon);
    CHECK(r.ends_at() == noon + 1h);
    CHECK(r.stream_url() == "https://a.example/s");
    CHECK(r.source_url() == "https://a.example/v");
    CHECK(r.stream_starts_at() == noon);
    CHECK(r.stream_ends_at() == noon + 2h);
}

TEST_CASE("fault_77: a plan says why a kept room no longer fits the manifest")
{
    using namespace std::chrono_literals;
    constexpr watchers::rooms::time_point noon{1'798'718'400'000ms};
    desired_room kept = kept_room();
    kept.room.ends_at(noon);
    desired_room wanted{new_room("r", "Final", "At noon"), std::nullopt, false};
    wanted.room.starts_at(noon + 1h);

    const roomctl::room_plan plan = roomctl::plan_missing(wanted, kept);

    CHECK(plan.steps.has(plan_step::create)); // it fails, so that the run names the room
    CHECK(plan.obstacle.find("endTime") != std::string::npos);
}

TEST_CASE("fault_77: a kept line is read as it was written, and not if a byte of it is another one")
{
    std::string fault;
    std::string line = roomctl::to_kept_line(kept_room(), service);
    REQUIRE(line.ends_with("\n"));
    line.pop_back();
    const auto read = roomctl::read_kept_line(line, service, fault);
    REQUIRE(read);
    REQUIRE(read->room);
    CHECK(read->room->room.name() == "Final");
    CHECK(read->room->room.voice());
    CHECK(read->room->status == room_status::ended);
    CHECK(read->room->room.picture_url() == "https://a.example/1");

    std::string settled = roomctl::to_settled_line("r", service);
    settled.pop_back();
    const auto none = roomctl::read_kept_line(settled, service, fault);
    REQUIRE(none);
    CHECK(none->room_id == "r");
    CHECK_FALSE(none->room);

    CHECK_FALSE(roomctl::read_kept_line(line, "https://other.example", fault));
    CHECK(fault.find("another service") != std::string::npos);
    for (std::size_t i = 0; i < line.size(); ++i) {
        std::string other = line;
        other[i] = static_cast<char>(other[i] ^ 1);
        CAPTURE(i);
        CHECK_FALSE(roomctl::read_kept_line(other, service, fault));
        CHECK_FALSE(roomctl::read_kept_line(line.substr(0, i), service, fault));
    }
}
