// SPDX-License-Identifier: BSL-1.0

// Who may end when, and who may call from where.

#include "net.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using rooms::error_code;
using sandbox::fault;

namespace {

// The ways to run a client on an io_context.
enum class mode
{
    plain,
    strand_outside,
    strand_inside,
};

constexpr mode all_modes[] = {mode::plain, mode::strand_outside, mode::strand_inside};

asio::any_io_executor executor_for(asio::io_context& io, mode m)
{
    if (m == mode::strand_outside) return asio::make_strand(io);
    return io.get_executor();
}

rooms::config config_for(const sandbox::server& s, mode m)
{
    rooms::config c = net::config_for(s);
    if (m == mode::strand_inside) c.threading = rooms::threading::strand;
    return c;
}

// A client in one of the modes, on an io_context that can be destroyed before it.
struct moded_rig
{
    explicit moded_rig(mode m) : moded_rig(m, [](rooms::config&) {}) {}
    template <class Tweak>
    moded_rig(mode m, Tweak tweak)
    {
        rooms::config c = config_for(server, m);
        tweak(c);
        client.emplace(executor_for(*io, m), c);
    }

    sandbox::server server;
    std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
    std::optional<rooms::client> client;
};

// Says when it is destroyed, as part of a handler or a coroutine.
class witness
{
public:
    bool alive() const { return !token_.expired(); }
    std::shared_ptr<int> token()
    {
        auto t = std::make_shared<int>();
        token_ = t;
        return t;
    }

private:
    std::weak_ptr<int> token_;
};

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

} // namespace

// Run() and work

TEST_CASE("run_returns_although_a_connection_is_idle")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        outcome o;
        r.client->async_create_room({"r", "Room", "About"}, o.handler());

        r.io->run(); // a call begun before is work

        CHECK(o.completions == 1);
        CHECK(!o.error);
        CHECK(r.io->stopped());
        CHECK(r.client->stats().idle_connections == 1);
    }
}

TEST_CASE("run_again_serves_calls_on_the_same_connection")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        for (int i = 0; i < 5; ++i) {
            outcome o;
            r.io->restart();
            r.client->async_get_room("none", o.handler());
            r.io->run();
            CHECK(o.error == errc::not_found);
        }
        CHECK(r.server.counters().connections_accepted == 1);
    }
}

TEST_CASE("run_returns_after_a_call_that_failed_to_connect")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        r.server.stop();
        outcome o;
        r.client->async_get_room("r", o.handler());
        r.io->run();
        CHECK(o.error == errc::connect_failed);
    }
}

TEST_CASE("thread_pool_join_returns_although_a_connection_is_idle")
{
    const sandbox::server server;
    asio::thread_pool pool(2);
    rooms::client client(pool.get_executor(), net::config_for(server));
    const auto before = std::chrono::steady_clock::now();
    auto created = client.async_create_room({"r", "Room", "About"}, asio::use_future);
    CHECK(created.get().id() == "r");

    pool.join();

    CHECK(client.stats().idle_connections == 1);
    CHECK(std::chrono::steady_clock::now() - before < net::config_for(server).idle_timeout);
}

// The client ends

TEST_CASE("destroyed_client_ends_each_call_once")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m, [](rooms::config& c) { c.max_connections = 2; });
        r.server.inject(fault::stall().always());
        std::array<outcome, 5> calls; // two are sent, three wait
        for (outcome& o : calls)
            r.client->async_set_voice("r", true, o.diagnostics, o.handler());
        run_until(*r.io, [&] { return r.client->stats().requests == 2; });

        r.client.reset();
        r.io->restart();
        r.io->run();

        int sent = 0;
        for (const outcome& o : calls) {
            CHECK(o.completions == 1);
            CHECK(o.error == errc::shutting_down);
            CHECK(o.diagnostics.effect() == (o.diagnostics.attempts() == 1 ? effect::unknown : effect::none));
            sent += static_cast<int>(o.diagnostics.attempts());
        }
        CHECK(sent == 2);
        CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
    }
}

TEST_CASE("destroyed_client_ends_calls_that_are_being_connected")
{
    for (const mode m : all_modes) {
        for (const bool ran : {false, true}) {
            CAPTURE(static_cast<int>(m));
            CAPTURE(ran);
            moded_rig r(m);
            r.server.inject(fault::stall_handshake().always());
            outcome o;
            r.client->async_create_room({"r", "Room", "About"}, o.diagnostics, o.handler());
            if (ran) {
                while (r.io->poll_one() > 0) {
                } // as far as the handshake, to which nobody answers
                CHECK(r.server.wait([](const auto& c) { return c.connections_accepted == 1; }));
                r.io->poll();
            }
            r.client.reset();
            r.io->restart();
            r.io->run();
            CHECK(o.completions == 1);
            CHECK(o.error == errc::shutting_down);
            CHECK(o.diagnostics.effect() == effect::none);
        }
    }
}

TEST_CASE("client_is_destroyed_by_a_handler_of_its_own")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        outcome other;
        r.server.inject(fault::stall().room("stalled"));
        r.client->async_set_voice("stalled", true, other.handler());
        int calls = 0;
        r.client->async_get_room("none", [&](error_code ec, const rooms::room&) {
            CHECK(ec == errc::not_found);
            ++calls;
            r.client.reset();
        });
        r.io->run();
        CHECK(calls == 1);
        CHECK(other.completions == 1);
        CHECK(other.error == errc::shutting_down);
    }
}

TEST_CASE("moved_client_goes_on_and_an_assigned_one_ends_its_calls")
{
    rig r;
    r.server.inject(fault::stall());
    outcome stalled;
    r.client().async_set_voice("r", true, stalled.handler());
    run_until(r.io, [&] { return r.client().stats().requests == 1; });
    rooms::client moved(std::move(r.client()));
    CHECK(moved.stats().calls == 1);
    rooms::client second(r.io.get_executor(), net::config_for(r.server));

    moved = std::move(second);
    outcome o;
    moved.async_create_room({"r", "Room", "About"}, o.handler());
    r.io.restart();
    r.io.run();

    CHECK(stalled.error == errc::shutting_down);
    CHECK(stalled.completions == 1);
    CHECK(!o.error);
}

// The io_context ends

namespace {

asio::awaitable<void> own_a_client(asio::any_io_executor ex, rooms::config c, std::shared_ptr<int>,
                                   const rooms::client** seen)
{
    rooms::client client(ex, c);
    *seen = &client;
    co_await client.async_set_voice("r", true);
    CHECK(false); // never resumed
}

} // namespace

TEST_CASE("io_context_destroyed_under_a_coroutine_that_owns_its_client")
{
    for (const mode m : all_modes) {
        for (const bool sent : {false, true}) {
            CAPTURE(static_cast<int>(m));
            CAPTURE(sent);
            sandbox::server server;
            server.inject(sent ? fault::stall() : fault::stall_handshake());
            witness frame;
            int ended = 0;
            {
                asio::io_context io;
                const rooms::client* client = nullptr;
                asio::co_spawn(
                    io, own_a_client(executor_for(io, m), config_for(server, m), frame.token(), &client),
                    [&](const std::exception_ptr&) { ++ended; });
                run_until(io, [&] { return client != nullptr && (!sent || client->stats().requests == 1); });
                while (io.poll_one() > 0) {
                } // as far as the handshake, to which nobody may answer
                CHECK(server.wait([](const auto& c) { return c.connections_accepted == 1; }));
                CHECK(frame.alive());
            }
            CHECK_FALSE(frame.alive());
            CHECK(ended == 0);
            CHECK(server.wait([](const auto& c) { return c.connections_open == 0; }));
        }
    }
}

// Against the rules, but not fatal where no strand is left behind, whose destructor needs the context.
TEST_CASE("io_context_destroyed_before_the_client_drops_its_calls")
{
    moded_rig r(mode::plain, [](rooms::config& c) { c.max_connections = 1; });
    r.server.inject(fault::stall().always());
    witness sent;
    witness waiting;
    int calls = 0;
    r.client->async_set_voice("r", true, [&, t = sent.token()](error_code, const rooms::room&) { ++calls; });
    r.client->async_set_voice("r", true,
                              [&, t = waiting.token()](error_code, const rooms::room&) { ++calls; });
    run_until(*r.io, [&] { return r.client->stats().requests == 1; });

    r.io.reset();

    CHECK_FALSE(sent.alive());
    CHECK_FALSE(waiting.alive());
    CHECK(calls == 0);
    r.client.reset();
    CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
}

TEST_CASE("io_context_destroyed_with_calls_that_never_ran")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        std::array<witness, 4> lives;
        const auto never = [&](std::size_t i) {
            return [t = lives[i].token()](error_code, const auto&...) { CHECK(false); };
        };
        r.client->async_set_voice("r", true, never(0));
        r.client->async_set_voice("", true, never(1));
        r.client->async_drain(never(2));
        r.client->async_set_voice("r", true, never(3));
        r.client.reset();
        for (const witness& w : lives)
            CHECK(w.alive()); // they wait to be called
        r.io.reset();
        for (const witness& w : lives)
            CHECK_FALSE(w.alive());
    }
}

TEST_CASE("io_context_stopped_and_run_again_goes_on_where_it_was")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        r.server.inject(fault::delay(10ms));
        outcome o;
        r.client->async_create_room({"r", "Room", "About"}, o.handler());
        run_until(*r.io, [&] { return r.client->stats().requests == 1; });
        r.io->stop();
        CHECK(r.io->run() == 0);
        CHECK(o.completions == 0);

        r.io->restart();
        r.io->run();

        CHECK(o.completions == 1);
        CHECK(!o.error);
    }
}

TEST_CASE("io_context_stopped_for_good_leaks_nothing")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        r.server.inject(fault::stall());
        witness w;
        r.client->async_set_voice("r", true,
                                  [t = w.token()](error_code, const rooms::room&) { CHECK(false); });
        run_until(*r.io, [&] { return r.client->stats().requests == 1; });
        r.io->stop();
        r.client.reset();
        CHECK(w.alive());
        r.io.reset();
        CHECK_FALSE(w.alive());
    }
}

TEST_CASE("thread_pool_stopped_with_calls_under_way")
{
    sandbox::server server;
    server.inject(fault::stall().always());
    witness w;
    {
        asio::thread_pool pool(2);
        rooms::client client(pool.get_executor(), net::config_for(server));
        client.async_set_voice("r", true, [t = w.token()](error_code, const rooms::room&) { CHECK(false); });
        CHECK(server.wait([](const auto& c) { return c.requests(sandbox::operation::voice) == 1; }));
        pool.stop();
        pool.join();
    }
    CHECK_FALSE(w.alive());
}

// Drain

TEST_CASE("drain_lets_calls_end_takes_no_new_ones_and_closes")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        r.server.inject(fault::delay(10ms));
        std::vector<int> order;
        outcome first;
        outcome late;
        r.client->async_create_room({"r", "Room", "About"}, [&](error_code ec, const rooms::room&) {
            CHECK(!ec);
            order.push_back(1);
        });
        r.client->async_drain([&](error_code ec) {
            CHECK(!ec);
            order.push_back(2);
        });
        r.client->async_drain([&](error_code ec) {
            CHECK(!ec);
            order.push_back(3);
        });
        r.client->async_get_room("r", late.diagnostics, late.handler());
        r.io->run();

        CHECK(order == std::vector<int>{1, 2, 3});
        CHECK(late.error == errc::draining);
        CHECK(late.diagnostics.effect() == effect::none);
        CHECK(r.client->stats().open_connections == 0);
        CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
    }
}

TEST_CASE("drain_of_an_idle_client_closes_its_connections")
{
    rig r;
    REQUIRE(!r.call<create_room>().error);
    REQUIRE(r.client().stats().idle_connections == 1);
    run(r.io, [&]() -> asio::awaitable<void> { co_await r.client().async_drain(); });
    CHECK(r.client().stats().open_connections == 0);
    CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
}

TEST_CASE("drain_is_cancelled_and_ended_by_destruction")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        r.server.inject(fault::stall());
        outcome call;
        outcome cancelled;
        outcome kept;
        asio::cancellation_signal signal;
        r.client->async_set_voice("r", true, call.handler());
        r.client->async_drain(asio::bind_cancellation_slot(signal.slot(), cancelled.handler()));
        r.client->async_drain(kept.handler());
        run_until(*r.io, [&] { return r.client->stats().requests == 1; });
        signal.emit(asio::cancellation_type::total);
        run_until(*r.io, [&] { return cancelled.ended(); });
        CHECK(cancelled.error == errc::cancelled);
        CHECK(kept.completions == 0);

        r.client.reset();
        r.io->restart();
        r.io->run();

        CHECK(kept.error == errc::shutting_down);
        CHECK(call.error == errc::shutting_down);
        CHECK(kept.completions + call.completions + cancelled.completions == 3);
    }
}

// Credentials

TEST_CASE("credentials_are_replaced_on_a_running_client")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m);
        const auto call = [&] {
            outcome o;
            r.io->restart();
            r.client->async_get_room("none", o.handler());
            r.io->run();
            return o.error;
        };
        CHECK(call() == errc::not_found);
        r.server.set_credentials("new key", "new-token");
        CHECK(call() == errc::unauthorized);
        CHECK_THROWS_AS(r.client->set_credentials(rooms::credentials("a\r\nb", "c")), rooms::error);
        CHECK_THROWS_AS(r.client->set_credentials(rooms::credentials("", "c")), rooms::error);
        CHECK(call() == errc::unauthorized);
        r.client->set_credentials(rooms::credentials("new key", "new-token"));
        CHECK(call() == errc::not_found);
        r.client->set_credentials(rooms::credentials("other key", "new-token"));
        CHECK(call() == errc::forbidden);
        CHECK(r.server.counters().connections_accepted == 1);
    }
}

// Threads

namespace {

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

TEST_CASE("threads_an_io_context_run_by_four_with_an_internal_strand")
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
    rig r(sandbox::options(), [](rooms::config& c) { c.max_connections = 4; });
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
    CHECK(r.client().stats().bytes_read == r.server.counters().bytes_sent);
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
