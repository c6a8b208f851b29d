// SPDX-License-Identifier: BSL-1.0
// Calls in the background, as those of bulk runs are: who goes first, and what they are spared.
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

call_options in_background() { return call_options().background(true); }

// The one connection answers the request under way, and whatever follows.
void serve_one(rig& r) { serve(r, r.transport(0)); }

} // namespace

TEST_CASE("background others_go_first_where_calls_wait_for_a_connection")
{
    // Setup
    rig r(with_connections(1));
    r.get("0");
    r.open_all();
    call_record& later = r.get("background", in_background());
    call_record& first = r.get("single");

    // Run
    serve_one(r);
    serve_one(r);

    // Check
    CHECK(first.done());
    CHECK_FALSE(later.done());
    serve_one(r);
    CHECK(later.ending() == success(effect::none));
    CHECK(at_rest(r));
}

TEST_CASE("background is_not_limited_with_others_and_does_not_limit_them")
{
    SUBCASE("in the pool")
    {
        config c = with_connections(1);
        c.max_waiting_calls = 1;
        rig r(c);
        r.get("0");
        r.open_all();
        for (int i = 0; i < 5; ++i)
            r.get(std::to_string(i), in_background());
        call_record& single = r.get("single");
        call_record& refused = r.get("one too many");
        r.sim.poll();
        CHECK(refused.error == errc::pool_full);
        for (int i = 0; i < 7; ++i)
            serve_one(r);
        CHECK(single.ending() == success(effect::none));
        for (const call_record& call : r.calls())
            CHECK((&call == &refused || call.ending() == success(effect::none)));
        CHECK(at_rest(r));
    }
    SUBCASE("at the gate")
    {
        config c = retrying();
        c.max_waiting_calls = 1;
        c.max_requests_per_second = 1;
        rig r(c);
        r.get("0");
        r.open_all();
        for (int i = 0; i < 3; ++i)
            r.get(std::to_string(i), in_background());
        call_record& single = r.get("single");
        call_record& refused = r.get("one too many");
        r.sim.poll();
        CHECK_FALSE(single.done());
        CHECK(refused.error == errc::pool_full);
        CHECK(r.stats().throttled_calls == 4);
    }
}

TEST_CASE("background the_clock_starts_with_the_first_attempt")
{
    SUBCASE("a pause that begins before the call")
    {
        rig r(retrying());
        call_record& told = r.get("told");
        r.open_all();
        r.newest().answer(throttled("Retry-After: 20\r\n"));
        r.sim.poll();
        call_record& patient = r.get("p", in_background().timeout(2s));
        call_record& single = r.get("s", call_options().timeout(2s));
        r.sim.poll();
        CHECK(single.ending() == ending(errc::rate_limited, effect::none, phase::throttle));
        r.sim.advance(20s);
        CHECK_FALSE(patient.done());
        r.open_all();
        for (std::size_t i = 0; i < r.sim.transports(); ++i)
            serve(r, r.transport(i));
        CHECK(told.ending() == success(effect::none));
        CHECK(patient.ending() == success(effect::none));
        CHECK(at_rest(r));
    }
    SUBCASE("a pause that begins while it waits in the pool, and its time thereafter")
    {
        rig r(retrying(1));
        call_record& told = r.get("told");
        r.open_all();
        call_record& patient = r.get("p", in_background().timeout(2s));
        r.newest().answer(throttled("Retry-After: 20\r\n"));
        r.sim.advance(20s);
        CHECK_FALSE(patient.done());
        r.newest().answer(ok());
        r.sim.poll();
        CHECK(told.done());
        r.sim.advance(1999ms);
        CHECK_FALSE(patient.done());
        r.sim.advance(1ms);
        CHECK(patient.ending() == ending(errc::deadline_exceeded, effect::none, phase::wait));
        CHECK(at_rest(r));
    }
    SUBCASE("a low rate")
    {
        config c = retrying();
        c.max_requests_per_second = 1;
        rig r(c);
        for (int i = 0; i < 10; ++i)
            r.get(std::to_string(i), in_background().timeout(1500ms));
        for (int i = 0; i < 12; ++i) {
            r.open_all();
            for (std::size_t t = 0; t < r.sim.transports(); ++t)
                serve(r, r.transport(t));
            r.sim.advance(1s);
        }
        for (const call_record& call : r.calls())
            CHECK(call.ending() == success(effect::none));
        CHECK(at_rest(r));
    }
    SUBCASE("others that go first")
    {
        rig r(retrying(1));
        r.get("0");
        r.open_all();
        call_record& patient = r.get("p", in_background().timeout(2s));
        for (int i = 0; i < 10; ++i) {
            r.get("single");
            r.sim.advance(1s);
            serve_one(r);
        }
        CHECK_FALSE(patient.done());
        serve_one(r);
        CHECK_FALSE(patient.done());
        serve_one(r);
        CHECK(patient.ending() == success(effect::none));
        CHECK(at_rest(r));
    }
    SUBCASE("a connection that cannot be had is an attempt")
    {
        config c = retrying(1);
        c.retry = retry_policy::patient();
        rig r(c);
        r.sim.next_random = ~std::uint64_t(0);
        call_record& call = r.get("p", in_background().timeout(20s));
        r.sim.resolved(boost::asio::error::host_not_found_try_again, {});
        for (int i = 0; i < 100 && !call.done(); ++i) {
            r.sim.advance(1s);
            if (r.sim.resolving()) r.sim.resolved(boost::asio::error::host_not_found_try_again, {});
        }
        CHECK(call.handler_calls == 1);
        CHECK(call.error == errc::deadline_exceeded);
        CHECK(call.diagnostics.last_failure() == errc::resolve_failed);
        CHECK(at_rest(r));
    }
    SUBCASE("its own 429 is waited for within the timeout only")
    {
        rig r(retrying());
        call_record& told = r.get("told", in_background().timeout(2s));
        r.open_all();
        r.newest().answer(throttled("Retry-After: 20\r\n"));
        r.sim.poll();
        CHECK(told.error == errc::rate_limited);
        CHECK(at_rest(r));
    }
    SUBCASE("cancelled, and at the end of the client")
    {
        rig r(retrying());
        r.get("told");
        r.open_all();
        r.newest().answer(throttled("Retry-After: 20\r\n"));
        call_record& cancelled = r.voice("c", true, in_background());
        call_record& ended = r.voice("e", true, in_background());
        r.cancel(cancelled);
        r.sim.poll();
        CHECK(cancelled.ending() == ending(errc::cancelled, effect::none, phase::throttle));
        r.stop();
        r.sim.poll();
        CHECK(ended.ending() == ending(errc::shutting_down, effect::none, phase::throttle));
        CHECK(at_rest(r));
    }
}

TEST_CASE("background retries_take_no_budget")
{
    // Setup
    config c = retrying(1);
    c.retry.budget = 5; // one retry
    rig r(c);

    // Run
    for (int i = 0; i < 4; ++i) {
        call_record& call = r.get(std::to_string(i), in_background());
        r.open_all();
        r.newest().answer(unavailable());
        r.sim.poll();
        serve_one(r);
        CHECK(call.ending() == success(effect::none));
    }
    call_record& single = r.get("single");
    r.newest().answer(unavailable());
    r.sim.poll();
    serve_one(r);

    // Check
    CHECK(single.ending() == success(effect::none));
    CHECK(r.stats().retries == 5);
    CHECK(at_rest(r));
}

TEST_CASE("background change_goes_first_if_others_wait_for_its_room")
{
    SUBCASE("in the pool")
    {
        rig r(with_connections(1));
        r.get("0");
        r.open_all();
        call_record& before = r.voice("a", true, in_background());
        call_record& before_too = r.voice("b", true, in_background());
        call_record& room = r.voice("r", true, in_background());
        call_record& single = r.status("r", room_status::live);
        serve_one(r); // the get
        serve_one(r);
        CHECK(room.done());
        CHECK_FALSE(before.done()); // has the connection by now
        serve_one(r);
        serve_one(r);
        CHECK(single.ending() == success());
        CHECK_FALSE(before_too.done());
        serve_one(r);
        CHECK(before_too.ending() == success());
        CHECK(at_rest(r));
    }
    SUBCASE("at the gate")
    {
        config c = retrying(1);
        c.max_requests_per_second = 1;
        rig r(c);
        r.get("0");
        r.open_all();
        serve_one(r);
        call_record& before = r.voice("a", true, in_background());
        call_record& room = r.voice("r", true, in_background());
        call_record& single = r.status("r", room_status::live);
        r.sim.advance(1s);
        serve_one(r);
        CHECK(room.done());
        r.sim.advance(1s);
        serve_one(r);
        CHECK(single.ending() == success());
        CHECK_FALSE(before.done());
        r.sim.advance(1s);
        serve_one(r);
        CHECK(before.ending() == success());
        CHECK(at_rest(r));
    }
    SUBCASE("one behind the other")
    {
        rig r(with_connections(1));
        r.get("0");
        r.open_all();
        for (int i = 0; i < 5; ++i)
            r.voice(std::to_string(i), true, in_background());
        call_record& room = r.voice("r", true, in_background());
        call_record& behind = r.voice("r", false, in_background()); // in its turn when the single call comes
        call_record& single = r.status("r", room_status::live);
        for (int i = 0; i < 6; ++i)
            serve_one(r);
        CHECK(room.done());
        CHECK(behind.done());
        CHECK(single.ending() == success());
        CHECK(r.stats().waiting_calls == 2);
        for (int i = 0; i < 3; ++i)
            serve_one(r);
        CHECK(at_rest(r));
    }
}
