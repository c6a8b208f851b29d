// SPDX-License-Identifier: BSL-1.0
// The service's throttling, which all calls share, and the caller's own limit on the rate.
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

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

config limited(double per_second, std::size_t connections = 32)
{
    config c = retrying(connections);
    c.max_requests_per_second = per_second;
    return c;
}

// A rig whose service asked for a pause of five seconds, with the call it told so.
class paused_rig
{
public:
    explicit paused_rig(const config& c = retrying()) : r(c), told(r.get("told"))
    {
        r.open_all();
        r.newest().answer(throttled("Retry-After: 5\r\n"));
        r.sim.poll();
    }

    rig r;
    call_record& told;
};

} // namespace

TEST_CASE("throttle calls_that_begin_in_a_pause_wait_for_its_end")
{
    // Setup
    paused_rig p;
    rig& r = p.r;

    // Run
    call_record& change = r.voice("r", true);
    call_record& get = r.get("r");

    // Check
    CHECK(r.stats().throttled_calls == 2);
    CHECK(r.stats().waiting_calls == 0);
    CHECK(requests(r) == 1);
    r.sim.advance(4999ms);
    CHECK(requests(r) == 1);
    r.sim.advance(1ms);
    r.open_all();
    CHECK(requests(r) == 4); // the one that was told, too
    CHECK(r.stats().throttled_calls == 0);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        serve(r, r.transport(i));
    CHECK(p.told.ending() == success(effect::none));
    CHECK(change.ending() == success());
    CHECK(get.ending() == success(effect::none));
    CHECK(r.stats().throttled == 1);
    CHECK(at_rest(r));
}

TEST_CASE("throttle a_pause_that_outlasts_the_call_ends_it_at_once")
{
    paused_rig p;
    call_record& call = p.r.voice("r", true, call_options().timeout(4s));
    p.r.sim.poll();
    CHECK(call.ending() == ending(errc::rate_limited, effect::none, phase::throttle));
    CHECK(call.diagnostics.attempts() == 0);
    CHECK(call.diagnostics.retry_after() == 5s);
}

TEST_CASE("throttle a_pause_that_grows_ends_those_who_cannot_wait_any_longer")
{
    // Setup
    rig r(retrying());
    r.get("1");
    r.get("2");
    r.open_all();
    r.transport(0).answer(throttled("Retry-After: 5\r\n"));
    std::vector<call_record*> calls;
    for (int i = 0; i < 6; ++i)
        calls.push_back(
            &r.voice("r" + std::to_string(i / 2), true, call_options().timeout(i % 2 ? 25s : 8s)));
    REQUIRE(r.stats().throttled_calls == 3); // the others wait for their turn

    // Run
    r.transport(1).answer(throttled("Retry-After: 20\r\n"));
    r.sim.poll();

    // Check
    CHECK(r.stats().throttled_calls == 3);
    for (std::size_t i = 0; i < calls.size(); ++i) {
        CHECK(calls[i]->done() == (i % 2 == 0));
        if (i % 2 == 0)
            CHECK(calls[i]->ending() == ending(errc::rate_limited, effect::none, phase::throttle));
    }
    r.sim.advance(20s);
    r.open_all();
    CHECK(requests(r) >= 5);
}

TEST_CASE("throttle deadline_cancellation_and_end_in_a_pause")
{
    for (int how = 0; how < 5; ++how) {
        CAPTURE(how);
        // Setup
        paused_rig p;
        rig& r = p.r;
        call_record& call = r.voice("r", true, call_options().timeout(6s));
        call_record& drained = r.drain();
        REQUIRE(r.stats().throttled_calls == 1);

        // Run
        if (how == 0) r.cancel(call, cancellation_type::total);
        if (how == 1) {
            r.sim.advance(5s);
            r.newest().answer(throttled("Retry-After: 20\r\n"));
            r.sim.advance(1s);
        }
        if (how == 2) r.stop();
        if (how == 3) r.abandon();
        if (how == 4) r.sim.advance(5s);
        r.sim.poll();

        // Check
        if (how == 0) CHECK(call.ending() == ending(errc::cancelled, effect::none, phase::throttle));
        if (how == 1) {
            CHECK(call.handler_calls == 1);
            CHECK(call.diagnostics.effect() == effect::none);
        }
        if (how == 2) CHECK(call.ending() == ending(errc::shutting_down, effect::none, phase::throttle));
        if (how == 3) {
            CHECK_FALSE(call.handler_lives());
            CHECK_FALSE(drained.handler_lives());
            continue;
        }
        for (int i = 0; i < 4 && !drained.done(); ++i) {
            r.sim.advance(20s);
            r.open_all();
            for (std::size_t t = 0; t < r.sim.transports(); ++t)
                serve(r, r.transport(t));
        }
        CHECK(drained.done());
        CHECK(call.handler_calls == 1);
        CHECK(at_rest(r));
    }
}

TEST_CASE("throttle thousands_that_wait_in_the_pool_are_put_back_in_order")
{
    // Setup
    rig r(retrying(1));
    call_record& told = r.get("told");
    constexpr std::size_t many = 9'000;
    std::vector<std::string> order;
    for (std::size_t i = 0; i < many; ++i)
        r.get(std::to_string(i)).then = [&order, i] { order.push_back(std::to_string(i)); };
    r.open_all();

    // Run
    r.newest().answer(throttled("Retry-After: 2\r\n"));
    CHECK(r.stats().throttled_calls == many);
    CHECK(r.stats().waiting_calls == 0);
    call_record& late = r.get("late");
    r.sim.advance(2s);
    CHECK(r.stats().throttled_calls == 0);
    for (std::size_t i = 0; i < many; ++i)
        serve(r, r.newest());

    // Check
    REQUIRE(order.size() == many);
    for (std::size_t i = 0; i < many; ++i)
        REQUIRE(order[i] == std::to_string(i));
    CHECK_FALSE(late.done());
    serve(r, r.newest());
    CHECK(late.done());
    serve(r, r.newest());
    CHECK(told.ending() == success(effect::none));
    CHECK(at_rest(r));
}

TEST_CASE("throttle thousands_that_wait_in_the_pool_end_at_once")
{
    // Setup
    config c = retrying(1);
    c.timeout = 3s;
    rig r(c);
    constexpr std::size_t many = 9'000;
    for (std::size_t i = 0; i < many; ++i)
        r.voice(std::to_string(i % 100), true);
    r.open_all();

    // Run
    r.newest().answer(throttled("Retry-After: 60\r\n"));
    r.sim.poll();

    // Check
    std::size_t completed = 0;
    for (const call_record& call : r.calls())
        completed += call.handler_calls == 1 && call.error == errc::rate_limited &&
                     call.diagnostics.effect() == effect::none;
    CHECK(completed == many);
    CHECK(at_rest(r));
}

TEST_CASE("throttle huge_retry_after_is_not_waited_for")
{
    for (const char* const asked : {"3600", "99999999999999999999"}) {
        rig r(retrying());
        call_record& told = r.get("told");
        r.open_all();
        r.newest().answer(throttled("Retry-After: " + std::string(asked) + "\r\n"));
        r.sim.poll();
        CHECK(told.ending() == ending(errc::rate_limited, effect::none, phase::answered));
        CHECK(told.diagnostics.retry_after() >= 3600s);
        // The others wait no longer than the policy has it.
        call_record& patient = r.get("patient", call_options().timeout(70s));
        r.sim.advance(60s);
        r.open_all();
        serve(r, r.newest());
        CHECK(patient.ending() == success(effect::none));
    }
}

TEST_CASE("throttle storm_ends_with_every_call_told")
{
    // Setup
    config c = retrying(8);
    c.timeout = 600s;
    rig r(c);
    for (int i = 0; i < 500; ++i)
        r.voice(std::to_string(i), true);
    r.open_all();

    // Run: no request is ever served.
    for (int i = 0; i < 20'000 && r.stats().calls > 0; ++i) {
        bool answered = false;
        for (std::size_t t = 0; t < r.sim.transports(); ++t) {
            scripted_transport& connection = r.transport(t);
            if (connection.requests().size() == connection.answered) continue;
            ++connection.answered;
            answered = true;
            connection.answer(throttled("Retry-After: 1\r\n"));
        }
        r.open_all();
        if (!answered) r.sim.advance(1s);
    }

    // Check
    for (const call_record& call : r.calls()) {
        CHECK(call.handler_calls == 1);
        CHECK(call.error == errc::rate_limited);
        CHECK(call.diagnostics.effect() == effect::none);
    }
    CHECK(r.stats().retries == 100); // as many as the budget allows
    CHECK(r.stats().retries_denied > 0);
    CHECK(at_rest(r));
}

TEST_CASE("throttle rate_limit_spaces_requests")
{
    // Setup
    rig r(limited(10));
    for (int i = 0; i < 30; ++i)
        r.get(std::to_string(i));

    // Run
    std::size_t most = 0;
    for (int i = 0; i < 40; ++i) {
        const std::size_t before = requests(r);
        r.open_all();
        for (std::size_t t = 0; t < r.sim.transports(); ++t)
            serve(r, r.transport(t));
        r.sim.advance(100ms);
        most = std::max(most, requests(r) - before);
    }

    // Check
    CHECK(most <= 2);
    for (const call_record& call : r.calls())
        CHECK(call.ending() == success(effect::none));
    CHECK(at_rest(r));
}

TEST_CASE("throttle rate_limit_with_connections_that_fail_strands_nobody")
{
    // Setup
    config c = limited(1000, 2);
    c.retry.budget = 0;
    rig r(c);
    for (int i = 0; i < 50; ++i)
        r.get(std::to_string(i));

    // Run
    for (int i = 0; i < 2000 && r.stats().calls > 0; ++i) {
        r.sim.resolved();
        for (std::size_t t = 0; t < r.sim.transports(); ++t) {
            scripted_transport& connection = r.transport(t);
            if (connection.at() == scripted_transport::stage::connecting)
                connection.connected(boost::asio::error::connection_refused);
        }
        r.sim.advance(1ms);
    }
    r.sim.poll();

    // Check
    for (const call_record& call : r.calls())
        CHECK(call.ending() == ending(errc::connect_failed, effect::none, phase::connect));
    CHECK(r.sim.now() < r.calls().front().ended_at + 2s);
    CHECK(at_rest(r));
}

TEST_CASE("throttle rate_limit_goes_on_when_those_before_give_up")
{
    // Setup: one waits for the only connection, the others at the gate behind it.
    rig r(limited(1000, 1));
    r.get("busy");
    r.open_all();
    std::vector<call_record*> waiting;
    for (int i = 0; i < 5; ++i)
        waiting.push_back(&r.get(std::to_string(i)));
    r.sim.advance(50ms);

    // Run
    for (std::size_t i = 0; i < 4; ++i)
        r.cancel(*waiting[i]);
    serve(r, r.newest());
    r.sim.advance(50ms);

    // Check
    REQUIRE(r.newest().requests().size() == 2);
    serve(r, r.newest());
    CHECK(waiting[4]->ending() == success(effect::none));
    CHECK(at_rest(r));
}

TEST_CASE("throttle nothing_is_sent_while_the_client_is_destroyed")
{
    // Setup: two connections, one idle again; a call that may go on just now, but was not told yet.
    rig r(limited(10, 2));
    r.voice("1", true);
    r.open_all();
    r.sim.advance(100ms);
    call_record& second = r.voice("2", true);
    r.open_all();
    serve(r, r.transport(0));
    call_record& third = r.voice("3", true);
    REQUIRE(requests(r) == 2);
    r.sim.leap(100ms);

    // Run
    r.stop();
    r.sim.poll();

    // Check
    CHECK(requests(r) == 2);
    CHECK(second.error == errc::shutting_down);
    CHECK(third.ending() == ending(errc::shutting_down, effect::none, phase::throttle));
    CHECK(at_rest(r));
}

TEST_CASE("throttle too_many_that_wait")
{
    config c = retrying();
    c.max_waiting_calls = 3;
    paused_rig p(c);
    for (int i = 0; i < 3; ++i)
        p.r.get(std::to_string(i));
    call_record& refused = p.r.get("refused");
    p.r.sim.poll();
    CHECK(refused.ending() == ending(errc::pool_full, effect::none, phase::throttle));
    CHECK(p.r.stats().throttled_calls == 3);
}
