// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/recreation.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

// Row 77: rooms that are deleted and created again are followed, and none is forgotten.

namespace {

namespace rooms = watchers::rooms;
using roomctl::recreation;
using roomctl::room_fate;
using rooms::effect;
using rooms::errc;

rooms::operation erase() { return rooms::operation::erase("r"); }
rooms::operation create() { return rooms::operation::create(rooms::new_room("r", "Final", "At noon")); }
rooms::operation status() { return rooms::operation::set_status("r", rooms::room_status::ended); }

// A result of the room "r".
struct end
{
    rooms::operation operation;
    rooms::error_code error; // none: it succeeded
    rooms::effect effect = effect::none;
};

rooms::bulk_result result_of(const end& e)
{
    rooms::bulk_result r(0, e.operation);
    r.error = e.error;
    r.diagnostics.set_operation(e.operation.kind());
    r.diagnostics.set_effect(e.error ? e.effect : effect::applied);
    return r;
}

room_fate only_fate(const recreation& units)
{
    std::vector<std::pair<std::string, room_fate>> all;
    units.each([&](const std::string& id, room_fate f) { all.emplace_back(id, f); });
    REQUIRE(all.size() == 1);
    CHECK(all.front().first == "r");
    CHECK(units.fate_of("r") == all.front().second);
    return all.front().second;
}

} // namespace

TEST_CASE("fault_77_recreation_follows_a_room_whatever_became_of_its_delete")
{
    const end skipped_create{create(), errc::skipped_after_failure};
    const end skipped_status{status(), errc::skipped_after_failure};
    const struct
    {
        const char* context;
        std::vector<end> ends;
        room_fate expected;
    } rows[] = {
        {"nothing ended", {}, room_fate::untouched},
        {"all done", {{erase(), {}}, {create(), {}}, {status(), {}}}, room_fate::created},
        {"delete refused",
         {{erase(), errc::forbidden}, skipped_create, skipped_status},
         room_fate::untouched},
        {"delete lost",
         {{erase(), errc::connection_lost, effect::unknown}, skipped_create, skipped_status},
         room_fate::unclear},
        {"delete timed out",
         {{erase(), errc::response_timeout, effect::unknown}, skipped_create, skipped_status},
         room_fate::unclear},
        {"delete cancelled after it was sent",
         {{erase(), errc::cancelled, effect::unknown}, {create(), errc::stopped}, {status(), errc::stopped}},
         room_fate::unclear},
        {"delete cancelled before it was sent",
         {{erase(), errc::cancelled}, skipped_create, skipped_status},
         room_fate::untouched},
        {"delete lost, create done",
         {{erase(), errc::connection_lost, effect::unknown}, {create(), {}}},
         room_fate::without_status},
        {"delete lost, create refused",
         {{erase(), errc::connection_lost, effect::unknown}, {create(), errc::bad_request}, skipped_status},
         room_fate::unclear},
        {"create refused",
         {{erase(), {}}, {create(), errc::bad_request}, skipped_status},
         room_fate::deleted},
        {"create lost",
         {{erase(), {}}, {create(), errc::outcome_unknown, effect::unknown}, skipped_status},
         room_fate::unclear},
        {"another's room came in between",
         {{erase(), {}}, {create(), errc::conflict}, skipped_status},
         room_fate::unclear},
        {"status lost",
         {{erase(), {}}, {create(), {}}, {status(), errc::connection_lost, effect::unknown}},
         room_fate::without_status},
    };
    for (const auto& row : rows) {
        CAPTURE(row.context);
        // Setup
        recreation units;
        units.add("r", false, true);

        // Run
        for (const end& e : row.ends)
            static_cast<void>(units.take(result_of(e), 1));

        // Check
        CHECK(only_fate(units) == row.expected);
    }
}

TEST_CASE("fault_77_recreation_remembers_what_an_earlier_run_left")
{
    const struct
    {
        const char* context;
        void (*add)(recreation&);
        std::vector<end> ends;
        room_fate expected;
    } rows[] = {
        {"deleted, not reached", [](recreation& r) { r.add("r", true, false); }, {}, room_fate::deleted},
        {"deleted, created",
         [](recreation& r) { r.add("r", true, false); },
         {{create(), {}}},
         room_fate::created},
        {"deleted, refused",
         [](recreation& r) { r.add("r", true, false); },
         {{create(), errc::bad_request}},
         room_fate::deleted},
        {"unread", [](recreation& r) { r.add_unread("r"); }, {}, room_fate::unclear},
        {"created, not reached", [](recreation& r) { r.add_created("r"); }, {}, room_fate::without_status},
        {"created, status set",
         [](recreation& r) { r.add_created("r"); },
         {{status(), {}}},
         room_fate::created},
    };
    for (const auto& row : rows) {
        CAPTURE(row.context);
        recreation units;
        row.add(units);
        for (const end& e : row.ends)
            static_cast<void>(units.take(result_of(e), 1));
        CHECK(only_fate(units) == row.expected);
    }
}

TEST_CASE("fault_77_recreation_holds_back_what_was_stopped_and_completes_the_units_that_began")
{
    const struct
    {
        const char* context;
        std::vector<end> ends;
        std::size_t completed; // of the operations that were held back
        std::size_t left;
    } rows[] = {
        {"deleted", {{erase(), {}}, {create(), errc::stopped}, {status(), errc::stopped}}, 2, 0},
        {"created", {{erase(), {}}, {create(), {}}, {status(), errc::stopped}}, 1, 0},
        {"not begun", {{erase(), errc::stopped}, {create(), errc::stopped}, {status(), errc::stopped}}, 0, 2},
        {"delete unknown: it may be another's room by now",
         {{erase(), errc::connection_lost, effect::unknown},
          {create(), errc::stopped},
          {status(), errc::stopped}},
         0,
         2},
        {"create refused", {{erase(), {}}, {create(), errc::bad_request}, {status(), errc::stopped}}, 0, 1},
        {"create unknown",
         {{erase(), {}}, {create(), errc::outcome_unknown, effect::unknown}, {status(), errc::stopped}},
         0,
         1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.context);
        // Setup
        recreation units;
        units.add("r", false, true);

        // Run
        std::size_t held = 0;
        for (std::size_t i = 0; i < row.ends.size(); ++i)
            held += units.take(result_of(row.ends[i]), i + 1) ? 1 : 0;
        const auto [begun, rest] = units.release();

        // Check
        CHECK(held == row.completed + row.left);
        CHECK(begun.size() == row.completed);
        CHECK(rest.size() == row.left);
        CHECK_FALSE(units.take(result_of({create(), errc::stopped}), 1)); // from now on nothing is held back
    }
}

TEST_CASE("fault_77_recreation_leaves_other_rooms_alone")
{
    recreation units;
    CHECK_FALSE(units.take(result_of({create(), errc::stopped}), 1));
    CHECK(units.fate_of("r") == room_fate::untouched);
    const auto [begun, rest] = units.release();
    CHECK(begun.empty());
    CHECK(rest.empty());
}
