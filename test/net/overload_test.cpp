// SPDX-License-Identifier: BSL-1.0

// Row 74: more calls than the service can serve in their time. Row 70: idle connections that died silently.

#include "net.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <string>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

// A service of 100 ms, 8 connections and 100 callers with 700 ms each, for 3 s: 240 can be served.
TEST_CASE("fault_74_overload_does_not_turn_into_unknown_outcomes")
{
    // Setup
    rig r(sandbox::options(), [](rooms::config& c) { c.max_connections = 8; });
    r.server.put(sandbox::stored_room("r", "Room"));
    r.server.inject(fault::delay(100ms).on(sandbox::operation::voice).always());
    rooms::client& client = r.client();
    std::size_t served = 0;
    std::size_t unsent = 0;
    std::size_t unknown = 0;
    const auto end = std::chrono::steady_clock::now() + 3s;

    // Run
    const auto caller = [&]() -> asio::awaitable<void> {
        while (std::chrono::steady_clock::now() < end) {
            rooms::diagnostics d;
            rooms::error_code ec;
            rooms::call_options o(d);
            o.timeout(700ms);
            try {
                co_await client.async_set_voice("r", true, o, asio::use_awaitable);
            } catch (const rooms::error& e) {
                ec = e.code();
            }
            if (!ec)
                ++served;
            else if (d.effect() == effect::none)
                ++unsent;
            else
                ++unknown;
        }
    };
    for (int i = 0; i < 100; ++i)
        asio::co_spawn(r.io, caller(), asio::detached);
    r.io.run();

    // Check: by counts, since the machine may be busy.
    MESSAGE(served, " served, ", unsent, " unsent, ", unknown, " cut");
    const auto s = client.stats();
    CHECK(s.requests == served + unknown);
    CHECK(static_cast<double>(unknown) <= 0.02 * static_cast<double>(s.requests) + 2);
    CHECK(s.connections_opened <= 16);
    CHECK(served >= 120);
}

TEST_CASE("fault_70_calls_get_past_connections_that_died_silently")
{
    // Setup: eight connections that have served, and stall from now on.
    rig r(sandbox::options(), [](rooms::config& c) {
        c.max_connections = 8;
        c.attempt_timeout = 500ms;
        c.retry = rooms::retry_policy();
        c.retry.backoff_base = 1ms;
    });
    r.server.put(sandbox::stored_room("r", "Room"));
    r.server.inject(fault::delay(100ms).on(sandbox::operation::get).times(8));
    std::vector<outcome> warm(8);
    for (outcome& o : warm)
        get_room::start(r.client(), o.handler());
    r.io.run();
    r.io.restart();
    REQUIRE(r.client().stats().idle_connections == 8);
    r.server.inject(fault::stall().on(sandbox::operation::any).times(1)); // of the one that is used
    const auto opened = r.client().stats().connections_opened;

    // Run
    const outcome first = r.call<get_room>();
    const outcome second = r.call<get_room>();

    // Check
    CHECK(!first.error);
    CHECK(first.diagnostics.attempts() == 2);
    CHECK(!second.error);
    CHECK(second.diagnostics.attempts() == 1);
    CHECK(r.client().stats().connections_opened == opened + 1);
    CHECK(r.client().stats().idle_connections == 1);
}
