// SPDX-License-Identifier: BSL-1.0

// Calls from several threads, the executors of handlers, and the number of connections.

#include "modes.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

using namespace net;
using rooms::errc;
using rooms::error_code;
using sandbox::fault;

// Credentials

TEST_CASE("credentials_are_replaced_on_a_running_client")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m); // speaks as the vendor
        const auto call = [&] {
            outcome o;
            r.io->restart();
            r.client->async_get_room("none", o.handler());
            r.io->run();
            return o.error;
        };
        CHECK(call() == errc::not_found);
        r.server.set_credentials("new key", "new-token");
        CHECK(call() == errc::unknown_project);
        CHECK_THROWS_AS(r.client->set_credentials(rooms::credentials("a\r\nb", "c")), rooms::error);
        CHECK_THROWS_AS(r.client->set_credentials(rooms::credentials("", "c")), rooms::error);
        r.client->set_credentials(rooms::credentials("new key", "sandbox"));
        CHECK(call() == errc::forbidden);
        r.client->set_credentials(rooms::credentials("new key", "new-token"));
        CHECK(call() == errc::not_found);
        r.client->set_credentials(rooms::credentials("other key", "new-token"));
        CHECK(call() == errc::unknown_project);
        CHECK(r.server.counters().connections_accepted == 1);
    }
}

// Threads

namespace {

class threads
{
public:
    threads(asio::io_context& io, int count)
    {
        for (int i = 0; i < count; ++i)
            all_.emplace_back([&io] { io.run(); });
    }
    ~threads() { join(); }
    void join()
    {
        for (std::thread& t : all_)
            if (t.joinable()) t.join();
    }

private:
    std::vector<std::thread> all_;
};

asio::awaitable<void> twenty_rounds(rooms::client& c, int number, std::atomic<int>& good)
{
    const std::string id = "room " + std::to_string(number);
    for (int i = 0; i < 5; ++i) {
        co_await c.async_create_room(rooms::new_room(id, "Room", "About"));
        co_await c.async_set_voice(id, true);
        const rooms::room r = co_await c.async_get_room(id);
        if (r.voice() == true) ++good;
        co_await c.async_delete_room(id);
    }
}

asio::awaitable<void> cut_short(rooms::client& c, std::atomic<int>& good)
{
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < 10; ++i) {
        timer.expires_after(std::chrono::milliseconds(1 + i));
        const auto raced = co_await (c.async_get_room("slow") || timer.async_wait(asio::use_awaitable));
        if (raced.index() == 1) ++good;
    }
}

// Reads the figures without a pause, on a thread of its own.
class stats_reader
{
public:
    explicit stats_reader(const rooms::client& c, std::size_t bound)
        : thread_([this, &c, bound] {
            while (!stop_) {
                const rooms::stats s = c.stats();
                if (s.open_connections + s.opening_connections > 2 * bound)
                    sound_ = false; // not of one instant
                std::this_thread::yield();
            }
        })
    {}
    ~stats_reader() { stop(); }
    bool sound()
    {
        stop();
        return sound_;
    }

private:
    void stop()
    {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }

    std::atomic<bool> stop_ = false;
    std::atomic<bool> sound_ = true;
    std::thread thread_;
};

} // namespace

TEST_CASE("threads_a_pool_runs_64_calls_at_a_time")
{
    sandbox::server server(sandbox::options().threads(2));
    rooms::config c = net::config_for(server);
    c.max_connections = 16;
    asio::thread_pool pool(4);
    rooms::client client(pool.get_executor(), c);
    stats_reader reader(client, c.max_connections);
    std::atomic<int> good = 0;
    std::atomic<int> ended = 0;
    for (int i = 0; i < 64; ++i)
        asio::co_spawn(pool, twenty_rounds(client, i, good),
                       [&](const std::exception_ptr& e) { ended += !e; });

    pool.join();

    CHECK(ended == 64);
    CHECK(good == 64 * 5);
    CHECK(reader.sound());
    CHECK(client.stats().requests == 64 * 20);
    CHECK(server.room_count() == 0);
    CHECK(server.counters().connections_accepted <= 16);
}

TEST_CASE("fault_73_an_io_context_run_by_four_threads_with_the_default_configuration")
{
    sandbox::server server(sandbox::options().threads(2));
    rooms::config c = config_for(server, mode::strand_inside);
    c.max_connections = 16;
    asio::io_context io;
    rooms::client client(io.get_executor(), c);
    std::atomic<int> good = 0;
    std::atomic<int> ended = 0;
    for (int i = 0; i < 64; ++i)
        asio::co_spawn(io, twenty_rounds(client, i, good), [&](const std::exception_ptr& e) { ended += !e; });

    threads(io, 4).join(); // returns although connections are idle

    CHECK(ended == 64);
    CHECK(good == 64 * 5);
    CHECK(client.stats().requests == 64 * 20);
    CHECK(server.room_count() == 0);
}

TEST_CASE("threads_calls_are_begun_and_cancelled_from_outside")
{
    sandbox::server server;
    server.inject(fault::stall().room("stalled").always());
    rooms::config c = net::config_for(server);
    c.max_connections = 8;
    asio::thread_pool pool(3);
    {
        rooms::client client(pool.get_executor(), c);
        constexpr std::size_t count = 40;
        std::array<asio::cancellation_signal, count> signals;
        std::array<std::promise<error_code>, count> results;
        for (std::size_t i = 0; i < count; ++i) {
            client.async_set_voice(
                "stalled", true,
                asio::bind_cancellation_slot(
                    signals[i].slot(), [&, i](error_code ec, rooms::room) { results[i].set_value(ec); }));
            if (i % 2 == 0)
                signals[i].emit(asio::cancellation_type::terminal); // at once, while it is being begun
        }
        CHECK(server.wait([](const auto& v) { return v.requests(sandbox::operation::voice) >= 8; }));
        for (std::size_t i = 1; i < count; i += 2)
            signals[i].emit(asio::cancellation_type::terminal);
        std::size_t cancelled = 0;
        for (auto& r : results)
            cancelled += r.get_future().get() == errc::cancelled;
        CHECK(cancelled == count);
        CHECK(client.stats().calls == 0);
    }
    pool.join();
}

TEST_CASE("threads_a_timer_wins_against_a_stalled_call")
{
    sandbox::server server;
    server.inject(fault::stall().room("slow").always());
    asio::thread_pool pool(4);
    rooms::client client(pool.get_executor(), net::config_for(server));
    std::atomic<int> good = 0;
    std::vector<std::future<void>> ended;
    for (int i = 0; i < 8; ++i)
        ended.push_back(asio::co_spawn(asio::make_strand(pool), cut_short(client, good), asio::use_future));
    for (auto& e : ended)
        e.get();
    CHECK(good == 80);
    CHECK(client.stats().calls == 0);
    pool.join();
}

TEST_CASE("threads_a_client_is_destroyed_from_outside_while_a_pool_runs_it")
{
    for (int round = 0; round < 10; ++round) {
        sandbox::server server;
        server.put(sandbox::stored_room("r"));
        asio::thread_pool pool(3);
        std::atomic<int> ended = 0;
        std::atomic<int> odd = 0;
        {
            rooms::client client(pool.get_executor(), net::config_for(server));
            for (int i = 0; i < 32; ++i)
                client.async_get_room("r", [&](error_code ec, const rooms::room&) {
                    ++ended;
                    if (ec && ec != errc::shutting_down) ++odd;
                });
            if (round % 2 == 1)
                CHECK(server.wait([](const auto& c) { return c.requests(sandbox::operation::get) > 0; }));
        }
        pool.join();
        CHECK(ended == 32);
        CHECK(odd == 0);
    }
}

TEST_CASE("threads_credentials_are_replaced_from_outside")
{
    sandbox::server server;
    asio::thread_pool pool(3);
    rooms::client client(pool.get_executor(), net::config_for(server));
    std::atomic<int> ended = 0;
    for (int i = 0; i < 100; ++i) {
        client.async_get_room("none",
                              [&](error_code ec, const rooms::room&) { ended += ec == errc::not_found; });
        client.set_credentials(rooms::credentials("sandbox", "sandbox"));
    }
    pool.join();
    CHECK(ended == 100);
}

// The pool of connections

TEST_CASE("pool_opens_no_more_than_its_bound_and_serves_all")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        c.max_connections = 4;
        c.threading = rooms::threading::single; // calls wait as soon as they are begun
    });
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::delay(2ms).always());
    constexpr int count = 60;
    int good = 0;
    for (int i = 0; i < count; ++i)
        r.client().async_get_room("r", [&](error_code ec, const rooms::room&) {
            good += !ec;
            CHECK(r.client().stats().open_connections <= 4);
        });
    CHECK(r.client().stats().waiting_calls == count);
    r.io.run();
    CHECK(good == count);
    CHECK(r.server.counters().connections_accepted == 4);
    CHECK(r.client().stats().idle_connections == 4);
    CHECK(r.client().stats().bytes_written == r.server.counters().bytes_received);
    const auto read = r.client().stats().bytes_read;
    CHECK(r.server.wait([&](const sandbox::counter_values& c) { return c.bytes_sent == read; }));
}

TEST_CASE("pool_keeps_no_idle_connection_when_told_so")
{
    rig r(sandbox::options(), [](rooms::config& c) { c.idle_timeout = 0ms; });
    REQUIRE(!r.call<create_room>().error);
    CHECK(r.client().stats().open_connections == 0);
    REQUIRE(!r.call<get_room>().error);
    CHECK(r.server.counters().connections_accepted == 2);
}

TEST_CASE("pool_closes_connections_that_are_idle_for_too_long")
{
    rig r(sandbox::options(), [](rooms::config& c) { c.idle_timeout = 20ms; });
    REQUIRE(!r.call<create_room>().error);
    REQUIRE(r.client().stats().idle_connections == 1);
    run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
    CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
}

// The executor that a handler runs on

TEST_CASE("handler_runs_on_its_executor_a_strand")
{
    rig r;
    auto strand = asio::make_strand(r.io);
    int on_strand = 0;
    const auto count = [&](auto&&...) { on_strand += strand.running_in_this_thread(); };
    r.client().async_create_room({"r", "Room", "About"},
                                 asio::bind_executor(strand, count));  // from an answer
    r.client().async_get_room("", asio::bind_executor(strand, count)); // refused at once
    r.client().async_delete_room("none", asio::bind_executor(strand, count));
    r.io.run();
    r.client().async_drain(asio::bind_executor(strand, count));
    r.io.restart();
    r.io.run();
    CHECK(on_strand == 4);
}

TEST_CASE("handler_runs_on_its_executor_another_context_kept_busy_meanwhile")
{
    rig r;
    asio::io_context other;
    int calls = 0;
    r.client().async_create_room(
        {"r", "Room", "About"},
        asio::bind_executor(other.get_executor(), [&](error_code ec, const rooms::room&) {
            CHECK(!ec);
            CHECK(other.get_executor().running_in_this_thread());
            ++calls;
        }));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped()); // it waits for the call
    r.io.run();
    CHECK(calls == 0);
    CHECK(other.run() > 0);
    CHECK(calls == 1);
}
