// SPDX-License-Identifier: BSL-1.0
// Who gets which connection, for how long one is kept, and the replay when one turns out dead.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

bool asks_for(const std::string& request, std::string_view room_id)
{
    return request.find("/external/room/" + std::string(room_id) + " ") != std::string::npos;
}

} // namespace

TEST_CASE("pool connection_goes_to_who_waited_longest")
{
    // Setup
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    call_record& third = r.get("3");
    r.open_all();
    scripted_transport& t = r.transport(0);

    // Run, Check
    REQUIRE(t.requests().size() == 1);
    CHECK(asks_for(t.requests()[0], "1"));
    CHECK(r.stats().waiting_calls == 2);

    // Handed over before the handler of the one before runs: whoever that handler starts comes last.
    call_record* fourth = nullptr;
    first.then = [&] { fourth = &r.get("4"); };
    serve(r, t);
    REQUIRE(t.requests().size() == 2);
    CHECK(asks_for(t.requests()[1], "2"));
    serve(r, t);
    CHECK(asks_for(t.requests().at(2), "3"));
    serve(r, t);
    CHECK(asks_for(t.requests().at(3), "4"));
    serve(r, t);
    CHECK(second.done());
    CHECK(third.done());
    REQUIRE(fourth != nullptr);
    CHECK(fourth->ending() == success(effect::none));
    CHECK(r.sim.transports() == 1);
    CHECK(r.stats().idle_connections == 1);
}

TEST_CASE("pool takes_the_connection_used_last")
{
    rig r(with_connections(3));
    r.get("1"), r.get("2"), r.get("3");
    r.open_all();
    for (const std::size_t i : {0U, 2U, 1U})
        serve(r, r.transport(i));
    CHECK(r.stats().idle_connections == 3);

    r.get("4"), r.get("5");

    CHECK(r.transport(0).requests().size() == 1);
    CHECK(r.transport(1).requests().size() == 2);
    CHECK(r.transport(2).requests().size() == 2);
    CHECK(asks_for(r.transport(1).requests()[1], "4"));
}

TEST_CASE("pool opens_as_many_connections_as_calls_wait_with_one_resolution")
{
    rig r(with_connections(3));
    for (int i = 0; i < 5; ++i)
        r.get(std::to_string(i));
    CHECK(r.stats().opening_connections == 3);
    CHECK(r.stats().waiting_calls == 5);
    CHECK(r.sim.resolutions() == 1);

    r.open_all();

    CHECK(r.sim.transports() == 3);
    CHECK(r.stats().busy_connections == 3);
    CHECK(r.stats().waiting_calls == 2);
    CHECK(r.stats().connections_opened == 3);
}

TEST_CASE("pool whoever_waited_longest_gets_the_connection_that_opens_first")
{
    rig r(with_connections(2));
    r.get("1"), r.get("2");
    r.sim.resolved();
    REQUIRE(r.sim.transports() == 2);

    r.transport(1).open();

    REQUIRE(r.transport(1).requests().size() == 1);
    CHECK(asks_for(r.transport(1).requests()[0], "1"));
}

TEST_CASE("pool failure_to_open_fails_the_oldest_waiter_alone")
{
    rig r(with_connections(2));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    call_record& third = r.get("3");
    r.sim.resolved();
    REQUIRE(r.sim.transports() == 2);

    r.transport(1).connected(boost::asio::error::connection_refused);
    r.sim.poll();

    CHECK(first.ending() == ending(errc::connect_failed, effect::none, phase::connect));
    CHECK_FALSE(second.done());
    CHECK_FALSE(third.done());
    CHECK(r.stats().opening_connections == 2); // another attempt is made for those who are left
    CHECK(r.sim.resolutions() == 2);
    r.open_all();
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        if (!r.transport(i).is_closed()) serve(r, r.transport(i));
    CHECK(second.done());
    CHECK(third.done());
}

TEST_CASE("pool resolution_failure_is_told_to_each_waiter_once")
{
    rig r(with_connections(2));
    for (int i = 0; i < 3; ++i)
        r.get(std::to_string(i));

    r.sim.resolved(boost::asio::error::host_not_found, {});
    r.sim.poll();
    CHECK(r.calls()[0].done());
    CHECK(r.calls()[1].done());
    CHECK_FALSE(r.calls()[2].done());

    REQUIRE(r.sim.resolving());
    r.open_all();
    serve(r, r.newest());
    CHECK(r.calls()[2].ending() == success(effect::none));
}

TEST_CASE("pool bound_on_waiters")
{
    config c = with_connections(2);
    c.max_waiting_calls = 0;
    rig r(c);

    r.get("1"), r.get("2"); // connections are opened on their behalf
    call_record& third = r.get("3");
    r.sim.poll();
    CHECK(third.ending() == ending(errc::pool_full, effect::none, phase::queue));

    r.open_all();
    call_record& fourth = r.get("4");
    r.sim.poll();
    CHECK(fourth.error == errc::pool_full);
    serve(r, r.transport(0));
    call_record& fifth = r.get("5");
    serve(r, r.transport(0));
    CHECK(fifth.ending() == success(effect::none));
}

TEST_CASE("pool idle_connection_is_closed_after_its_time")
{
    rig r;
    scripted_transport& t = r.warm_up();

    r.sim.advance(29'999ms);
    CHECK_FALSE(t.is_closed());
    serve(r, (r.get("again"), t));
    r.sim.advance(29'999ms);
    CHECK_FALSE(t.is_closed());
    r.sim.advance(1ms);

    CHECK(t.is_closed());
    CHECK(r.stats().open_connections == 0);
    CHECK_FALSE(r.sim.alarm().has_value());
}

TEST_CASE("pool keeps_none_idle_when_told_so")
{
    config c = rig::plain_config();
    c.idle_timeout = 0ms;
    rig r(c);

    CHECK(r.warm_up().is_closed());
    CHECK(r.stats().open_connections == 0);

    // One whose call went away before it was open does not stay either.
    call_record& call = r.get("r");
    r.sim.resolved();
    r.cancel(call);
    r.newest().open();
    r.sim.advance(0ms);
    CHECK(r.newest().is_closed());
}

TEST_CASE("pool lifetime_is_jittered")
{
    class sample
    {
    public:
        std::uint64_t random;
        std::chrono::nanoseconds lives;
    };
    const std::chrono::nanoseconds tenth = 60s;
    const std::vector<sample> table{
        {0, 600s},
        {static_cast<std::uint64_t>(tenth.count()), 540s},
        {static_cast<std::uint64_t>(tenth.count()) / 2, 570s},
        {static_cast<std::uint64_t>(tenth.count()) + 1, 600s},
    };
    for (const sample& s : table) {
        CAPTURE(s.random);
        config c = rig::plain_config();
        c.idle_timeout = 1h;
        rig r(c);
        r.sim.next_random = s.random;
        scripted_transport& t = r.warm_up();

        // Just before its end it still serves; the request it serves then outlives it.
        r.sim.advance(s.lives - 1ns);
        call_record& last = r.get("last");
        r.sim.advance(1s);
        CHECK(t.requests().size() == 2);
        serve(r, t);
        CHECK(last.done());
        CHECK(t.is_closed());
    }
}

TEST_CASE("pool connection_past_its_lifetime_is_not_handed_out")
{
    config c = rig::plain_config();
    c.max_connection_lifetime = 10s; // idle_timeout is longer
    rig r(c);
    scripted_transport& t = r.warm_up();
    r.sim.advance(10s);

    r.get("r");

    CHECK(t.is_closed());
    CHECK(t.requests().size() == 1);
    CHECK(r.stats().opening_connections == 1);
}

TEST_CASE("pool idle_connection_is_looked_at_before_it_is_handed_out")
{
    // Setup: two idle connections, of which the one that is next has got something.
    rig r(with_connections(2));
    r.get("1"), r.get("2");
    r.open_all();
    serve(r, r.transport(0));
    serve(r, r.transport(1));
    r.transport(1).is_quiet = false;
    r.sim.advance(1ms);

    // Run
    call_record& call = r.create("r");

    // Check
    CHECK(r.transport(1).is_closed());
    CHECK(r.transport(1).requests().size() == 1);
    REQUIRE(r.transport(0).requests().size() == 2);
    serve(r, r.transport(0));
    CHECK(call.ending() == success());
    CHECK(r.stats().idle_connections == 1);
}

TEST_CASE("pool lifetime_zero_means_no_limit")
{
    config c = rig::plain_config();
    c.max_connection_lifetime = 0ms;
    c.idle_timeout = 1000h;
    rig r(c);
    scripted_transport& t = r.warm_up();
    r.sim.advance(999h);
    r.get("r");
    CHECK(t.requests().size() == 2);
}

TEST_CASE("pool cancelled_waiter_leaves_its_place_to_the_next")
{
    rig r(with_connections(1));
    r.get("1");
    call_record& second = r.get("2");
    call_record& third = r.get("3");
    r.open_all();

    r.cancel(second);
    serve(r, r.transport(0));

    CHECK(second.ending() == ending(errc::cancelled, effect::none, phase::queue));
    CHECK(asks_for(r.transport(0).requests().at(1), "3"));
    serve(r, r.transport(0));
    CHECK(third.done());
}

TEST_CASE("pool connection_opened_for_a_cancelled_call_serves_the_next")
{
    rig r;
    call_record& first = r.get("1");
    r.cancel(first);
    CHECK(first.ending() == ending(errc::cancelled, effect::none, phase::resolve));
    r.open_all();
    CHECK(r.stats().idle_connections == 1);

    call_record& second = r.get("2");
    serve(r, r.transport(0));

    CHECK(second.ending() == success(effect::none));
    CHECK(r.sim.transports() == 1);
}

TEST_CASE("pool connection_that_was_discarded_is_opened_anew_for_the_waiting")
{
    rig r(with_connections(1));
    r.get("1");
    call_record& second = r.get("2");
    r.open_all();

    r.transport(0).answer(answer("200 OK", "{}", "Connection: close\r\n"));
    r.open_all();

    REQUIRE(r.sim.transports() == 2);
    serve(r, r.transport(1));
    CHECK(second.ending() == success(effect::none));
}

TEST_CASE("pool request_timeout_and_misdirected_request_discard_the_connection")
{
    for (const std::string_view status : {"408 Request Timeout", "421 Misdirected Request"}) {
        rig r;
        r.voice("r", true);
        r.open_all();
        r.transport(0).answer(answer(status, ""));
        CHECK(r.transport(0).is_closed());
    }
}

// Replay

TEST_CASE("replay in_the_place_of_the_dead_connection")
{
    // Setup: one place only, and someone waits for it.
    rig r(with_connections(1));
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    call_record& waiting = r.get("waiting");

    // Run
    dead.reset();
    CHECK(r.stats().opening_connections == 1);
    CHECK(r.stats().waiting_calls == 2);
    r.open_all();

    // Check
    REQUIRE(r.sim.transports() == 2);
    CHECK(r.transport(1).requests().size() == 1);
    CHECK_FALSE(asks_for(r.transport(1).requests()[0], "waiting"));
    serve(r, r.transport(1));
    CHECK(call.ending() == success());
    CHECK(call.diagnostics.attempts() == 2);
    serve(r, r.transport(1));
    CHECK(waiting.ending() == success(effect::none));
    CHECK(r.stats().replays == 1);
}

TEST_CASE("replay happens_once")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    dead.reset();
    r.open_all();

    r.newest().reset();
    r.sim.poll();

    CHECK(call.ending() == ending(errc::connection_lost, effect::unknown, phase::wait));
    CHECK(r.sim.transports() == 2);
}

TEST_CASE("replay has_the_time_of_a_whole_attempt")
{
    rig r; // attempt_timeout is 10 s
    scripted_transport& dead = r.warm_up();
    call_record& call = r.get("r");
    r.sim.advance(9s);
    dead.reset();
    r.sim.advance(4s);
    r.open_all();
    r.sim.advance(9s);
    CHECK_FALSE(call.done());
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("replay not_after_a_byte_of_the_answer_nor_on_a_fresh_connection")
{
    rig r;
    scripted_transport& used = r.warm_up();
    call_record& begun = r.get("r");
    used.answer("H");
    used.reset();
    r.sim.poll();
    CHECK(begun.ending() == ending(errc::truncated_response, effect::none, phase::read));

    call_record& fresh = r.get("r");
    r.open_all();
    r.newest().reset();
    r.sim.poll();
    CHECK(fresh.ending() == ending(errc::connection_lost, effect::none, phase::wait));
    CHECK(r.stats().replays == 0);
}

TEST_CASE("replay of_a_delete_that_finds_nothing_is_a_success_with_a_note")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.erase("r");
    dead.reset();
    r.open_all();

    r.newest().answer(answer("404 Not Found", R"({"message":"Room not found"})"));

    CHECK(call.ending() == success());
    CHECK_FALSE(call.diagnostics.note().empty());
    CHECK(call.diagnostics.http_status() == 404);

    // The first time it is what it says.
    call_record& again = r.erase("r");
    r.newest().answer(answer("404 Not Found", ""));
    CHECK(again.ending() == ending(errc::not_found, effect::none, phase::answered));
    CHECK(again.diagnostics.note().empty());
}

TEST_CASE("replay refusal_tells_nothing_of_the_first_request")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    dead.reset();
    r.open_all();
    r.newest().answer(answer("403 Forbidden", ""));
    CHECK(call.ending() == ending(errc::forbidden, effect::unknown, phase::answered));
}

TEST_CASE("replay that_cannot_connect")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    dead.reset();
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.sim.poll();
    CHECK(call.ending() == ending(errc::connect_failed, effect::unknown, phase::connect));
    CHECK(call.diagnostics.attempts() == 1);
    CHECK(r.stats().opening_connections == 0);
    CHECK(r.stats().waiting_calls == 0);
}

TEST_CASE("replay cancelled_while_it_is_connecting")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    dead.reset();

    r.cancel(call, cancellation_type::total);
    CHECK_FALSE(call.done()); // writing had begun
    r.cancel(call, cancellation_type::partial);

    CHECK(call.ending() == ending(errc::cancelled, effect::unknown, phase::resolve));
    CHECK(r.stats().waiting_calls == 0);
    r.open_all(); // serves the next
    CHECK(r.stats().idle_connections == 1);
}
