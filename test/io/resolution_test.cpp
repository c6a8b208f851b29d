// SPDX-License-Identifier: BSL-1.0
// Name servers that are slow, or never respond.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

config retrying(std::chrono::milliseconds resolve_timeout)
{
    config c = rig::plain_config();
    c.retry = retry_policy();
    c.resolve_timeout = resolve_timeout;
    return c;
}

// Connects, secures and serves the newest connection.
void serve_newest(rig& r)
{
    r.newest().open();
    r.sim.poll();
    serve(r, r.newest());
}

} // namespace

// Row 69: the first name server is silent, the second one responds after 5.4 s.
TEST_CASE("fault_69_the_default_limit_outlasts_a_silent_name_server")
{
    config c = rig::plain_config();
    REQUIRE(c.resolve_timeout == 12s);
    for (int i = 0; i < 10; ++i) {
        rig r(c);
        call_record& call = r.get("r");
        r.sim.advance(5400ms);
        r.sim.resolved();
        serve_newest(r);
        CHECK(call.ending() == success(effect::none));
        CHECK(call.diagnostics.attempts() == 1);
        CHECK_FALSE(call.diagnostics.last_failure());
    }
}

TEST_CASE("fault_69_a_late_result_serves_the_second_attempt")
{
    // Setup: the wait before the second attempt is 100 ms at most, and the result comes in it.
    for (const auto late : {1ms, 30ms, 99ms}) {
        CAPTURE(late.count());
        rig r(retrying(5s));
        r.sim.next_random = 99'999'999;
        call_record& call = r.get("r");
        const auto began = r.sim.now();

        // Run
        r.sim.advance(5s + late);
        r.sim.resolved();
        r.sim.advance(100ms);
        REQUIRE(r.sim.transports() == 1);
        serve_newest(r);

        // Check
        CHECK(call.ending() == success(effect::none));
        CHECK(call.diagnostics.last_failure() == errc::resolve_timeout);
        CHECK(call.ended_at - began < 5200ms);
        CHECK(r.sim.resolutions() == 1);
    }
}

TEST_CASE("fault_69_the_second_attempt_joins_the_look_up_under_way")
{
    rig r(retrying(5s));
    call_record& call = r.get("r");
    r.sim.advance(5s + 300ms); // the second attempt has begun
    CHECK(r.sim.resolutions() == 1);
    r.sim.resolved();
    serve_newest(r);
    CHECK(call.ending() == success(effect::none));
    CHECK(r.sim.resolutions() == 1);
}

TEST_CASE("fault_69_a_late_result_serves_later_calls_for_30_s")
{
    class sample
    {
    public:
        std::chrono::milliseconds after;
        std::size_t resolutions;
    };
    for (const sample& s : {sample{0ms, 1}, {29'999ms, 1}, {30'000ms, 2}}) {
        CAPTURE(s.after.count());
        rig r([] {
            config c = rig::plain_config();
            c.resolve_timeout = 5s;
            return c;
        }());
        call_record& first = r.get("first");
        r.sim.advance(5400ms);
        CHECK(first.ending() == ending(errc::resolve_timeout, effect::none, phase::resolve));
        r.sim.resolved(2);
        CHECK(r.sim.transports() == 0);

        r.sim.advance(s.after);
        call_record& second = r.get("second");
        CHECK(r.sim.resolutions() == s.resolutions);
        r.sim.resolved(2);
        CHECK(r.newest().to() == simulation::address(1));
        serve_newest(r);
        CHECK(second.ending() == success(effect::none));
        CHECK(r.sim.breaches() == "");
    }
}

TEST_CASE("fault_69_a_result_in_time_is_not_kept")
{
    rig r;
    r.warm_up();
    r.newest().half_close();
    r.get("r");
    CHECK(r.sim.resolutions() == 2);
}

TEST_CASE("fault_69_addresses_that_cannot_be_connected_to_are_looked_up_again")
{
    config c = retrying(5s);
    rig r(c);
    r.sim.next_random = 0;
    call_record& call = r.get("r", call_options().timeout(1min));
    r.sim.advance(5s);
    r.sim.resolved(1);
    r.sim.advance(0s);
    REQUIRE(r.sim.transports() == 1);

    r.newest().connected(boost::asio::error::connection_refused);
    r.sim.advance(0s);

    CHECK(r.sim.resolutions() == 2);
    r.sim.resolved({}, {simulation::address(7)});
    REQUIRE(r.sim.transports() == 2);
    CHECK(r.newest().to() == simulation::address(7));
    serve_newest(r);
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("fault_69_a_late_failure_is_looked_up_again")
{
    rig r(retrying(5s));
    r.sim.next_random = 99'999'999;
    call_record& call = r.get("r");
    r.sim.advance(5001ms);
    r.sim.resolved(boost::asio::error::host_not_found, {});
    r.sim.advance(100ms);
    CHECK(r.sim.resolutions() == 2);
    r.sim.resolved();
    serve_newest(r);
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("fault_69_a_look_up_that_never_ends_fails_each_call_on_time")
{
    config c = rig::plain_config();
    c.retry = retry_policy();
    rig r(c);
    call_record& call = r.create("r");
    const auto began = r.sim.now();
    r.sim.advance(1h);
    CHECK(call.error == errc::deadline_exceeded);
    CHECK(call.diagnostics.effect() == effect::none);
    CHECK(call.diagnostics.last_failure() == errc::resolve_timeout);
    CHECK(call.ended_at - began == 30s);
    CHECK(r.sim.resolutions() == 1);

    call_record& second = r.get("r");
    r.sim.resolved();
    serve_newest(r);
    CHECK(second.ending() == success(effect::none));
}

// The caller's deadline is shorter than the look-up: the opening goes on, and serves the next call.
TEST_CASE("fault_69_a_call_that_gives_up_leaves_the_look_up_to_the_next")
{
    rig r;
    call_record& first = r.get("first", call_options().timeout(2s));
    r.sim.advance(2s);
    CHECK(first.ending() == ending(errc::deadline_exceeded, effect::none, phase::resolve));
    call_record& second = r.get("second", call_options().timeout(5s));
    r.sim.advance(3400ms);
    r.sim.resolved();
    r.open_all();
    serve(r, r.transport(0));
    CHECK(second.ending() == success(effect::none));
    CHECK(r.sim.resolutions() == 1);
}

TEST_CASE("fault_69_ends_of_the_client_during_a_look_up")
{
    enum class way
    {
        drain,
        stop,
        abandon,
    };
    for (const auto how : {way::drain, way::stop, way::abandon}) {
        CAPTURE(static_cast<int>(how));
        rig r(retrying(1s));
        call_record& call = r.get("r", call_options().timeout(1500ms));
        r.sim.advance(1s + 200ms); // given up once
        if (how == way::stop) r.stop(), r.sim.poll();
        if (how == way::abandon) r.abandon();
        call_record* const drain = how == way::drain ? &r.drain() : nullptr;
        r.sim.advance(1s);
        r.sim.resolved();
        r.sim.advance(1min);

        CHECK(call.handler_calls == (how == way::abandon ? 0 : 1));
        if (how == way::drain) CHECK(drain->handler_calls == 1);
        CHECK(r.sim.transports() == 0);
        CHECK(r.sim.breaches() == "");
    }
}
