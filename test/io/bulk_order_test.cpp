// SPDX-License-Identifier: BSL-1.0

// The order within rooms, whatever happens: a hundred rooms, a hundred changes each, mixed.

#include "support/bulk_process.hpp"
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

namespace {

constexpr std::size_t room_count = 100;
constexpr std::size_t changes = 100;

operation change(std::size_t room, std::size_t n)
{
    const std::string id = "room-" + std::to_string(room);
    switch ((n + room) % 4) {
    case 0: return operation::set_voice(id, true);
    case 1: return operation::set_status(id, room_status::live);
    case 2: return operation::set_voice(id, false);
    default: return operation::set_status(id, room_status::ended);
    }
}

// Each room's in their order, the rooms' mixed.
std::vector<operation> mixed_changes(dice& d)
{
    std::vector<std::size_t> made(room_count);
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < room_count; ++i)
        open.push_back(i);
    std::vector<operation> all;
    while (!open.empty()) {
        const std::size_t at = d.roll(open.size());
        all.push_back(change(open[at], made[open[at]]));
        if (++made[open[at]] == changes) open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return all;
}

config with_chances(unsigned attempts)
{
    config c = retrying(16);
    c.retry.unsent_attempts = c.retry.ambiguous_attempts = c.retry.throttled_attempts = attempts;
    c.retry.budget = 0; // no bound
    return c;
}

bulk_options thirty_two()
{
    bulk_options o;
    o.max_in_flight = 32;
    o.timeout.reset();
    o.retry.reset();
    return o;
}

} // namespace

TEST_CASE("bulk_order each_room_ends_in_the_state_of_its_last_change")
{
    for (const bool skip : {true, false}) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            CAPTURE(skip);
            CAPTURE(seed);
            dice d(seed);
            const std::vector<operation> all = mixed_changes(d);
            room_service service(all, true);
            bulk_process p(with_chances(20), all, service, d, 10);
            p.refuses = false;
            bulk_options o = thirty_two();
            o.skip_after_failure = skip;

            p.begin(o);
            while (p.step()) {
            }

            p.check_summary();
            CHECK(service.violations == "");
            CHECK(p.b.summary.all_succeeded());
            CHECK(p.b.summary.retried > 200);
            for (std::uint64_t i = 0; i < all.size(); ++i)
                CHECK(service.applied(i));
        }
    }
}

TEST_CASE("bulk_order a_room_ends_in_the_state_of_the_last_change_that_did_not_fail")
{
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        dice d(seed);
        const std::vector<operation> all = mixed_changes(d);
        room_service service(all, false);
        config c = retrying(16);
        c.retry = retry_policy::none();
        bulk_process p(c, all, service, d, 10);
        bulk_options o = thirty_two();
        o.skip_after_failure = false;
        o.in_order = true;

        p.begin(o);
        while (p.step()) {
        }

        p.check_summary();
        CHECK(service.violations == "");
        CHECK(p.b.summary.failed > 500);
        CHECK(p.b.summary.skipped == 0);
        for (std::size_t i = 0; i < room_count; ++i) {
            const std::string id = "room-" + std::to_string(i);
            std::string voice; // empty: not known
            std::string status;
            for (const bulk_result& r : p.results) {
                if (r.operation.room_id() != id || r.diagnostics.effect() == effect::none) continue;
                const std::string change = change_of(r.operation);
                std::string& member = r.operation.kind() == operation_kind::set_voice ? voice : status;
                member.clear();
                if (r.diagnostics.effect() == effect::applied) member = change.substr(change.rfind(' ') + 1);
            }
            const auto* const room = service.find(id);
            REQUIRE(room != nullptr);
            CHECK((voice.empty() || room->voice == voice));
            CHECK((status.empty() || room->status == status));
        }
    }
}

TEST_CASE("bulk_order nothing_follows_a_failure_in_its_room")
{
    dice d(1);
    const std::vector<operation> all = mixed_changes(d);
    room_service service(all, true);
    config c = retrying(16);
    c.retry = retry_policy::none();
    bulk_process p(c, all, service, d, 100);

    p.begin(thirty_two());
    while (p.step()) {
    }

    p.check_summary();
    CHECK(service.violations == "");
    CHECK(p.b.summary.failed > 20);
    CHECK(p.b.summary.failed <= room_count);
    CHECK(p.b.summary.skipped > 1000);
}
