// SPDX-License-Identifier: BSL-1.0
// Row 61: memory is short for a moment, and the client goes on afterwards.
#include "support/allocation_gate.hpp"
#include "support/rig.hpp"

#include <watchers/rooms/client.hpp>
#include <watchers/rooms/impl/io/asio_environment.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;
namespace asio = boost::asio;

config with_attempts(unsigned n)
{
    config c = rig::plain_config();
    c.retry = retry_policy();
    c.retry.unsent_attempts = n;
    return c;
}

// Runs f while the n-th allocation fails, and `more` of those behind it.
// @returns whether any did
template <class F>
bool fails(std::size_t n, std::size_t more, F f)
{
    allocation_gate::fail_at(n, more);
    try {
        const allocation_gate::counted counting;
        f();
    } catch (const std::bad_alloc&) {
    }
    const bool failed = allocation_gate::failed() > 0;
    allocation_gate::never_fail();
    return failed;
}

void expect_service(rig& r)
{
    call_record& later = r.get("later");
    r.sim.resolved();
    r.open_all();
    r.sim.poll();
    REQUIRE(r.sim.transports() > 0);
    serve(r, r.newest());
    CHECK(later.ending() == success(effect::none));
    r.sim.advance(60s);
    CHECK(r.stats().opening_connections == 0);
    CHECK(r.stats().waiting_calls == 0);
}

} // namespace

TEST_CASE("fault_61 an_opening_that_a_late_look_up_serves_is_failed_once")
{
    for (const std::size_t more : {0U, 1U, 2U, 50U}) {
        for (std::size_t n = 1;; ++n) {
            CAPTURE(more);
            CAPTURE(n);
            // Setup
            config c = with_attempts(1);
            c.resolve_timeout = 1s;
            c.max_connections = 2;
            rig r(c);
            r.get("first");
            r.sim.advance(1050ms);
            r.sim.resolved(); // late, and kept

            // Run
            const bool failed = fails(n, more, [&] {
                r.start(detail::call_request::get("second"),
                        detail::room_handler([](error_code, const room&) {}));
            });
            r.sim.poll();

            // Check
            CHECK(r.stats().opening_connections <= 2);
            r.sim.advance(40s);
            expect_service(r);
            if (!failed) break;
            REQUIRE(n < 100);
        }
    }
}

TEST_CASE("fault_61 addresses_reach_the_other_openings")
{
    for (const std::size_t more : {0U, 1U, 2U}) {
        for (std::size_t n = 1;; ++n) {
            CAPTURE(more);
            CAPTURE(n);
            // Setup
            config c = with_attempts(1);
            c.max_connections = 3;
            rig r(c);
            call_record* const calls[] = {&r.get("a"), &r.get("b"), &r.get("d")};

            // Run
            const bool failed = fails(n, more, [&] {
                r.sim.resolved();
                r.sim.poll();
            });

            if (r.sim.resolving()) continue; // the test itself had no memory

            // Check: each opening goes on, or its call ended with resource_exhausted
            r.sim.poll();
            std::size_t ended = 0;
            for (const call_record* call : calls) {
                if (call->handler_lives() && !call->done()) continue;
                ++ended;
                if (call->done()) CHECK(call->error == errc::resource_exhausted);
            }
            CHECK(r.sim.transports() >= 3 - ended);
            r.sim.advance(30s);
            for (const call_record* call : calls) {
                CHECK_FALSE(call->handler_lives());
                if (call->done()) CHECK(call->error != errc::resolve_timeout);
            }
            if (!failed) break;
            REQUIRE(n < 100);
        }
    }
}

// Through Asio: the look-up of a name, and the timer. Without a strand: one of Asio's that finds no memory
// for its own turn has none ever after.
TEST_CASE("fault_61 a_client_on_an_io_context_goes_on")
{
    asio::io_context other;
    asio::ip::tcp::acceptor unused(other, {asio::ip::address_v4::loopback(), 0});
    const auto port = unused.local_endpoint().port();
    unused.close();
    for (std::size_t n = 1;; ++n) {
        CAPTURE(n);
        // Setup
        config c(credentials("key-12345678", "token-12345678"));
        c.base_url = "https://localhost:" + std::to_string(port);
        c.retry.unsent_attempts = 1;
        c.threading = threading::single;
        asio::io_context io;
        client rooms(io.get_executor(), c);
        std::size_t first = 0;

        // Run
        const bool failed = fails(n, 0, [&] {
            rooms.async_get_room("first", [&](error_code, const room&) { ++first; });
            io.run();
        });

        // Check
        error_code ended;
        rooms.async_get_room("second", [&](error_code ec, const room&) { ended = ec; });
        io.restart();
        io.run();
        CHECK(ended == errc::connect_failed);
        CHECK(first <= 1);
        if (!failed) break;
        REQUIRE(n < 1000);
    }
}

TEST_CASE("fault_61 an_alarm_that_cannot_be_set_leaves_the_former_one")
{
    using executor = asio::io_context::executor_type;
    class counting_listener final : public detail::environment::listener
    {
    public:
        void on_wake() override { ++woken; }
        void on_resolved(error_code, std::vector<detail::endpoint>) override {}

        int woken = 0;
    };

    // Setup: both moments have passed, so that nothing has to be waited for
    asio::io_context io;
    const executor ex = io.get_executor();
    std::string why;
    const auto origin = *detail::parse_origin("https://localhost", false, why);
    const detail::work_count work{asio::any_io_executor(ex)};
    const auto shell = std::make_shared<detail::io_shell<executor>>(ex, std::nullopt, nullptr, work, nullptr);
    detail::asio_environment<executor> environment(ex, ex, shell, origin);
    const auto listener = std::make_shared<counting_listener>();
    environment.listen(listener);
    work.add();
    const auto now = environment.now();
    environment.wake_at(now);

    // Run
    REQUIRE(fails(1, 0, [&] { environment.wake_at(now - 1s); }));
    io.poll();

    // Check
    CHECK(listener->woken == 1);
    environment.abandon();
    work.remove();
}

TEST_CASE("fault_61 a_call_throws_on_its_way_to_the_strand")
{
    for (std::size_t n = 1;; ++n) {
        CAPTURE(n);
        config c(credentials("key-12345678", "token-12345678"));
        std::optional<asio::io_context> io(std::in_place);
        client rooms(io->get_executor(), c);
        const auto life = std::make_shared<int>();
        const bool failed =
            fails(n, 0, [&] { rooms.async_get_room("r", [life](error_code, const room&) {}); });
        io.reset();
        CHECK(life.use_count() == 1);
        if (!failed) break;
        REQUIRE(n < 100);
    }
}

TEST_CASE("fault_61 a_client_is_destroyed_and_moved_to")
{
    for (const threading t : {threading::automatic, threading::single}) {
        for (const bool moves : {false, true}) {
            CAPTURE(static_cast<int>(t));
            CAPTURE(moves);
            asio::io_context io;
            config c(credentials("key-12345678", "token-12345678"));
            c.threading = t;
            std::optional<client> rooms(std::in_place, io.get_executor(), c);
            client others(io.get_executor(), c);
            error_code ended;
            rooms->async_get_room("r", [&](error_code ec, const room&) { ended = ec; });

            fails(1, 0, [&] {
                if (moves)
                    *rooms = std::move(others);
                else
                    rooms.reset();
            });

            io.run();
            // With single it is the completion of the call that finds no memory.
            if (t == threading::automatic) CHECK(ended == errc::shutting_down);
        }
    }
}

#endif
