// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/kept_line.hpp"
#include "../../src/roomctl/kept_rules.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

namespace {

using roomctl::desired_room;
using roomctl::kept_action;
using roomctl::room_fate;
using roomctl::room_state;
using roomctl::step_end;
using watchers::rooms::new_room;
using watchers::rooms::room_status;

constexpr const char* service = "https://api.example";

desired_room kept_room()
{
    desired_room d{new_room("r", "Final", "At noon"), room_status::ended, true};
    d.room.voice(true).picture_url("https://a.example/1");
    return d;
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

TEST_CASE("fault_77: a room that is missing takes what was kept; the manifest's members win")
{
    CHECK(roomctl::action_for(kept_room(), room_state::missing, nullptr) == kept_action::create);
    CHECK(roomctl::action_for(kept_room(), room_state::unread, nullptr) == kept_action::wait);

    desired_room wanted{new_room("r", "Semi", "At noon"), std::nullopt, false};
    const desired_room whole = roomctl::with_kept(wanted, kept_room());
    CHECK(whole.room.name() == "Semi");
    CHECK(whole.room.voice());
    CHECK(whole.status == room_status::ended);
    CHECK(whole.room.picture_url() == "https://a.example/1");

    wanted.voice_given = true;
    wanted.status = room_status::live;
    wanted.room.picture_url("https://a.example/2");
    const desired_room given = roomctl::with_kept(wanted, kept_room());
    CHECK_FALSE(given.room.voice());
    CHECK(given.status == room_status::live);
    CHECK(given.room.picture_url() == "https://a.example/2");
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
