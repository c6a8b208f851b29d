// SPDX-License-Identifier: BSL-1.0
// Opening of connections, and every limit on time.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

} // namespace

TEST_CASE("opener second_address_wins")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved(3);
    CHECK(r.transport(0).to() == simulation::address(1));
    r.sim.advance(300ms);
    REQUIRE(r.sim.transports() == 2);
    CHECK(r.transport(1).to() == simulation::address(2));

    r.transport(1).connected();

    CHECK(r.transport(0).is_closed());
    r.sim.advance(1s);
    CHECK(r.sim.transports() == 2); // no third address
    r.transport(1).secured();
    serve(r, r.transport(1));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("opener first_address_wins_late")
{
    rig r;
    r.get("r");
    r.sim.resolved(2);
    r.sim.advance(300ms);
    r.transport(0).connected();
    CHECK(r.transport(1).is_closed());
    r.transport(0).secured();
    CHECK(r.transport(0).requests().size() == 1);
}

TEST_CASE("opener refusal_starts_the_next_at_once")
{
    rig r;
    r.get("r");
    r.sim.resolved(3);
    r.sim.advance(100ms);
    r.transport(0).connected(boost::asio::error::connection_refused);
    REQUIRE(r.sim.transports() == 2);
    r.sim.advance(299ms);
    CHECK(r.sim.transports() == 2);
    r.sim.advance(1ms);
    CHECK(r.sim.transports() == 3);
}

TEST_CASE("opener last_refusal_waits_for_those_under_way")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved(2);
    r.sim.advance(300ms);
    r.transport(1).connected(boost::asio::error::connection_refused);
    r.sim.poll();
    CHECK_FALSE(call.done());
    r.transport(0).open();
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("opener families_take_turns")
{
    rig r;
    r.get("r");
    const auto v6 = [](unsigned char n) {
        boost::asio::ip::address_v6::bytes_type b{};
        b[15] = n;
        return detail::endpoint(boost::asio::ip::address_v6(b), 443);
    };
    r.sim.resolved({}, {v6(1), v6(2), simulation::address(1)});
    r.sim.advance(600ms);
    REQUIRE(r.sim.transports() == 3);
    CHECK(r.transport(0).to() == v6(1));
    CHECK(r.transport(1).to() == simulation::address(1));
    CHECK(r.transport(2).to() == v6(2));
}

TEST_CASE("opener connect_timeout_bounds_all_addresses")
{
    config c = rig::plain_config();
    c.connect_timeout = 1s;
    rig r(c);
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.sim.resolved(9);
    r.transport(0).connected(boost::asio::error::network_unreachable);
    r.sim.advance(1h);
    CHECK(call.ending() == ending(errc::connect_timeout, effect::none, phase::connect));
    CHECK(call.ended_at - began == 1s);
    CHECK(call.diagnostics.cause() == boost::asio::error::network_unreachable);
    CHECK(r.sim.transports() == 5);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        CHECK(r.transport(i).is_closed());
}

TEST_CASE("deadline bounds_the_whole_call_in_every_phase")
{
    enum class where
    {
        queue,
        resolve,
        connect,
        handshake,
        write,
        wait,
        read
    };
    class sample
    {
    public:
        where at;
        phase told;
        effect changed;
    };
    const std::vector<sample> table{
        {where::queue, phase::queue, effect::none},     {where::resolve, phase::resolve, effect::none},
        {where::connect, phase::connect, effect::none}, {where::handshake, phase::handshake, effect::none},
        {where::write, phase::write, effect::unknown},  {where::wait, phase::wait, effect::unknown},
        {where::read, phase::read, effect::unknown},
    };
    for (const bool through_options : {false, true}) {
        for (const sample& s : table) {
            CAPTURE(to_string(s.told));
            // Setup
            config c = with_connections(1);
            if (!through_options) c.timeout = 3s;
            rig r(c);
            r.sim.takes_all = s.at != where::write;
            if (s.at == where::queue) {
                r.get("in use", call_options().timeout(1h));
                r.open_all();
            }
            call_record& call =
                through_options ? r.voice("r", true, call_options().timeout(3s)) : r.voice("r", true);
            const auto began = r.sim.now();

            // Run
            r.sim.advance(1s);
            if (s.at >= where::connect) r.sim.resolved();
            r.sim.advance(1s);
            if (s.at >= where::handshake) r.transport(0).connected();
            if (s.at >= where::write) r.transport(0).secured();
            if (s.at >= where::read) r.transport(0).answer("HTTP/1.1 200");
            r.sim.advance(999ms);
            CHECK_FALSE(call.done());
            r.sim.advance(1h);

            // Check
            CHECK(call.ending() == ending(errc::deadline_exceeded, s.changed, s.told));
            CHECK(call.ended_at - began == 3s);
            CHECK(r.stats().calls == 0);
            CHECK(r.stats().busy_connections + r.stats().waiting_calls == 0);
        }
    }
}

TEST_CASE("deadline covers_the_replay")
{
    config c = rig::plain_config();
    c.timeout = 3s;
    rig r(c);
    scripted_transport& dead = r.warm_up();
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.sim.advance(2s);
    dead.reset();
    r.open_all();
    r.sim.advance(1h);
    CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::wait));
    CHECK(call.ended_at - began == 3s);
}

TEST_CASE("deadline that_has_passed_already")
{
    for (const auto t : {0ms, -5ms}) {
        rig r;
        call_record& call = r.create("r", call_options().timeout(t));
        r.sim.poll();
        CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::validation));
        CHECK_FALSE(r.sim.resolving());
    }
}

TEST_CASE("deadline far_beyond_the_clock's_range")
{
    rig r;
    call_record& call = r.get("r", call_options().timeout(std::chrono::milliseconds::max()));
    r.open_all();
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));
}

TEST_CASE("timeouts each_with_its_phase_and_effect")
{
    config c = with_connections(1);
    c.resolve_timeout = 1s;
    c.connect_timeout = 2s;
    c.tls_timeout = 3s;
    c.attempt_timeout = 4s;
    class sample
    {
    public:
        int steps; // how far the network gets
        ending expected;
        std::chrono::seconds takes;
    };
    const std::vector<sample> table{
        {0, {errc::resolve_timeout, effect::none, phase::resolve}, 1s},
        {1, {errc::connect_timeout, effect::none, phase::connect}, 2s},
        {2, {errc::tls_timeout, effect::none, phase::handshake}, 3s},
        {3, {errc::response_timeout, effect::unknown, phase::wait}, 4s},
        {4, {errc::response_timeout, effect::unknown, phase::read}, 4s},
    };
    for (const sample& s : table) {
        CAPTURE(s.steps);
        rig r(c);
        call_record& call = r.create("r");
        const auto began = r.sim.now();
        if (s.steps >= 1) r.sim.resolved();
        if (s.steps >= 2) r.transport(0).connected();
        if (s.steps >= 3) r.transport(0).secured();
        if (s.steps >= 4) r.transport(0).answer("HTTP/1.1 20");
        r.sim.advance(1h);
        CHECK(call.ending() == s.expected);
        CHECK(call.ended_at - began == s.takes);
        CHECK(r.stats().opening_connections + r.stats().busy_connections == 0);
    }
}

TEST_CASE("timeouts pool_timeout_does_not_bound_the_exchange")
{
    config c = rig::plain_config();
    c.pool_timeout = 1s;
    rig r(c);
    call_record& call = r.get("r");
    r.open_all();
    r.sim.advance(5s);
    CHECK_FALSE(call.done());
    serve(r, r.transport(0));
    CHECK(call.ending() == success(effect::none));

    // It bounds the opening of a connection.
    r.transport(0).half_close();
    call_record& second = r.get("r");
    r.sim.advance(1s);
    CHECK(second.ending() == ending(errc::pool_timeout, effect::none, phase::resolve));
}

TEST_CASE("timeouts early_and_needless_wakes_do_no_harm")
{
    rig r;
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.open_all();
    for (int i = 0; i < 9; ++i) {
        r.sim.wake_early();
        r.sim.advance(1s);
    }
    CHECK_FALSE(call.done());
    r.sim.advance(1h);
    CHECK(call.ended_at - began == 10s);
    CHECK(call.error == errc::response_timeout);
}

// Row 75: a stalled response and a short timeout leave room for a second attempt.
TEST_CASE("fault_75_call_options_set_the_attempt_timeout")
{
    config c = rig::plain_config();
    c.retry = retry_policy();
    c.retry.backoff_base = 1ms;
    rig r(c);
    call_record& call = r.get("r", call_options().timeout(3s).attempt_timeout(1s));
    call_record& other = r.get("other", call_options().timeout(3s));
    r.open_all();
    const auto began = r.sim.now();

    r.sim.advance(1s);
    r.open_all();
    serve(r, r.newest());

    CHECK(call.ending() == success(effect::none));
    CHECK(call.ended_at - began == 1s);
    CHECK(call.diagnostics.last_failure() == errc::response_timeout);
    CHECK(call.diagnostics.attempts() == 2);
    r.sim.advance(1h);
    CHECK(other.error == errc::deadline_exceeded);
    CHECK(other.ended_at - began == 3s);
}

TEST_CASE("fault_75_attempt_timeout_is_checked")
{
    class sample
    {
    public:
        std::chrono::milliseconds value;
        bool accepted;
    };
    const std::vector<sample> table{
        {0ms, false},
        {-1ms, false},
        {std::chrono::hours(24 * 365) + 1ms, false},
        {std::chrono::milliseconds::max(), false},
        {1ms, true},
        {std::chrono::hours(24 * 365), true},
    };
    for (const sample& s : table) {
        CAPTURE(s.value.count());
        rig r;
        call_record& call = r.create("r", call_options().attempt_timeout(s.value));
        r.sim.poll();
        CHECK(call.done() != s.accepted);
        if (s.accepted) continue;
        CHECK(call.ending() == ending(errc::invalid_argument, effect::none, phase::validation));
        CHECK(call.diagnostics.message() == "attempt_timeout: must be 1 ms to 365 days");
        CHECK_FALSE(r.sim.resolving());
    }
}

TEST_CASE("opener system_errors_and_what_they_mean")
{
    class sample
    {
    public:
        error_code cause;
        errc expected;
    };
    namespace net = boost::asio::error;
    const std::vector<sample> table{
        {net::timed_out, errc::connect_timeout}, // the system's own limit is sooner than ours
        {net::connection_refused, errc::connect_failed},
        {net::network_unreachable, errc::connect_failed},
        {net::host_unreachable, errc::connect_failed},
        {net::access_denied, errc::connect_failed},
        {net::no_descriptors, errc::resource_exhausted},
        {make_error_code(boost::system::errc::too_many_files_open_in_system), errc::resource_exhausted},
        {net::no_buffer_space, errc::resource_exhausted},
        {net::no_memory, errc::resource_exhausted},
    };
    for (const sample& s : table) {
        CAPTURE(s.cause.message());
        rig r;
        call_record& call = r.get("r");
        r.sim.resolved();
        r.transport(0).connected(s.cause);
        r.sim.poll();
        CHECK(call.ending() == ending(s.expected, effect::none, phase::connect));
        CHECK(call.diagnostics.cause() == s.cause);
    }
}
