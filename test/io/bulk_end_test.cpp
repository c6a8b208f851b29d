// SPDX-License-Identifier: BSL-1.0

// How bulk runs end, and what they tell then; what callbacks may do.

#include "support/bulk_rig.hpp"
#include "support/retrying.hpp"
#include "support/scratch_folder.hpp"

#include <watchers/rooms/journal.hpp>

#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;

namespace {

std::vector<operation> gets(std::size_t n)
{
    std::vector<operation> all;
    for (std::size_t i = 0; i < n; ++i)
        all.push_back(operation::get("room-" + std::to_string(i)));
    return all;
}

const journal::digest manifest{};

} // namespace

TEST_CASE("bulk_end the_option_at_fault_is_named")
{
    scratch_folder files;
    journal j(files.file(0), manifest);
    const auto fault = [](const std::function<void(bulk_options&)>& spoil) {
        bulk_rig b;
        bulk_options o;
        diagnostics d;
        o.diagnostics = &d;
        spoil(o);
        b.start(gets(3), o);
        b.r.sim.poll();
        CHECK(b.ended == 1);
        CHECK(b.error == errc::invalid_argument);
        CHECK(b.results.empty());
        CHECK(d.message() == check(o));
        return d.message().substr(0, d.message().find(':'));
    };

    CHECK(fault([](bulk_options& o) { o.max_in_flight = 65'536; }) == "max_in_flight");
    CHECK(fault([](bulk_options& o) { o.window = 0; }) == "window");
    CHECK(fault([](bulk_options& o) { o.window = 1001; }) == "window");
    CHECK(fault([](bulk_options& o) { o.timeout = 0ms; }) == "timeout");
    CHECK(fault([](bulk_options& o) { o.attempt_timeout = 0ms; }) == "attempt_timeout");
    CHECK(fault([](bulk_options& o) { o.progress_interval = -1ms; }) == "progress_interval");
    CHECK(fault([&](bulk_options& o) { o.journal = &j, o.skip_after_failure = false; }) ==
          "skip_after_failure");
}

TEST_CASE("bulk_end a_fatal_answer_is_told")
{
    for (const auto& [status, expected] :
         {std::pair("401 Unauthorized", errc::unauthorized), std::pair("403 Forbidden", errc::forbidden)}) {
        CAPTURE(status);
        bulk_rig b(with_connections(1));
        diagnostics d;
        bulk_options o;
        o.diagnostics = &d;
        o.stop_on = bulk_stop::never();
        b.start(gets(50), o);
        b.serve_all([&](const std::string&) { return answer(status, R"({"message":"not you"})"); });

        CHECK(b.error == expected);
        CHECK(b.served.size() == 1);
        CHECK(b.summary.failed == 1);
        CHECK(d.message() == "not you");
        CHECK(d.http_status() == (expected == errc::forbidden ? 403 : 401));
    }
}

TEST_CASE("bulk_end a_401_is_got_over_by_other_credentials")
{
    config c = retrying(2);
    std::vector<credential_reply> questions;
    c.credential_provider = [&](credential_reply q) { questions.push_back(std::move(q)); };
    bulk_rig b(c);
    b.start(gets(20));
    b.serve_all([n = 0](const std::string&) mutable { return ++n <= 2 ? unauthorized() : ok(); });
    REQUIRE(questions.size() == 1);
    questions.front()(credentials("KEY-2", "TOKEN-2"));
    b.r.sim.poll();
    b.serve_all();

    CHECK_FALSE(b.error);
    CHECK(b.summary.all_succeeded());
    CHECK(b.summary.retried == 2);
}

TEST_CASE("bulk_end what_callbacks_throw_is_told")
{
    bulk_rig b(with_connections(2));
    diagnostics d;
    bulk_options o;
    o.diagnostics = &d;
    SUBCASE("source")
    {
        b.start([]() -> std::optional<operation> { throw std::runtime_error("line 7: no such kind"); }, o);
    }
    SUBCASE("sink")
    {
        b.start(gets(5), [](const bulk_result&) { throw std::runtime_error("line 7: no such kind"); }, o);
    }
    SUBCASE("progress")
    {
        o.progress_interval = 0ms;
        o.on_progress = [](const bulk_progress&) { throw std::runtime_error("line 7: no such kind"); };
        b.start(gets(5), o);
    }
    b.serve_all();
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::callback_failed);
    CHECK(d.message() == "line 7: no such kind");
}

TEST_CASE("bulk_end the_sink_may_destroy_the_client")
{
    bulk_rig b(with_connections(2));
    b.start(gets(50), [&](bulk_result&& r) {
        b.results.push_back(std::move(r));
        b.r.stop();
    });
    b.serve_all();
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::shutting_down);
    CHECK(b.summary.succeeded == 1);
    CHECK(b.summary.operations == b.results.size());
}

TEST_CASE("bulk_end the_sink_may_begin_another_run")
{
    bulk_rig b(with_connections(2));
    int inner_ended = 0;
    std::uint64_t inner = 0;
    b.start(gets(10), [&](bulk_result&& r) {
        b.results.push_back(std::move(r));
        if (b.results.size() != 3) return;
        b.r.start_bulk(detail::make_bulk_source(gets(7)),
                       detail::make_bulk_sink([&](const bulk_result&) { ++inner; }), {},
                       [&](error_code ec, const bulk_summary&) { inner_ended += ec ? 100 : 1; });
    });
    b.serve_all();
    while (!b.pending().empty()) {
        b.answer(*b.pending().front(), ok());
        b.settle();
    }

    CHECK(b.ended == 1);
    CHECK(b.summary.succeeded == 10);
    CHECK(inner_ended == 1);
    CHECK(inner == 7);
}

TEST_CASE("bulk_end a_slow_first_operation_holds_the_window_only")
{
    bulk_rig b(with_connections(4));
    bulk_options o;
    o.max_in_flight = 4;
    o.window = 3;
    o.in_order = true;
    std::size_t pulled = 0;
    b.start(
        [&]() -> std::optional<operation> {
            return pulled == 100 ? std::nullopt
                                 : std::optional(operation::get("room-" + std::to_string(pulled++)));
        },
        o);
    b.settle();
    const auto others = [&] {
        auto all = b.pending();
        std::erase_if(all, [](auto* t) { return gist(t->requests().back()) == "get room-0"; });
        return all;
    };
    for (auto waiting = others(); !waiting.empty(); waiting = others()) {
        b.answer(*waiting.front(), ok());
        b.settle();
    }

    CHECK(pulled == 12);
    CHECK(b.results.empty());
    b.serve_all();
    CHECK(b.ended == 1);
    CHECK(b.results.size() == 100);
}

TEST_CASE("bulk_end the_limit_falls_and_rises")
{
    bulk_rig b(with_connections(20));
    bulk_monitor monitor;
    bulk_options o;
    o.max_in_flight = 20;
    o.monitor = monitor;
    o.retry = retry_policy::none();
    o.skip_after_failure = false;
    b.start(gets(5000), o);
    b.settle();
    const auto serve = [&](int n, const std::string& reply) {
        for (int i = 0; i < n; ++i) {
            const auto waiting = b.pending();
            if (waiting.empty()) return;
            b.answer(*waiting.front(), reply);
            b.settle();
        }
    };

    serve(100, unavailable());
    const std::size_t low = monitor.progress().limit;
    CHECK(low <= 4);
    CHECK(b.pending().size() <= low);
    serve(1000, ok());
    CHECK(monitor.progress().limit == 20);
    CHECK(b.pending().size() == 20);
}

TEST_CASE("bulk_end what_waits_in_callbacks_is_cancelled")
{
    const auto never = []() -> boost::asio::awaitable<void> {
        boost::asio::steady_timer t(co_await boost::asio::this_coro::executor);
        t.expires_at(boost::asio::steady_timer::time_point::max());
        co_await t.async_wait(boost::asio::use_awaitable);
    };
    for (const bool in_sink : {true, false}) {
        for (const bool by_client : {true, false}) {
            CAPTURE(in_sink);
            CAPTURE(by_client);
            bulk_rig b;
            if (in_sink)
                b.start(gets(3), [&](bulk_result) { return never(); });
            else
                b.start(
                    [&]() -> boost::asio::awaitable<std::optional<operation>> {
                        co_await never();
                        co_return std::nullopt;
                    },
                    [](const bulk_result&) {});
            b.serve_all();
            CHECK(b.ended == 0);

            if (by_client)
                b.r.stop();
            else
                b.cancel.emit(boost::asio::cancellation_type::terminal);
            b.r.sim.poll();

            CHECK(b.ended == 1);
            CHECK(b.error == (by_client ? errc::shutting_down : errc::cancelled));
            CHECK(b.summary.operations == (in_sink ? 3 : 0));
        }
    }
}

TEST_CASE("bulk_end operations_that_were_not_begun_tell_why")
{
    bulk_rig b(with_connections(1));
    bulk_options o;
    o.max_in_flight = 1;
    b.start(gets(5), o);
    b.serve_all([](const std::string&) { return answer("403 Forbidden", ""); });

    REQUIRE(b.results.size() > 1);
    for (const bulk_result& r : b.results) {
        if (r.index == 0) continue;
        CHECK(r.error == errc::stopped);
        CHECK(r.diagnostics.last_failure() == errc::forbidden);
        CHECK(r.diagnostics.effect() == effect::none);
    }
}

TEST_CASE("bulk_end an_outage_is_outlasted_and_burns_nothing")
{
    // By default: nothing can be connected for two minutes.
    bulk_rig b(with_connections(4));
    b.r.sim.next_random = ~std::uint64_t(0); // the longest waits
    b.start(gets(200));
    b.r.sim.poll();
    for (int i = 0; i < 1200; ++i) {
        if (b.r.sim.resolving()) b.r.sim.resolved();
        for (std::size_t t = 0; t < b.r.sim.transports(); ++t)
            if (b.r.transport(t).at() == scripted_transport::stage::connecting)
                b.r.transport(t).connected(boost::asio::error::connection_refused);
        b.r.sim.advance(100ms);
    }
    CHECK(b.results.empty());

    for (int i = 0; i < 300 && b.ended == 0; ++i) {
        b.serve_all();
        b.r.sim.advance(100ms);
    }

    CHECK_FALSE(b.error);
    CHECK(b.summary.all_succeeded());
    CHECK(b.summary.operations == 200);
}

TEST_CASE("bulk_end a_monitor_begins_anew_with_each_run")
{
    bulk_monitor monitor;
    for (int i = 0; i < 2; ++i) {
        bulk_rig b(with_connections(2));
        bulk_options o;
        o.monitor = monitor;
        b.start(gets(5), o);
        b.serve_all();
        CHECK(monitor.progress().done == 5);
        CHECK(monitor.progress().in_flight == 0);
    }
}
