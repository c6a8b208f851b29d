// SPDX-License-Identifier: BSL-1.0

// As sweep_test.cpp, for bulk runs: one small run, done again for each of its steps with something done to it
// at that step. Whatever it is, the run completes once, each operation that it took has one result, the
// summary adds up, and nothing is left behind.

#include "support/bulk_scenario.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;
using boost::asio::cancellation_type;

namespace {

void run_to_end(bulk_scenario& s)
{
    std::size_t steps = 0;
    s.poke();
    while (s.step())
        REQUIRE(++steps < 2000);
    s.r.sim.poll();
}

void check_results(const bulk_scenario& s, const bulk_variant& v)
{
    CHECK(s.indices.size() == s.results.size());
    for (std::size_t i = 1; v.in_order && i < s.results.size(); ++i)
        CHECK(s.results[i - 1].index < s.results[i].index);
}

void check_summary(const bulk_scenario& s)
{
    const bulk_summary& sum = s.summary;
    const auto count = [&](error_code ec) {
        return static_cast<std::uint64_t>(std::count_if(
            s.results.begin(), s.results.end(), [ec](const bulk_result& b) { return b.error == ec; }));
    };
    CHECK(sum.operations == s.results.size());
    for (std::size_t i = 0; i < s.results.size(); ++i)
        CHECK(s.indices.contains(i));
    CHECK(sum.succeeded + sum.failed + sum.skipped + sum.stopped == sum.operations);
    CHECK(sum.succeeded == count({}));
    CHECK(sum.skipped == count(errc::skipped_after_failure));
    CHECK(sum.stopped == count(errc::stopped));
    if (!s.error) CHECK(sum.operations == bulk_scenario::operations().size());
}

void check_rest(bulk_scenario& s)
{
    CHECK(s.watch.expired());
    CHECK(s.r.stats().calls + s.r.stats().busy_connections + s.r.stats().waiting_calls == 0);
    CHECK(s.r.sim.work() == 0);
    CHECK(s.r.sim.breaches() == "");
    CHECK(s.r.sim.io().stopped());
}

void check_end(bulk_scenario& s, const bulk_variant& v)
{
    CAPTURE(s.error.message());
    CHECK(s.ended == 1);
    check_results(s, v);
    check_summary(s);
    check_rest(s);
    s.r.sim.advance(1h);
    CHECK_FALSE(s.r.sim.alarm().has_value());
}

void each_variant(const std::function<void(const bulk_variant&)>& f)
{
    for (unsigned bits = 0; bits < 8; ++bits) {
        bulk_variant v;
        v.awaited = (bits & 1U) != 0;
        v.in_order = (bits & 2U) != 0;
        v.journaled = (bits & 4U) != 0;
        CAPTURE(v.awaited);
        CAPTURE(v.in_order);
        CAPTURE(v.journaled);
        f(v);
    }
}

std::size_t count_steps(const bulk_variant& v)
{
    bulk_scenario s(v);
    s.begin();
    std::size_t steps = 0;
    while (s.step())
        ++steps;
    return steps;
}

void sweep(const std::function<void(bulk_scenario&)>& what,
           const std::function<void(bulk_scenario&, const bulk_variant&)>& check)
{
    each_variant([&](const bulk_variant& v) {
        const std::size_t steps = count_steps(v);
        for (std::size_t at = 0; at <= steps; ++at) {
            CAPTURE(at);
            bulk_scenario s(v);
            s.begin();
            for (std::size_t i = 0; i < at; ++i)
                s.step();
            what(s);
            run_to_end(s);
            check(s, v);
        }
    });
}

} // namespace

TEST_CASE("bulk_sweep the_scenario_itself_has_everything_in_it")
{
    each_variant([](const bulk_variant& v) {
        bulk_scenario s(v);
        s.begin();
        run_to_end(s);

        check_end(s, v);
        CHECK_FALSE(s.error);
        CHECK(s.summary.failed == 2);
        CHECK(s.summary.skipped == 1);
        CHECK(s.summary.confirmed == 1);
        CHECK(s.summary.retried >= 3);
        CHECK(count_steps(v) > 30);
    });
}

TEST_CASE("bulk_sweep failing_at_every_step")
{
    for (const bool hard : {false, true})
        sweep([hard](bulk_scenario& s) { s.break_all(hard); }, check_end);
}

TEST_CASE("bulk_sweep cancelling_at_every_step")
{
    for (const auto type :
         {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
        CAPTURE(static_cast<unsigned>(type));
        sweep(
            [type](bulk_scenario& s) {
                const bool under_way = s.ended == 0;
                s.cancel.emit(type);
                s.r.sim.poll();
                if (under_way && type != cancellation_type::total) CHECK(s.r.stats().busy_connections == 0);
            },
            [](bulk_scenario& s, const bulk_variant& v) {
                check_end(s, v);
                CHECK((!s.error || s.error == errc::cancelled));
            });
    }
}

TEST_CASE("bulk_sweep deadlines_pass_at_every_step")
{
    sweep([](bulk_scenario& s) { s.r.sim.advance(1h); }, check_end);
}

TEST_CASE("bulk_sweep draining_at_every_step")
{
    sweep([](bulk_scenario& s) { s.r.drain(); },
          [](bulk_scenario& s, const bulk_variant& v) {
              check_end(s, v);
              CHECK((!s.error || s.error == errc::draining));
              CHECK(s.r.calls().front().done());
          });
}

TEST_CASE("bulk_sweep client_destroyed_at_every_step")
{
    sweep(
        [](bulk_scenario& s) {
            s.r.stop();
            s.poke();
        },
        [](bulk_scenario& s, const bulk_variant& v) {
            check_end(s, v);
            CHECK((!s.error || s.error == errc::shutting_down));
        });
}

TEST_CASE("bulk_sweep context_destroyed_at_every_step")
{
    sweep(
        [](bulk_scenario& s) {
            s.r.abandon();
            s.r.forget_engine();
            s.r.sim.destroy_io();
        },
        [](bulk_scenario& s, const bulk_variant& v) {
            CHECK(s.ended <= 1);
            CHECK(s.watch.expired());
            check_results(s, v);
        });
}

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

// Row 61.
TEST_CASE("bulk_sweep every_allocation_fails_once")
{
    each_variant([](const bulk_variant& v) {
        for (const std::size_t more : {0U, 1U, 7U}) {
            if (v.awaited && more > 0) continue; // Asio's coroutines end the process then
            std::size_t failures = 0;
            for (std::size_t n = 1;; ++n) {
                CAPTURE(more);
                CAPTURE(n);
                bulk_scenario s(v);
                allocation_gate::fail_at(n, more);
                s.begin();
                run_to_end(s);
                const std::size_t failed = allocation_gate::failed();
                allocation_gate::never_fail();
                failures += failed;

                CHECK(s.ended <= (s.threw ? 0 : 1));
                // Lost only where an exception told of it.
                if (s.ended == 0 && !s.threw) CHECK(s.thrown > 0);
                check_results(s, v);
                // An awaitable sink that could not be begun threw, as far as the run can tell.
                const std::size_t not_begun =
                    v.awaited && s.ended == 1 ? s.summary.operations - s.results.size() : 0;
                CHECK(not_begun <= failed);
                if (not_begun > 0) CHECK(s.error == errc::resource_exhausted);
                if (s.ended == 1 && not_begun == 0) check_summary(s);
                s.r.sim.wake_early(); // for an alarm that could not be set
                s.r.sim.poll();
                check_rest(s);
                if (failed == 0) break;
                REQUIRE(n < 10'000);
            }
            CHECK(failures > 50);
        }
    });
}

#endif
