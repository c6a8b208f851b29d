// SPDX-License-Identifier: BSL-1.0
// Idle connections that died silently: no FIN, no reset.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <algorithm>
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

config retrying(std::size_t connections)
{
    config c = with_connections(connections);
    c.retry = retry_policy();
    c.retry.backoff_base = 1ms;
    c.max_connection_lifetime = 0ms;
    return c;
}

// Opens that many connections, each of which serves one call and is idle then.
void warm_up(rig& r, std::size_t connections)
{
    for (std::size_t i = 0; i < connections; ++i)
        r.get("warm-up-" + std::to_string(i));
    r.open_all();
    for (std::size_t i = 0; i < connections; ++i)
        serve(r, r.transport(i));
    REQUIRE(r.stats().idle_connections == connections);
}

std::size_t closed(rig& r, std::size_t first)
{
    std::size_t n = 0;
    for (std::size_t i = 0; i < first; ++i)
        n += r.transport(i).is_closed() ? 1U : 0U;
    return n;
}

} // namespace

// Row 70
TEST_CASE("fault_70_a_get_gets_past_eight_silent_connections")
{
    // Setup
    rig r(retrying(8));
    warm_up(r, 8);
    r.sim.advance(1s);
    const auto began = r.sim.now();

    // Run
    call_record& first = r.get("first");
    r.sim.advance(10s); // attempt_timeout
    r.open_all();
    REQUIRE(r.sim.transports() == 9);
    serve(r, r.newest());

    // Check
    CHECK(first.ending() == success(effect::none));
    CHECK(first.diagnostics.attempts() == 2);
    CHECK(first.ended_at - began <= 11s);
    CHECK(closed(r, 8) == 8);
    CHECK(r.stats().idle_connections == 1);

    call_record& second = r.get("second");
    serve(r, r.newest());
    CHECK(second.ending() == success(effect::none));
    CHECK(second.diagnostics.attempts() == 1);
    CHECK(r.sim.transports() == 9);
    CHECK(r.sim.breaches() == "");
}

TEST_CASE("fault_70_a_create_is_confirmed_on_a_fresh_connection")
{
    rig r(retrying(8));
    warm_up(r, 8);
    call_record& call = r.create("r");
    r.sim.advance(10s);
    r.open_all();
    REQUIRE(r.sim.transports() == 9);
    CHECK(r.newest().requests().at(0).starts_with("GET /external/room/r "));
    r.newest().answer(ok(R"({"roomId":"r","name":"a name","about":"about it"})"));
    r.sim.poll();
    CHECK(call.ending() == success());
    CHECK(call.room.confirmed());
}

TEST_CASE("fault_70_evidence_and_what_follows_from_it")
{
    enum class end
    {
        attempt_timeout,
        write_timeout,
        deadline,
        response_in_part, // and then silence until the attempt's time-out
        cancelled_soon,
        cancelled_late,
        cancelled_late_in_response,
        reset,
        response,
    };
    const struct
    {
        std::string_view name;
        end how;
        bool reused;
        bool idle_ones_are_closed;
    } table[] = {
        {"response_timeout", end::attempt_timeout, true, true},
        {"response_timeout on a fresh connection", end::attempt_timeout, false, false},
        {"write_timeout", end::write_timeout, true, true},
        {"deadline", end::deadline, true, true},
        {"deadline on a fresh connection", end::deadline, false, false},
        {"silence in the response", end::response_in_part, true, true},
        {"cancelled soon", end::cancelled_soon, true, false},
        {"cancelled late", end::cancelled_late, true, true},
        {"cancelled late, on a fresh connection", end::cancelled_late, false, false},
        {"cancelled late, in the response", end::cancelled_late_in_response, true, false},
        {"reset", end::reset, true, false},
        {"response", end::response, true, false},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        // Setup: three idle connections, and a request on a fourth.
        config c = with_connections(8);
        c.retry.replay_on_dead_connection = false;
        rig r(c);
        warm_up(r, row.reused ? 4 : 3);
        std::vector<call_record*> others;
        if (!row.reused) // a call comes while the three are in use
            for (int i = 0; i < 3; ++i)
                others.push_back(&r.get("other"));
        for (std::size_t i = 0; i < r.sim.transports(); ++i)
            r.transport(i).takes_all = row.how != end::write_timeout;
        call_record& call = r.get("r", call_options().timeout(row.how == end::deadline ? 5s : 30s));
        if (!row.reused) r.open_all();
        std::size_t used = 0; // that the call is sent on
        for (std::size_t i = 0; i < r.sim.transports(); ++i)
            if (r.transport(i).requests().back().find("/room/r ") != std::string::npos) used = i;
        if (!row.reused)
            for (std::size_t i = 0; i < 3; ++i)
                serve(r, r.transport(i)), (void)others;
        // Those that became idle after the request was sent are judged by themselves: make them older.
        REQUIRE(r.stats().idle_connections == 3);

        // Run
        scripted_transport& t = r.transport(used);
        switch (row.how) {
        case end::attempt_timeout:
        case end::write_timeout: r.sim.advance(10s); break;
        case end::deadline: r.sim.advance(5s); break;
        case end::response_in_part:
            t.answer("HTTP/1.1 200 OK\r\n");
            r.sim.advance(10s);
            break;
        case end::cancelled_soon:
            r.sim.advance(999ms);
            r.cancel(call);
            break;
        case end::cancelled_late:
            r.sim.advance(1s);
            r.cancel(call);
            break;
        case end::cancelled_late_in_response:
            t.answer("HTTP/1.1 200 OK\r\n");
            r.sim.advance(1s);
            r.cancel(call);
            break;
        case end::reset: t.reset(); break;
        case end::response: serve(r, t); break;
        }
        r.sim.poll();

        // Check
        CHECK(call.done());
        CHECK(r.stats().idle_connections ==
              (row.idle_ones_are_closed ? 0 : 3) + (row.how == end::response ? 1 : 0));
        CHECK(r.sim.breaches() == "");
    }
}

TEST_CASE("fault_70_connections_that_were_heard_from_after_the_request_stay")
{
    // Setup: two idle ones; a request goes out on the one, and later a call is served on the other.
    rig r(retrying(8));
    warm_up(r, 2);
    call_record& call = r.get("r");
    r.sim.advance(1s);
    scripted_transport& alive =
        r.transport(r.transport(0).requests().back().find("/room/r ") == std::string::npos ? 0 : 1);
    r.get("other");
    serve(r, alive);

    // Run
    r.sim.advance(9s);
    r.sim.advance(1ms);

    // Check: it may have died in the nine seconds since; the second attempt does not take it, others do.
    CHECK_FALSE(alive.is_closed());
    r.open_all();
    REQUIRE(r.sim.transports() == 3);
    CHECK(r.newest().requests().size() == 1);
    call_record& next = r.get("next");
    serve(r, alive);
    CHECK(next.ending() == success(effect::none));
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("fault_70_without_a_free_place_an_idle_connection_makes_room")
{
    // Setup: two places. The one connection is silent, the other was heard from after the request was sent.
    config c = retrying(2);
    c.retry.backoff_base = 1000ms;
    rig r(c);
    r.sim.next_random = 999'999'999; // the longest wait
    warm_up(r, 2);
    call_record& call = r.get("r");
    const std::size_t silent = r.transport(0).requests().back().find("/room/r ") != std::string::npos ? 0 : 1;
    r.sim.advance(1s);
    r.get("other");
    serve(r, r.transport(1 - silent));
    r.sim.advance(9s);
    REQUIRE(r.transport(silent).is_closed());
    // In the wait two calls take both places. One is served: its connection was heard from.
    r.get("long-1");
    call_record& filler = r.get("long-2");
    r.open_all();
    REQUIRE(r.stats().busy_connections == 2);

    // Run
    r.sim.advance(1s); // the second attempt waits in the queue
    CHECK(r.stats().waiting_calls == 1);
    serve(r, r.newest());

    // Check
    CHECK(filler.done());
    CHECK(r.stats().waiting_calls == 0);
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
    CHECK(r.sim.breaches() == "");
}

TEST_CASE("fault_70_calls_that_wait_are_served_in_their_order")
{
    // Setup: one place, a silent connection, and calls that wait for it.
    rig r(retrying(1));
    r.sim.next_random = 0;
    warm_up(r, 1);
    call_record& call = r.get("r");
    call_record& waits = r.get("waits");
    call_record& waits_too = r.get("waits-too");

    // Run
    r.sim.advance(10s);
    r.open_all();

    // Check: the place goes to who waited first, then the second attempt has its turn.
    REQUIRE(r.sim.transports() == 2);
    serve(r, r.newest());
    CHECK(waits.done());
    serve(r, r.newest());
    CHECK(waits_too.done());
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
    CHECK(r.sim.transports() == 2); // it was heard from since
}
