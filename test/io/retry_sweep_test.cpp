// SPDX-License-Identifier: BSL-1.0
// As sweep_test.cpp, for what comes after a first failure: a scenario with retries, confirmation, order,
// throttling, a limit on the rate and a credential provider, run once for each of its steps with something
// done to it at that step.
#include "support/allocation_gate.hpp"
#include "support/retry_scenario.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;

using scenario = retry_scenario;

void check_calls(scenario& s)
{
    std::size_t attempts = 0;
    for (const call_record& c : s.r.calls()) {
        attempts += c.diagnostics.attempts();
        CAPTURE(c.name);
        CAPTURE(c.error.message());
        CAPTURE(c.diagnostics.to_string());
        CHECK(c.handler_calls == 1);
        CHECK_FALSE(c.called_too_soon);
        CHECK_FALSE(c.handler_lives());
        if (c.name == "drain") continue;
        if (c.error && s.in_doubt(c.name))
            CHECK(c.diagnostics.effect() !=
                  (c.diagnostics.operation() == operation_kind::get_room ? effect::applied : effect::none));
        if (c.error && !s.in_doubt(c.name)) CHECK(c.diagnostics.effect() == effect::none);
        if (!c.error && c.diagnostics.operation() != operation_kind::get_room)
            CHECK(c.diagnostics.effect() == effect::applied);
    }
    CHECK(attempts == requests(s.r));
}

void check_rest(scenario& s)
{
    CHECK(at_rest(s.r));
    CHECK(s.watcher->starts == s.watcher->ends);
    s.r.sim.poll();
    CHECK(s.r.sim.io().stopped());
    CHECK(s.r.sim.breaches() == "");
}

void check_life_goes_on(scenario& s)
{
    s.r.sim.advance(1h);
    CHECK(s.r.stats().open_connections == 0);
    CHECK_FALSE(s.r.sim.alarm().has_value());
    call_record& one = s.r.create("fresh-1");
    call_record& two = s.r.get("fresh-2");
    call_record& three = s.r.erase("busy");
    s.run_to_end();
    CHECK(one.ending() == success());
    CHECK(two.ending() == success(effect::none));
    CHECK(three.ending() == success());
}

void check_all(scenario& s)
{
    check_calls(s);
    check_rest(s);
    check_life_goes_on(s);
}

std::size_t count_steps()
{
    scenario s;
    s.begin();
    std::size_t steps = 0;
    while (s.step())
        ++steps;
    return steps;
}

void sweep(const std::function<void(scenario&)>& what, const std::function<void(scenario&)>& check_end)
{
    const std::size_t steps = count_steps();
    for (std::size_t at = 0; at <= steps; ++at) {
        CAPTURE(at);
        scenario s;
        s.begin();
        for (std::size_t i = 0; i < at; ++i)
            s.step();
        what(s);
        s.run_to_end();
        check_end(s);
    }
}

} // namespace

TEST_CASE("retry_sweep the_scenario_itself_has_everything_in_it")
{
    for (const bool strand : {false, true}) {
        CAPTURE(strand);
        scenario s(strand);
        s.begin();
        s.run_to_end();

        check_calls(s);
        check_rest(s);
        for (const call_record& c : s.r.calls()) {
            CAPTURE(c.name);
            CHECK(c.error.message() == error_code().message());
            CHECK(c.diagnostics.confirmed() == (c.name == "create found"));
        }
        const auto figures = s.r.stats();
        CHECK(s.r.calls().size() == 9);
        CHECK(figures.requests == requests(s.r));
        CHECK(figures.confirmations == 2);
        CHECK(figures.throttled == 2);
        CHECK(figures.credentials_asked >= 3);
        CHECK(figures.retries >= 6);
        CHECK(figures.connections_failed == 1);
        CHECK(count_steps() > 60);
        check_life_goes_on(s);
    }
}

TEST_CASE("retry_sweep failing_at_every_step")
{
    for (const bool hard : {false, true})
        sweep([hard](scenario& s) { s.break_all(hard); }, check_all);
}

TEST_CASE("retry_sweep failing_for_a_while_from_every_step_on")
{
    sweep(
        [](scenario& s) {
            for (int i = 0; i < 6; ++i) {
                s.break_all(true);
                s.step();
                s.step();
                s.step();
            }
        },
        check_all);
}

TEST_CASE("retry_sweep cancelling_each_call_at_every_step")
{
    for (const auto type : {cancellation_type::terminal, cancellation_type::total}) {
        for (std::size_t which = 0; which < 9; ++which) {
            CAPTURE(static_cast<unsigned>(type));
            CAPTURE(which);
            sweep(
                [&](scenario& s) {
                    if (which >= s.r.calls().size()) return;
                    call_record& c = s.r.calls()[which];
                    const bool heard = !c.done() && type == cancellation_type::terminal;
                    s.r.cancel(c, type);
                    if (heard) CHECK(c.error == errc::cancelled);
                },
                check_all);
        }
    }
}

TEST_CASE("retry_sweep deadlines_pass_at_every_step")
{
    sweep([](scenario& s) { s.r.sim.advance(1h); }, check_all);
}

TEST_CASE("retry_sweep credentials_set_or_refused_at_every_step")
{
    sweep([](scenario& s) { s.r.set_credentials(credentials("KEY", "TOKEN-0")); }, check_all);
    sweep(
        [](scenario& s) {
            for (const credential_reply& q : std::exchange(s.questions, {}))
                q(errc::forbidden);
        },
        check_all);
}

TEST_CASE("retry_sweep draining_at_every_step")
{
    sweep([](scenario& s) { s.r.drain(); },
          [](scenario& s) {
              check_calls(s);
              check_rest(s);
              CHECK(s.r.stats().open_connections == 0);
              s.r.sim.advance(1h);
              CHECK_FALSE(s.r.sim.alarm().has_value());
          });
}

TEST_CASE("retry_sweep client_destroyed_at_every_step")
{
    for (const bool context_too : {false, true}) {
        CAPTURE(context_too);
        sweep(
            [&](scenario& s) {
                for (call_record& c : s.r.calls())
                    c.then = nullptr; // they would need the client
                const std::size_t sent = requests(s.r);
                if (context_too) {
                    s.r.abandon();
                    s.r.sim.destroy_io();
                } else {
                    s.r.stop();
                    CHECK(s.r.stats().calls + s.r.stats().busy_connections + s.r.stats().waiting_calls +
                              s.r.stats().throttled_calls ==
                          0);
                }
                s.r.forget_engine();
                CHECK(requests(s.r) == sent);
                CHECK_FALSE(s.r.sim.alarm().has_value());
            },
            [&](scenario& s) {
                if (!context_too) return check_calls(s);
                for (const call_record& c : s.r.calls())
                    CHECK_FALSE(c.handler_lives());
            });
    }
}

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

// Row 61.
TEST_CASE("retry_sweep every_allocation_fails_once")
{
    for (const std::size_t more : {0U, 1U, 7U}) {
        std::size_t failures = 0;
        for (std::size_t n = 1;; ++n) {
            CAPTURE(more);
            CAPTURE(n);
            scenario s;
            allocation_gate::fail_at(n, more);
            s.begin();
            s.run_to_end();
            const std::size_t failed = allocation_gate::failed();
            allocation_gate::never_fail();
            failures += failed;

            std::size_t lost = 0;
            for (const call_record& c : s.r.calls()) {
                CAPTURE(c.name);
                CAPTURE(c.diagnostics.to_string());
                CHECK(c.handler_calls <= 1);
                CHECK((!c.threw || c.handler_calls == 0));
                CHECK_FALSE(c.called_too_soon);
                CHECK_FALSE(c.handler_lives());
                if (!c.done() && !c.threw) ++lost;
                if (!c.done()) continue;
                // One failure is told at once, not by way of a timeout.
                if (more == 0) CHECK(c.error != errc::deadline_exceeded);
                const bool change = c.diagnostics.operation() != operation_kind::get_room;
                if (c.error && change && s.in_doubt(c.name)) CHECK(c.diagnostics.effect() != effect::none);
            }
            // Several in a row are told by one exception.
            CHECK(lost <= (more == 0 ? s.thrown : failed));
            CHECK((lost == 0 || s.thrown > 0));
            s.r.sim.wake_early(); // for an alarm that could not be set
            check_rest(s);
            check_life_goes_on(s);
            if (failed == 0) break;
            REQUIRE(n < 10'000);
        }
        CHECK(failures > 100);
    }
}

#endif
