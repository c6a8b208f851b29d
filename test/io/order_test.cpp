// SPDX-License-Identifier: BSL-1.0
// Changes of one room go one after the other.
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

} // namespace

TEST_CASE("order changes_of_a_room_wait_for_each_other_retries_included")
{
    // Setup
    rig r(retrying());
    r.sim.next_random = 50'000'000;
    call_record& live = r.status("r", room_status::live);
    call_record& ended = r.status("r", room_status::ended);
    call_record& looked = r.get("r");
    call_record& elsewhere = r.status("other", room_status::live);
    r.open_all();
    REQUIRE(requests(r) == 3);

    // Run
    r.transport(0).answer(unavailable());
    r.sim.poll();
    CHECK(requests(r) == 3);
    r.sim.advance(50ms);
    CHECK(requests(r) == 4);
    CHECK_FALSE(ended.done());
    r.transport(1).answer(ok());
    r.transport(2).answer(ok());
    serve(r, r.transport(0));

    // Check
    CHECK(live.ending() == success());
    CHECK(looked.ending() == success(effect::none));
    CHECK(elsewhere.ending() == success());
    REQUIRE(requests(r) == 5);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        serve(r, r.transport(i));
    CHECK(ended.ending() == success());
    CHECK(ended.diagnostics.attempts() == 1);
    CHECK(at_rest(r));
}

TEST_CASE("order a_change_that_gives_up_its_turn_holds_up_nobody")
{
    for (std::size_t which = 0; which < 3; ++which) {
        for (const bool by_deadline : {false, true}) {
            CAPTURE(which);
            CAPTURE(by_deadline);
            // Setup
            rig r(retrying());
            std::vector<call_record*> calls;
            for (std::size_t i = 0; i < 3; ++i) {
                call_options o;
                if (by_deadline && i == which) o.timeout(1s);
                calls.push_back(&r.voice("r", true, o));
            }
            r.open_all();

            // Run
            if (by_deadline)
                r.sim.advance(1s);
            else
                r.cancel(*calls[which], cancellation_type::total);
            r.open_all();

            // Check
            if (which == 0 && !by_deadline) CHECK_FALSE(calls[0]->done()); // its request was sent
            if (which > 0)
                CHECK(calls[which]->ending() ==
                      ending(by_deadline ? errc::deadline_exceeded : errc::cancelled, effect::none,
                             phase::turn));
            for (int i = 0; i < 3; ++i) {
                r.open_all();
                for (std::size_t t = 0; t < r.sim.transports(); ++t)
                    if (r.transport(t).requests().size() > r.transport(t).answered) {
                        ++r.transport(t).answered;
                        serve(r, r.transport(t));
                    }
            }
            for (std::size_t i = 0; i < 3; ++i) {
                CHECK(calls[i]->handler_calls == 1);
                if (i != which) CHECK(calls[i]->ending() == success());
            }
            CHECK(at_rest(r));
        }
    }
}

TEST_CASE("order changes_whose_deadlines_pass_together")
{
    // Setup: the first one stalls; a connection is idle.
    rig r(retrying());
    call_record& first = r.voice("r", true);
    call_record& second = r.voice("r", false);
    call_record& third = r.erase("r");
    call_record& other = r.get("other");
    r.open_all();
    serve(r, r.transport(1));
    REQUIRE(other.done());
    REQUIRE(r.stats().idle_connections == 1);

    // Run
    r.sim.leap(30s); // past attempt_timeout, too
    r.sim.wake_early();
    r.sim.poll();

    // Check: nothing is sent for those that are too late.
    CHECK(first.ending() == ending(errc::deadline_exceeded, effect::unknown, phase::wait));
    CHECK(second.ending() == ending(errc::deadline_exceeded, effect::none, phase::turn));
    CHECK(third.ending() == ending(errc::deadline_exceeded, effect::none, phase::turn));
    CHECK(requests(r) == 2);
    CHECK(at_rest(r));
}

TEST_CASE("order switched_off_lets_changes_overtake")
{
    config c = retrying();
    c.ordered_changes = false;
    rig r(c);
    r.voice("r", true);
    r.voice("r", false);
    r.open_all();
    CHECK(requests(r) == 2);
}

TEST_CASE("order drain_waits_for_those_in_turn")
{
    rig r(retrying(1));
    r.voice("r", true);
    call_record& last = r.erase("r");
    call_record& drained = r.drain();
    r.open_all();
    serve(r, r.newest());
    CHECK_FALSE(drained.done());
    serve(r, r.newest());
    CHECK(last.ending() == success());
    CHECK(drained.done());
    CHECK(at_rest(r));
}

TEST_CASE("order client_gone_while_changes_wait")
{
    for (const bool context_too : {false, true}) {
        CAPTURE(context_too);
        rig r(retrying());
        for (int i = 0; i < 5; ++i)
            r.voice("r", true);
        r.open_all();
        if (context_too)
            r.abandon();
        else
            r.stop();
        r.sim.poll();
        for (const call_record& call : r.calls()) {
            CHECK(call.handler_calls == (context_too ? 0 : 1));
            CHECK_FALSE(call.handler_lives());
            if (context_too) continue;
            CHECK(call.error == errc::shutting_down);
            const bool sent = &call == &r.calls().front();
            CHECK(call.diagnostics.effect() == (sent ? effect::unknown : effect::none));
            CHECK(call.diagnostics.phase() == (sent ? phase::wait : phase::turn));
        }
        CHECK(requests(r) == 1);
    }
}

TEST_CASE("order ten_thousand_changes_whose_turn_comes_only_to_fail")
{
    // Setup
    rig r(retrying());
    constexpr std::size_t many = 10'000;
    for (std::size_t i = 0; i < many; ++i)
        r.voice("r", true);
    r.open_all();

    // Run: the pause outlasts them all, so each ends when its turn comes, and gives it to the next.
    r.newest().answer(throttled("Retry-After: 3600\r\n"));
    r.sim.poll();

    // Check
    std::size_t completed = 0;
    for (const call_record& call : r.calls())
        completed += call.handler_calls == 1 && call.error == errc::rate_limited &&
                     call.diagnostics.effect() == effect::none;
    CHECK(completed == many);
    CHECK(requests(r) == 1);
    CHECK(at_rest(r));
}

TEST_CASE("order handler_begins_the_next_change_of_its_room")
{
    // Setup
    rig r(retrying(1));
    call_record& first = r.voice("r", true);
    call_record& second = r.status("r", room_status::live);
    r.open_all();
    call_record* third = nullptr;
    first.then = [&] { third = &r.erase("r"); };

    // Run
    serve(r, r.newest());

    // Check: it is behind those that were there.
    REQUIRE(third != nullptr);
    CHECK(r.newest().requests().back().find("POST /external/room/status") == 0);
    serve(r, r.newest());
    CHECK(second.ending() == success());
    CHECK(r.newest().requests().back().find("DELETE ") == 0);
    serve(r, r.newest());
    CHECK(third->ending() == success());
    CHECK(at_rest(r));
}
