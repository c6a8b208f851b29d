// SPDX-License-Identifier: BSL-1.0
// The client as a whole over a scripted network: pool, opening of connections, limits on time, cancellation, the
// end, and what observers, figures and diagnostics tell.
#include "support/rig.hpp"

#include <watchers/rooms/observer.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

config with_connections(std::size_t n)
{
    config c = rig::plain_config();
    c.max_connections = n;
    return c;
}

bool asks_for(const std::string& request, std::string_view room_id)
{
    return request.find("/external/room/" + std::string(room_id) + " ") != std::string::npos;
}

// Serves the one request under way on a connection.
void serve(rig& r, scripted_transport& t)
{
    t.answer(ok());
    r.sim.poll();
}

} // namespace

// The pool

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

    r.newest().answer(answer("404 Not Found", ""));

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

// Opening

TEST_CASE("opener second_address_wins")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved(3);
    CHECK(r.transport(0).to() == simulation::address(1));
    r.sim.advance(300ms);
    REQUIRE(r.sim.transports() == 2);
    CHECK(r.transport(1).to() == simulation::address(2));

    r.transport(1).connected();

    CHECK(r.transport(0).is_closed());
    r.sim.advance(1s);
    CHECK(r.sim.transports() == 2); // no third address
    r.transport(1).secured();
    serve(r, r.transport(1));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("opener first_address_wins_late")
{
    rig r;
    r.get("r");
    r.sim.resolved(2);
    r.sim.advance(300ms);
    r.transport(0).connected();
    CHECK(r.transport(1).is_closed());
    r.transport(0).secured();
    CHECK(r.transport(0).requests().size() == 1);
}

TEST_CASE("opener refusal_starts_the_next_at_once")
{
    rig r;
    r.get("r");
    r.sim.resolved(3);
    r.sim.advance(100ms);
    r.transport(0).connected(boost::asio::error::connection_refused);
    REQUIRE(r.sim.transports() == 2);
    r.sim.advance(299ms);
    CHECK(r.sim.transports() == 2);
    r.sim.advance(1ms);
    CHECK(r.sim.transports() == 3);
}

TEST_CASE("opener last_refusal_waits_for_those_under_way")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved(2);
    r.sim.advance(300ms);
    r.transport(1).connected(boost::asio::error::connection_refused);
    r.sim.poll();
    CHECK_FALSE(call.done());
    r.transport(0).open();
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("opener families_take_turns")
{
    rig r;
    r.get("r");
    const auto v6 = [](unsigned char n) {
        boost::asio::ip::address_v6::bytes_type b{};
        b[15] = n;
        return detail::endpoint(boost::asio::ip::address_v6(b), 443);
    };
    r.sim.resolved({}, {v6(1), v6(2), simulation::address(1)});
    r.sim.advance(600ms);
    REQUIRE(r.sim.transports() == 3);
    CHECK(r.transport(0).to() == v6(1));
    CHECK(r.transport(1).to() == simulation::address(1));
    CHECK(r.transport(2).to() == v6(2));
}

TEST_CASE("opener connect_timeout_bounds_all_addresses")
{
    config c = rig::plain_config();
    c.connect_timeout = 1s;
    rig r(c);
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.sim.resolved(9);
    r.transport(0).connected(boost::asio::error::network_unreachable);
    r.sim.advance(1h);
    CHECK(call.ending() == ending(errc::connect_timeout, effect::none, phase::connect));
    CHECK(call.ended_at - began == 1s);
    CHECK(call.diagnostics.cause() == boost::asio::error::network_unreachable);
    CHECK(r.sim.transports() == 5);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        CHECK(r.transport(i).is_closed());
}

// Time

TEST_CASE("deadline bounds_the_whole_call_in_every_phase")
{
    enum class where
    {
        queue,
        resolve,
        connect,
        handshake,
        write,
        wait,
        read
    };
    class sample
    {
    public:
        where at;
        phase told;
        effect changed;
    };
    const std::vector<sample> table{
        {where::queue, phase::queue, effect::none},         {where::resolve, phase::resolve, effect::none},
        {where::connect, phase::connect, effect::none},     {where::handshake, phase::handshake, effect::none},
        {where::write, phase::write, effect::unknown},      {where::wait, phase::wait, effect::unknown},
        {where::read, phase::read, effect::unknown},
    };
    for (const bool through_options : {false, true}) {
        for (const sample& s : table) {
            CAPTURE(to_string(s.told));
            // Setup
            config c = with_connections(1);
            if (!through_options) c.timeout = 3s;
            rig r(c);
            r.sim.takes_all = s.at != where::write;
            if (s.at == where::queue) {
                r.get("in use", call_options().timeout(1h));
                r.open_all();
            }
            call_record& call =
                through_options ? r.voice("r", true, call_options().timeout(3s)) : r.voice("r", true);
            const auto began = r.sim.now();

            // Run
            r.sim.advance(1s);
            if (s.at >= where::connect) r.sim.resolved();
            r.sim.advance(1s);
            if (s.at >= where::handshake) r.transport(0).connected();
            if (s.at >= where::write) r.transport(0).secured();
            if (s.at >= where::read) r.transport(0).answer("HTTP/1.1 200");
            r.sim.advance(999ms);
            CHECK_FALSE(call.done());
            r.sim.advance(1h);

            // Check
            CHECK(call.ending() == ending(errc::deadline_exceeded, s.changed, s.told));
            CHECK(call.ended_at - began == 3s);
            CHECK(r.stats().calls == 0);
            CHECK(r.stats().busy_connections + r.stats().waiting_calls == 0);
        }
    }
}

TEST_CASE("deadline covers_the_replay")
{
    config c = rig::plain_config();
    c.timeout = 3s;
    rig r(c);
    scripted_transport& dead = r.warm_up();
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.sim.advance(2s);
    dead.reset();
    r.open_all();
    r.sim.advance(1h);
    CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::wait));
    CHECK(call.ended_at - began == 3s);
}

TEST_CASE("deadline that_has_passed_already")
{
    for (const auto t : {0ms, -5ms}) {
        rig r;
        call_record& call = r.create("r", call_options().timeout(t));
        r.sim.poll();
        CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::validation));
        CHECK_FALSE(r.sim.resolving());
    }
}

TEST_CASE("deadline far_beyond_the_clock's_range")
{
    rig r;
    call_record& call = r.get("r", call_options().timeout(std::chrono::milliseconds::max()));
    r.open_all();
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("timeouts each_with_its_phase_and_effect")
{
    config c = with_connections(1);
    c.resolve_timeout = 1s;
    c.connect_timeout = 2s;
    c.tls_timeout = 3s;
    c.attempt_timeout = 4s;
    class sample
    {
    public:
        int steps; // how far the network gets
        ending expected;
        std::chrono::seconds takes;
    };
    const std::vector<sample> table{
        {0, {errc::resolve_timeout, effect::none, phase::resolve}, 1s},
        {1, {errc::connect_timeout, effect::none, phase::connect}, 2s},
        {2, {errc::tls_timeout, effect::none, phase::handshake}, 3s},
        {3, {errc::response_timeout, effect::unknown, phase::wait}, 4s},
        {4, {errc::response_timeout, effect::unknown, phase::read}, 4s},
    };
    for (const sample& s : table) {
        CAPTURE(s.steps);
        rig r(c);
        call_record& call = r.create("r");
        const auto began = r.sim.now();
        if (s.steps >= 1) r.sim.resolved();
        if (s.steps >= 2) r.transport(0).connected();
        if (s.steps >= 3) r.transport(0).secured();
        if (s.steps >= 4) r.transport(0).answer("HTTP/1.1 20");
        r.sim.advance(1h);
        CHECK(call.ending() == s.expected);
        CHECK(call.ended_at - began == s.takes);
        CHECK(r.stats().opening_connections + r.stats().busy_connections == 0);
    }
}

TEST_CASE("timeouts pool_timeout_does_not_bound_the_exchange")
{
    config c = rig::plain_config();
    c.pool_timeout = 1s;
    rig r(c);
    call_record& call = r.get("r");
    r.open_all();
    r.sim.advance(5s);
    CHECK_FALSE(call.done());
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));

    // It bounds the opening of a connection.
    r.transport(0).half_close();
    call_record& second = r.get("r");
    r.sim.advance(1s);
    CHECK(second.ending() == ending(errc::pool_timeout, effect::none, phase::resolve));
}

TEST_CASE("timeouts early_and_needless_wakes_do_no_harm")
{
    rig r;
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.open_all();
    for (int i = 0; i < 9; ++i) {
        r.sim.wake_early();
        r.sim.advance(1s);
    }
    CHECK_FALSE(call.done());
    r.sim.advance(1h);
    CHECK(call.ended_at - began == 10s);
    CHECK(call.error == errc::response_timeout);
}

// Cancellation

TEST_CASE("cancellation by_type_before_writing_was_started")
{
    for (const auto type : {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        for (int steps = 0; steps < 3; ++steps) {
            rig r;
            call_record& call = r.create("r");
            if (steps >= 1) r.sim.resolved();
            if (steps >= 2) r.transport(0).connected();

            r.cancel(call, type);

            const phase phases[] = {phase::resolve, phase::connect, phase::handshake};
            CHECK(call.ending() == ending(errc::cancelled, effect::none, phases[steps]));
            CHECK(r.stats().waiting_calls == 0);
            CHECK(r.stats().calls == 0);
            CHECK(r.sim.work() == 0);
        }
    }
}

TEST_CASE("cancellation by_type_after_writing_was_started")
{
    for (const auto type : {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        for (const bool begun : {false, true}) {
            rig r;
            call_record& call = r.create("r");
            r.open_all();
            if (begun) r.transport(0).answer("HTTP/1.1 20");

            r.cancel(call, type);

            if (type == cancellation_type::total) {
                CHECK_FALSE(call.done());
                CHECK_FALSE(r.transport(0).is_closed());
                r.transport(0).answer(begun ? ok().substr(11) : ok());
                CHECK(call.ending() == success());
            } else {
                CHECK(call.ending() ==
                      ending(errc::cancelled, effect::unknown, begun ? phase::read : phase::wait));
                CHECK(r.transport(0).is_closed());
                CHECK(r.stats().busy_connections == 0);
            }
        }
    }
}

TEST_CASE("cancellation of_a_get_has_no_effect")
{
    rig r;
    call_record& call = r.get("r");
    r.open_all();
    r.cancel(call);
    CHECK(call.ending() == ending(errc::cancelled, effect::none, phase::wait));
}

TEST_CASE("cancellation too_late_touches_nobody")
{
    // Setup: the object of the finished call serves another one.
    rig r;
    call_record& first = r.get("1");
    r.open_all();
    serve(r, r.transport(0));
    call_record& second = r.get("2");

    // Run
    first.signal.emit(cancellation_type::terminal);
    r.sim.poll();

    // Check
    CHECK_FALSE(second.done());
    serve(r, r.transport(0));
    CHECK(second.ending() == success(effect::none));

    // Emitted before, delivered after the end.
    call_record& third = r.get("3");
    third.signal.emit(cancellation_type::terminal);
    r.transport(0).answer(ok());
    CHECK(third.ending() == success(effect::none));
    call_record& fourth = r.get("4");
    r.sim.poll();
    CHECK_FALSE(fourth.done());
    CHECK(third.handler_calls == 1);
}

TEST_CASE("cancellation frees_the_place_for_those_who_wait")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    r.cancel(first);
    CHECK(r.stats().opening_connections == 1);
    r.open_all();
    serve(r, r.newest());
    CHECK(second.ending() == success(effect::none));
}

TEST_CASE("cancellation emitted_after_the_client_is_gone")
{
    rig r;
    call_record& call = r.get("r");
    r.stop();
    r.sim.poll();
    r.forget_engine();
    call.signal.emit(cancellation_type::terminal);
    r.sim.poll();
    CHECK(call.handler_calls == 1);
}

// The end

TEST_CASE("drain lets_calls_end_and_takes_no_new_ones")
{
    // Setup
    rig r(with_connections(1));
    call_record& exchanging = r.get("1");
    call_record& waiting = r.create("2");
    r.open_all();

    // Run
    call_record& drained = r.drain();
    call_record& refused = r.get("3");
    r.sim.poll();

    // Check
    CHECK(refused.ending() == ending(errc::draining, effect::none, phase::validation));
    CHECK_FALSE(drained.done());
    serve(r, r.transport(0));
    CHECK(exchanging.ending() == success(effect::none));
    CHECK_FALSE(drained.done());
    CHECK_FALSE(r.transport(0).is_closed());
    serve(r, r.transport(0));
    CHECK(waiting.ending() == success());
    REQUIRE(drained.done());
    CHECK_FALSE(drained.error);
    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().open_connections + r.stats().opening_connections == 0);

    call_record& second = r.drain();
    CHECK_FALSE(second.done());
    r.sim.poll();
    CHECK(second.done());
    CHECK_FALSE(second.error);
    CHECK(drained.handler_calls == 1);
}

TEST_CASE("drain of_an_idle_client")
{
    rig r;
    scripted_transport& t = r.warm_up();
    call_record& drained = r.drain();
    CHECK(t.is_closed());
    CHECK_FALSE(drained.done()); // not before the initiating function has returned
    r.sim.poll();
    CHECK(drained.done());
    CHECK_FALSE(drained.error);
}

TEST_CASE("drain closes_what_is_being_opened_for_nobody")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved();
    call_record& drained = r.drain();
    r.cancel(call);
    CHECK(drained.done());
    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().opening_connections == 0);
}

TEST_CASE("drain lets_a_replay_happen")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    call_record& drained = r.drain();
    dead.reset();
    r.open_all();
    CHECK_FALSE(drained.done());
    serve(r, r.newest());
    CHECK(call.ending() == success());
    CHECK(drained.done());
}

TEST_CASE("drain cancelled_wait")
{
    rig r;
    r.get("r");
    r.open_all();
    call_record& first = r.drain();
    call_record& second = r.drain();
    r.cancel(first, cancellation_type::total);
    REQUIRE(first.done());
    CHECK(first.error == errc::cancelled);
    CHECK_FALSE(second.done());
    call_record& refused = r.get("r");
    r.sim.poll();
    CHECK(refused.error == errc::draining);
    serve(r, r.transport(0));
    CHECK(second.done());
    CHECK_FALSE(second.error);
    CHECK(first.handler_calls == 1);
}

TEST_CASE("drain client_destroyed_first")
{
    rig r;
    call_record& call = r.get("r");
    r.open_all();
    call_record& drained = r.drain();
    r.stop();
    r.sim.poll();
    CHECK(call.error == errc::shutting_down);
    REQUIRE(drained.done());
    CHECK(drained.error == errc::shutting_down);
}

TEST_CASE("fault_56 client_destroyed_with_calls_under_way")
{
    // Setup: one call in each state.
    rig r(with_connections(2));
    scripted_transport& dead = r.warm_up();
    call_record& replaying = r.voice("1", true);
    call_record& exchanging = r.create("2");
    call_record& waiting = r.create("3");
    r.sim.resolved();
    r.newest().open();
    dead.reset();

    // Run
    r.stop();
    CHECK_FALSE(replaying.done());
    CHECK_FALSE(exchanging.done());
    r.sim.poll();

    // Check
    CHECK(replaying.ending() == ending(errc::shutting_down, effect::unknown, phase::resolve));
    CHECK(exchanging.ending() == ending(errc::shutting_down, effect::unknown, phase::wait));
    CHECK(waiting.error == errc::shutting_down);
    CHECK(waiting.diagnostics.effect() == effect::none);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        CHECK(r.transport(i).is_closed());
    CHECK(r.sim.work() == 0);
    call_record& late = r.get("r");
    r.sim.poll();
    CHECK(late.ending() == ending(errc::shutting_down, effect::none, phase::validation));
    CHECK(r.sim.io().stopped());
}

TEST_CASE("fault_56 client_destroyed_by_a_handler")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    first.then = [&] {
        r.stop();
        r.forget_engine();
    };
    r.transport(0).answer(ok());
    r.sim.poll();
    CHECK(first.ending() == success(effect::none));
    CHECK(second.error == errc::shutting_down);
    CHECK(second.handler_calls == 1);
    CHECK(r.sim.breaches() == "");
}

TEST_CASE("fault_57 context_destroyed_under_the_client")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    call_record& drained = r.drain();

    r.abandon();
    r.sim.poll();

    for (call_record* c : {&first, &second, &drained}) {
        CHECK(c->handler_calls == 0);
        CHECK_FALSE(c->handler_lives());
    }
    CHECK(r.transport(0).is_closed());
}

// Credentials

TEST_CASE("set_credentials on_a_running_client")
{
    // Setup
    rig r(with_connections(1));
    r.get("before");
    call_record& waiting = r.get("waiting");
    r.open_all();

    // Run
    r.set_credentials(credentials("NEW-key", "NEW-token"));

    // Check
    scripted_transport& t = r.transport(0);
    CHECK(t.requests()[0].find("TOKEN-c4n4ry-2") != std::string::npos);
    serve(r, t);
    REQUIRE(t.requests().size() == 2);
    CHECK(t.requests()[1].find("x-api-key: NEW-key\r\nAuthorization: Bearer NEW-token\r\n") != std::string::npos);
    CHECK(t.requests()[1].find("c4n4ry") == std::string::npos);
    serve(r, t);
    CHECK(waiting.ending() == success(effect::none));
}

// What is told

namespace {

class recorder final : public observer
{
public:
    void on_call_start(const call_start& s) override
    {
        CHECK(open.emplace(s.call_id, s.operation).second);
        ++starts;
        note("start", s.operation, s.room_id);
    }
    void on_attempt_end(const attempt_end& a) override
    {
        CHECK(open.count(a.call_id) == 1);
        attempts.push_back(a);
        text += a.error.message();
    }
    void on_call_end(const call_end& e) override
    {
        CHECK(open.erase(e.call_id) == 1);
        ++ends;
        endings.push_back(e.error);
        durations.push_back(e.duration);
        note("end", e.operation, e.room_id);
        text += e.error.message() + e.diagnostics.to_string();
    }

    std::map<std::uint64_t, operation_kind> open;
    std::vector<attempt_end> attempts;
    std::vector<error_code> endings;
    std::vector<std::chrono::nanoseconds> durations;
    std::string text; // all that was told
    std::string order;
    std::size_t starts = 0;
    std::size_t ends = 0;

private:
    void note(std::string_view what, operation_kind k, std::string_view id)
    {
        order.append(what).append(" ").append(to_string(k)).append(" ").append(id).append("\n");
    }
};

config observed(const std::shared_ptr<recorder>& o, std::size_t connections = 32)
{
    config c = with_connections(connections);
    c.observer = o;
    return c;
}

} // namespace

TEST_CASE("observer phases_of_an_attempt_on_a_new_connection")
{
    const auto o = std::make_shared<recorder>();
    rig r(observed(o));
    call_record& call = r.voice("r", true);
    r.sim.advance(10ms);
    r.sim.resolved();
    r.sim.advance(20ms);
    r.transport(0).connected();
    r.sim.advance(30ms);
    r.transport(0).is_resumed = true;
    r.transport(0).secured();
    r.sim.advance(40ms);
    r.transport(0).answer(ok().substr(0, 5));
    r.sim.advance(50ms);
    r.transport(0).answer(ok().substr(5));

    REQUIRE(call.done());
    REQUIRE(o->attempts.size() == 1);
    const attempt_end& a = o->attempts[0];
    CHECK(a.operation == operation_kind::set_voice);
    CHECK(a.attempt == 1);
    CHECK_FALSE(a.error);
    CHECK(a.http_status == 200);
    CHECK(a.new_connection);
    CHECK(a.resumed_tls);
    CHECK(a.bytes_written == r.transport(0).requests()[0].size());
    CHECK(a.bytes_read == ok().size());
    CHECK(a.durations.queue == 60ms);
    CHECK(a.durations.resolve == 10ms);
    CHECK(a.durations.connect == 20ms);
    CHECK(a.durations.handshake == 30ms);
    CHECK(a.durations.wait == 40ms);
    CHECK(a.durations.read == 50ms);
    CHECK(o->durations.at(0) == 150ms);
    CHECK(o->order == "start set_voice r\nend set_voice r\n");
    CHECK(r.stats().handshakes_resumed == 1);
}

TEST_CASE("observer attempt_on_a_reused_connection_and_its_replay")
{
    const auto o = std::make_shared<recorder>();
    rig r(observed(o));
    scripted_transport& dead = r.warm_up();
    r.get("r");
    r.sim.advance(5ms);
    dead.reset();
    r.sim.advance(6ms);
    r.open_all();
    r.sim.advance(7ms);
    r.newest().answer(ok());

    REQUIRE(o->attempts.size() == 3);
    const attempt_end& lost = o->attempts[1];
    CHECK(lost.attempt == 1);
    CHECK(lost.error == errc::connection_lost);
    CHECK(lost.http_status == 0);
    CHECK_FALSE(lost.new_connection);
    CHECK(lost.durations.wait == 5ms);
    CHECK(lost.durations.resolve == 0ms);
    const attempt_end& replay = o->attempts[2];
    CHECK(replay.attempt == 2);
    CHECK(replay.new_connection);
    CHECK(replay.durations.queue == 6ms);
    CHECK(replay.durations.resolve == 6ms);
    CHECK(replay.durations.wait == 7ms);
    CHECK(o->ends == 2);
    CHECK(o->open.empty());
}

TEST_CASE("observer each_start_has_exactly_one_end")
{
    const auto o = std::make_shared<recorder>();
    config c = observed(o, 1);
    c.max_waiting_calls = 2;
    rig r(c);
    r.get(""); // never begins
    r.get("refused");
    call_record& cancelled = r.get("cancelled");
    r.get("shut down");
    r.get("too many");
    r.sim.poll();
    CHECK(o->starts == 4);
    CHECK(o->ends == 1);
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.cancel(cancelled);
    CHECK(o->ends == 3);
    REQUIRE(o->attempts.size() == 1);
    CHECK(o->attempts[0].attempt == 1);
    CHECK(o->attempts[0].error == errc::connect_failed);
    CHECK(o->attempts[0].bytes_written == 0);
    r.stop();
    r.sim.poll();
    CHECK(o->ends == 4);
    CHECK(o->open.empty());
    CHECK(o->endings == std::vector<error_code>{errc::pool_full, errc::connect_failed, errc::cancelled,
                                                errc::shutting_down});
}

TEST_CASE("stats totals")
{
    rig r;
    r.warm_up();
    CHECK(r.stats().requests == 1);
    CHECK(r.stats().bytes_written == r.transport(0).requests()[0].size());
    CHECK(r.stats().bytes_read == ok().size());
    CHECK(r.stats().connections_opened == 1);
    CHECK(r.stats().open_connections == 1);

    call_record& call = r.get("r");
    CHECK(r.stats().calls == 1);
    CHECK(r.stats().busy_connections == 1);
    CHECK(r.stats().idle_connections == 0);
    r.transport(0).answer("HTTP");
    r.transport(0).reset();
    r.sim.poll();
    REQUIRE(call.done());
    CHECK(r.stats().requests == 2);
    CHECK(r.stats().bytes_read == ok().size() + 4);
    CHECK(r.stats().open_connections == 0);
    CHECK(r.stats().connections_failed == 0);
}

TEST_CASE("secrets are_in_no_text_of_the_client's")
{
    // Setup
    const auto o = std::make_shared<recorder>();
    rig r(observed(o, 1));
    std::string told;
    const auto collect = [&](const call_record& c) {
        told += c.error.message() + c.diagnostics.to_string() + error(c.error ? c.error : errc::cancelled,
                                                                      c.diagnostics).what();
        told += c.room.raw_json();
    };

    // Run: every way of ending.
    r.get("");
    r.create("1");
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.get("2");
    r.open_all();
    r.newest().answer(answer("401 Unauthorized", R"({"message":"bad key"})"));
    r.voice("3", true);
    r.newest().reset();
    r.open_all();
    r.newest().answer("HTTP/9");
    r.erase("4", call_options().timeout(1s));
    r.sim.advance(2s);
    r.stop();
    r.sim.poll();
    for (const call_record& c : r.calls()) {
        REQUIRE(c.handler_calls == 1);
        collect(c);
    }
    told += o->text + o->order;

    // Check
    CHECK(told.size() > 500);
    CHECK(told.find("c4n4ry") == std::string::npos);
    CHECK(told.find("KEY-") == std::string::npos);
}
