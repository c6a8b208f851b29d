// SPDX-License-Identifier: BSL-1.0

// Bulk runs: what is sent when, what the sink gets, and how a run ends.

#include "support/bulk_rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;

namespace {

std::vector<operation> gets(std::size_t n, std::size_t rooms)
{
    std::vector<operation> all;
    for (std::size_t i = 0; i < n; ++i)
        all.push_back(operation::get("room-" + std::to_string(i % rooms)));
    return all;
}

bulk_options in_flight(std::size_t n)
{
    bulk_options o;
    o.max_in_flight = n;
    o.timeout.reset();
    o.retry.reset();
    return o;
}

std::vector<std::string> gists(const std::vector<std::string>& requests)
{
    std::vector<std::string> all;
    for (const std::string& r : requests)
        all.push_back(gist(r));
    return all;
}

std::vector<std::uint64_t> indices(const std::vector<bulk_result>& results)
{
    std::vector<std::uint64_t> all;
    for (const bulk_result& r : results)
        all.push_back(r.index);
    return all;
}

} // namespace

TEST_CASE("bulk_gives_one_result_for_each_operation")
{
    bulk_rig b(with_connections(8));

    b.start(gets(200, 200), in_flight(4));
    b.serve_all();

    CHECK(b.ended == 1);
    CHECK_FALSE(b.error);
    CHECK(b.most_at_once == 4);
    REQUIRE(b.results.size() == 200);
    auto seen = indices(b.results);
    std::sort(seen.begin(), seen.end());
    for (std::size_t i = 0; i < seen.size(); ++i)
        CHECK(seen[i] == i);
    CHECK(b.summary.operations == 200);
    CHECK(b.summary.all_succeeded());
    CHECK(b.r.stats().calls == 0);
    CHECK(b.r.sim.breaches() == "");
}

TEST_CASE("bulk_of_nothing_ends")
{
    bulk_rig b;

    b.start(std::vector<operation>());
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK_FALSE(b.error);
    CHECK(b.summary.operations == 0);
}

TEST_CASE("bulk_refuses_options_out_of_range")
{
    bulk_rig b;
    bulk_options o;
    o.window = 0;

    b.start(gets(3, 3), o);
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::invalid_argument);
    CHECK(b.results.empty());
}

TEST_CASE("bulk_keeps_the_order_within_a_room")
{
    bulk_rig b(with_connections(8));
    std::vector<operation> all;
    for (int i = 0; i < 40; ++i) {
        const std::string id(1, static_cast<char>('a' + i % 4));
        all.push_back(operation::set_status(id, i % 8 < 4 ? room_status::live : room_status::ended));
        all.push_back(operation::get(id));
    }

    b.start(all, in_flight(8));
    b.serve_all();

    CHECK(b.most_at_once == 4); // of each room one
    for (const char id : {'a', 'b', 'c', 'd'}) {
        std::vector<std::string> of_room;
        for (const std::string& g : gists(b.served))
            if (g.find(std::string(" ") + id) != std::string::npos) of_room.push_back(g);
        REQUIRE(of_room.size() == 20);
        for (std::size_t i = 0; i < of_room.size(); i += 2) {
            CHECK(of_room[i] == std::string("status ") + id + (i % 4 == 0 ? " LIVE" : " ENDED"));
            CHECK(of_room[i + 1] == std::string("get ") + id);
        }
    }
}

TEST_CASE("bulk_skips_what_follows_a_failure_in_the_same_room")
{
    for (const bool skip : {true, false}) {
        CAPTURE(skip);
        bulk_rig b(with_connections(4));
        bulk_options o = in_flight(4);
        o.skip_after_failure = skip;
        std::vector<operation> all;
        for (int i = 0; i < 3; ++i)
            for (const char* id : {"good", "bad"})
                all.push_back(operation::set_voice(id, true));

        b.start(all, o);
        b.serve_all([](const std::string& request) {
            return gist(request) == "voice bad true" ? answer("400 Bad Request", "") : ok();
        });

        CHECK_FALSE(b.error);
        CHECK(b.summary.succeeded == 3);
        CHECK(b.summary.failed == (skip ? 1 : 3));
        CHECK(b.summary.skipped == (skip ? 2 : 0));
        for (const bulk_result& r : b.results) {
            if (r.operation.room_id() == "good") {
                CHECK_FALSE(r.error);
            } else if (r.index == 1 || !skip) {
                CHECK(r.error == errc::bad_request);
            } else {
                CHECK(r.error == errc::skipped_after_failure);
                CHECK(r.diagnostics.effect() == effect::none);
                CHECK(r.diagnostics.attempts() == 0);
            }
        }
    }
}

TEST_CASE("bulk_pulls_no_more_than_its_window")
{
    bulk_rig b(with_connections(2));
    bulk_options o = in_flight(2);
    o.window = 4;
    std::size_t pulled = 0;

    b.start(
        [&]() -> std::optional<operation> {
            ++pulled;
            return operation::get("one"); // all of one room: one at a time
        },
        [&b](bulk_result&& r) { b.results.push_back(std::move(r)); }, o);
    b.settle();

    CHECK(pulled == 8);
    b.answer(*b.pending().front(), ok());
    CHECK(b.results.size() == 1);
    CHECK(pulled == 9);
}

TEST_CASE("bulk_delivers_in_order_when_asked")
{
    bulk_rig b(with_connections(4));
    bulk_options o = in_flight(4);
    o.in_order = true;
    o.window = 2;

    b.start(gets(20, 20), o);
    b.settle();
    while (b.ended == 0) { // the oldest is always answered last
        auto waiting = b.pending();
        std::sort(waiting.begin(), waiting.end(), [](auto* x, auto* y) {
            return gist(x->requests().back()).size() != gist(y->requests().back()).size()
                       ? gist(x->requests().back()).size() > gist(y->requests().back()).size()
                       : gist(x->requests().back()) > gist(y->requests().back());
        });
        REQUIRE_FALSE(waiting.empty());
        b.answer(*waiting.front(), ok());
        b.settle();
    }

    REQUIRE(b.results.size() == 20);
    for (std::size_t i = 0; i < 20; ++i)
        CHECK(b.results[i].index == i);
}

TEST_CASE("bulk_stops_at_the_first_failure")
{
    bulk_rig b(with_connections(2));
    bulk_options o = in_flight(2);
    o.stop_on = bulk_stop::first_failure();
    o.window = 2;

    b.start(gets(100, 100), o);
    b.serve_all(
        [n = 0](const std::string&) mutable { return ++n == 5 ? answer("404 Not Found", "") : ok(); });

    CHECK(b.ended == 1);
    CHECK(b.error == errc::stopped);
    CHECK(b.summary.failed == 1);
    CHECK(b.summary.stopped > 0);
    CHECK(b.summary.operations < 15);
    CHECK(b.results.size() == b.summary.operations);
    CHECK(b.summary.operations == b.summary.succeeded + b.summary.failed + b.summary.stopped);
}

TEST_CASE("bulk_stops_above_a_ratio_of_failures")
{
    bulk_rig b(with_connections(1));
    bulk_options o = in_flight(1);
    o.stop_on = bulk_stop::above(0.25, 10);

    b.start(gets(100, 100), o);
    b.serve_all(
        [n = 0](const std::string&) mutable { return ++n % 3 == 0 ? answer("404 Not Found", "") : ok(); });

    CHECK(b.error == errc::stopped);
    CHECK(b.summary.failed == 3); // of ten: the third is the ninth
    CHECK(b.summary.succeeded == 7);
}

TEST_CASE("bulk_stops_when_nothing_else_can_succeed")
{
    for (const auto& [status, expected] :
         {std::pair("401 Unauthorized", errc::unauthorized), std::pair("403 Forbidden", errc::forbidden)}) {
        CAPTURE(status);
        bulk_rig b(with_connections(2));
        b.start(gets(100, 100), in_flight(2));
        b.serve_all([&](const std::string&) { return answer(status, ""); });

        CHECK(b.ended == 1);
        CHECK(b.error == expected);
        CHECK(b.served.size() == 2);
    }
}

TEST_CASE("bulk_total_cancellation_lets_those_under_way_end")
{
    bulk_rig b(with_connections(3));
    b.start(gets(100, 100), in_flight(3));
    b.settle();

    b.cancel.emit(boost::asio::cancellation_type::total);
    b.r.sim.poll();

    CHECK(b.ended == 0);
    CHECK(b.pending().size() == 3);
    b.serve_all();
    CHECK(b.ended == 1);
    CHECK(b.error == errc::cancelled);
    CHECK(b.summary.succeeded == 3);
    CHECK(b.summary.stopped == b.summary.operations - 3);
}

TEST_CASE("bulk_terminal_cancellation_cancels_those_under_way")
{
    bulk_rig b(with_connections(3));
    std::vector<operation> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(operation::set_voice("room-" + std::to_string(i), true));
    b.start(all, in_flight(3));
    b.settle();

    b.cancel.emit(boost::asio::cancellation_type::terminal);
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::cancelled);
    CHECK(b.summary.failed == 3);
    CHECK(b.summary.unknown == 3);
    CHECK(std::count_if(b.results.begin(), b.results.end(),
                        [](const bulk_result& r) { return r.error == errc::cancelled; }) == 3);
}

TEST_CASE("bulk_ends_when_the_client_is_destroyed")
{
    bulk_rig b(with_connections(3));
    b.start(gets(100, 100), in_flight(3));
    b.settle();

    b.r.stop();
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::shutting_down);
}

TEST_CASE("bulk_is_destroyed_with_its_context")
{
    bulk_rig b(with_connections(3));
    auto alive = std::make_shared<int>();
    const std::weak_ptr<int> watch = alive;
    b.start(gets(100, 100), [alive = std::move(alive)](const bulk_result&) {}, in_flight(3));
    b.settle();

    b.r.abandon();
    b.r.forget_engine();
    b.r.sim.destroy_io();

    CHECK(b.ended == 0);
    CHECK(watch.expired());
}

TEST_CASE("bulk_serves_single_calls_first")
{
    bulk_rig b(with_connections(2));
    b.start(gets(50, 50), in_flight(10));
    b.settle();
    const call_record& single = b.r.get("single");

    b.answer(*b.pending().front(), ok());
    b.settle();

    const auto waiting = b.pending();
    CHECK(std::any_of(waiting.begin(), waiting.end(),
                      [](auto* t) { return gist(t->requests().back()) == "get single"; }));
    b.serve_all();
    CHECK(single.done());
    CHECK(b.ended == 1);
}

TEST_CASE("bulk_adapts_to_overload")
{
    bulk_rig b(with_connections(20));
    bulk_monitor monitor;
    bulk_options o = in_flight(20);
    o.monitor = monitor;
    b.start(gets(1000, 1000), o);
    b.settle();
    CHECK(monitor.progress().limit == 20);

    b.answer(*b.pending().front(), answer("503 Service Unavailable", ""));
    b.settle();
    CHECK(monitor.progress().limit == 14);
    for (int i = 0; i < 5; ++i) // begun before: nothing new
        b.answer(*b.pending().front(), answer("503 Service Unavailable", ""));
    CHECK(monitor.progress().limit == 14);
    CHECK(b.pending().size() == 14);

    for (int i = 0; i < 15; ++i) {
        b.answer(*b.pending().front(), ok());
        b.settle();
    }
    CHECK(monitor.progress().limit == 15);
}

TEST_CASE("bulk_monitor_tells_the_progress")
{
    config c = with_connections(2);
    c.attempt_timeout = c.timeout = 1h;
    std::vector<std::uint64_t> told;
    bulk_rig b(c);
    bulk_monitor monitor;
    bulk_options o = in_flight(2);
    o.monitor = monitor;
    o.progress_interval = 10s;
    o.on_progress = [&](const bulk_progress& p) { told.push_back(p.done); };
    b.start(gets(10, 10), o);
    b.settle();

    for (int i = 0; i < 5; ++i) {
        b.r.sim.advance(5s);
        b.answer(*b.pending().front(), ok());
        b.settle();
    }

    const bulk_progress p = monitor.progress();
    CHECK(p.done == 5);
    CHECK(p.in_flight == 2);
    CHECK(p.total == 10U);
    CHECK(p.elapsed == 25s);
    CHECK(p.rate() == doctest::Approx(0.2));
    CHECK(p.remaining() == 25s);
    CHECK(told == std::vector<std::uint64_t>{1, 3});

    SUBCASE("while nothing moves on")
    {
        b.r.sim.advance(60s);
        CHECK(told == std::vector<std::uint64_t>{1, 3, 5, 5, 5, 5, 5, 5});
        CHECK(monitor.progress().elapsed == 80s);
    }
    SUBCASE("at the end")
    {
        while (!b.pending().empty()) {
            b.answer(*b.pending().front(), ok());
            b.settle();
        }
        CHECK(told == std::vector<std::uint64_t>{1, 3, 10});
        b.r.sim.advance(60s);
        CHECK(told.size() == 3);
    }
}

TEST_CASE("bulk_source_that_throws_stops_the_run")
{
    bulk_rig b;
    b.start(
        [n = 0]() mutable -> std::optional<operation> {
            if (n++ == 3) throw std::runtime_error("no more");
            return operation::get("room-" + std::to_string(n));
        },
        in_flight(2));
    b.serve_all();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::callback_failed);
    CHECK(b.results.size() == 3);
}

TEST_CASE("bulk_sink_that_throws_stops_the_run")
{
    bulk_rig b;
    int calls = 0;
    b.start(
        gets(20, 20),
        [&](const bulk_result&) {
            if (++calls == 2) throw boost::system::system_error(errc::conflict);
        },
        in_flight(2));
    b.serve_all();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::conflict);
    CHECK(static_cast<std::uint64_t>(calls) == b.summary.operations);
}

TEST_CASE("bulk_awaits_source_and_sink")
{
    bulk_rig b(with_connections(2));
    boost::asio::steady_timer never(b.r.sim.io());
    never.expires_at(boost::asio::steady_timer::time_point::max());
    bool hold = true;
    int pulled = 0;
    int delivered = 0;
    bulk_options o = in_flight(2);
    o.window = 1;
    b.start(
        [&]() -> boost::asio::awaitable<std::optional<operation>> {
            if (pulled == 10) co_return std::nullopt;
            co_return operation::get("room-" + std::to_string(pulled++));
        },
        [&](bulk_result) -> boost::asio::awaitable<void> {
            ++delivered;
            if (!hold) co_return;
            error_code ec;
            co_await never.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        },
        o);
    b.serve_all();

    CHECK(delivered == 1); // and while it takes its time, no more is pulled than the window holds
    CHECK(pulled == 2);
    hold = false;
    never.cancel();
    b.serve_all();
    CHECK(b.ended == 1);
    CHECK_FALSE(b.error);
    CHECK(delivered == 10);
}
