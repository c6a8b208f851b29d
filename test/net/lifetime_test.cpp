// SPDX-License-Identifier: BSL-1.0

// Who may end when.

#include "bulk.hpp"
#include "modes.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using rooms::error_code;
using sandbox::fault;

namespace {

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

// Sources and sinks of bulk runs that wait for ever

namespace {

// Waits until it is cancelled.
template <class T>
asio::awaitable<T> for_ever(int& begun)
{
    ++begun;
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    if constexpr (!std::is_void_v<T>) co_return T();
}

} // namespace

TEST_CASE("bulk_functions_that_wait_for_ever_are_ended")
{
    for (const bool hangs_in_sink : {false, true}) {
        for (const bool by_client : {false, true}) {
            CAPTURE(hangs_in_sink);
            CAPTURE(by_client);
            rig r;
            r.client();
            bulk_end end;
            int begun = 0;
            asio::cancellation_signal cancel;
            auto source = [&] { return for_ever<std::optional<rooms::operation>>(begun); };
            auto sink = [&](const rooms::bulk_result&) { return for_ever<void>(begun); };
            auto handler = asio::bind_cancellation_slot(cancel.slot(), end.handler());
            if (hangs_in_sink)
                r.client().async_bulk(gets(5), sink, handler);
            else
                r.client().async_bulk(source, [](const rooms::bulk_result&) {}, handler);
            run_until(r.io, [&] { return begun > 0; });

            if (by_client)
                r.own_client.reset();
            else
                cancel.emit(asio::cancellation_type::terminal);
            r.io.run_for(20s);

            CHECK(end.completions == 1);
            CHECK(end.error == (by_client ? errc::shutting_down : errc::cancelled));
        }
    }
}
