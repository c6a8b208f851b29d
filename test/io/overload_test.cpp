// SPDX-License-Identifier: BSL-1.0
// More calls than the service can serve in their time.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::clock;
using rig = watchers::rooms::test::rig;

// Serves each request some time after it was sent, and opens connections at once.
class slow_service
{
public:
    slow_service(rig& r, std::function<clock::duration(std::size_t)> takes)
        : rig_(r)
        , takes_(std::move(takes))
    {}

    // Advances the clock by a millisecond.
    void step()
    {
        rig_.sim.resolved();
        for (std::size_t i = first_; i < rig_.sim.transports(); ++i) {
            scripted_transport& t = rig_.transport(i);
            if (t.at() == scripted_transport::stage::connecting) t.connected();
            if (t.at() == scripted_transport::stage::securing) t.secured();
        }
        due_.resize(rig_.sim.transports());
        for (std::size_t i = first_; i < rig_.sim.transports(); ++i) {
            scripted_transport& t = rig_.transport(i);
            auto& due = due_[i];
            if (t.is_closed()) {
                if (due) ++cut, due.reset();
                if (i == first_) ++first_;
                continue;
            }
            if (due && *due <= rig_.sim.now()) {
                due.reset();
                ++served;
                t.forget_requests();
                t.answer(ok()); // and the next request is written
            }
            if (!due && !t.requests().empty()) {
                due = rig_.sim.now() + takes_(sent++);
                t.forget_requests();
            }
        }
        rig_.sim.advance(1ms);
        rig_.sim.poll();
    }

    std::size_t sent = 0;
    std::size_t served = 0;
    std::size_t cut = 0;

private:
    rig& rig_;
    std::function<clock::duration(std::size_t)> takes_;
    std::vector<std::optional<clock::time_point>> due_; // by transport
    std::size_t first_ = 0;
};

// Each begins its next call when the one before has ended.
class callers
{
public:
    callers(rig& r, std::size_t n, call_options o) : rig_(r), options_(o)
    {
        for (std::size_t i = 0; i < n; ++i)
            begin(i);
    }

    void stop() noexcept { stopped_ = true; }

    std::size_t succeeded = 0;
    std::map<std::string, std::size_t> failed; // by error, phase and effect

private:
    void begin(std::size_t caller)
    {
        call_record& c = rig_.get("room-" + std::to_string(caller), options_);
        c.then = [this, caller, &c] {
            if (!c.error)
                ++succeeded;
            else
                ++failed[c.error.message() + " | " + std::string(to_string(c.diagnostics.phase())) + " | " +
                         std::string(to_string(c.diagnostics.effect()))];
            if (!stopped_) begin(caller);
        };
    }

    rig& rig_;
    call_options options_;
    bool stopped_ = false;
};

} // namespace

// Row 74
TEST_CASE("fault_74_overload_is_served_as_fast_as_the_connections_can")
{
    const struct
    {
        std::string_view name;
        std::function<clock::duration(std::size_t)> takes;
        double mean; // of it, in seconds
    } table[] = {
        {"300 ms", [](std::size_t) { return 300ms; }, 0.3},
        {"290 to 310 ms", [](std::size_t n) { return 290ms + 1ms * (n * 7 % 21); }, 0.3},
        {"200 to 400 ms", [](std::size_t n) { return 200ms + 1ms * (n * 67 % 201); }, 0.3},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        // Setup
        rig r(with_connections(16));
        slow_service service(r, row.takes);
        callers all(r, 400, call_options().timeout(2s));

        // Run
        constexpr int duration = 8'000; // ms
        for (int i = 0; i < duration; ++i)
            service.step();
        all.stop();

        // Check
        const double capacity = 16 * (duration / 1000.0) / row.mean;
        CHECK(static_cast<double>(service.served) >= 0.95 * capacity);
        CHECK(static_cast<double>(service.cut) <= 0.02 * static_cast<double>(service.sent));
        CHECK(r.stats().connections_opened <= 32);
        CHECK(r.stats().requests == service.sent);
        for (const auto& [how, times] : all.failed) {
            CAPTURE(how);
            if (how.find("queue | none") == std::string::npos) CHECK(times <= 16 + service.cut);
        }
        r.stop();
        r.sim.poll();
        CHECK(r.sim.breaches() == "");
    }
}

TEST_CASE("fault_74_a_call_that_cannot_be_finished_is_not_sent")
{
    for (const bool on_fresh_connection : {false, true}) {
        CAPTURE(on_fresh_connection);
        // Setup: the client has learnt that an exchange takes 300 ms.
        rig r(with_connections(4));
        r.get("r");
        r.open_all();
        for (int i = 0; i < 5; ++i) {
            r.sim.advance(300ms);
            serve(r, r.newest());
            if (i < 4) r.get("r");
        }
        if (on_fresh_connection) r.newest().half_close();
        const auto requests = r.stats().requests;

        // Run
        call_record& late = r.get("r", call_options().timeout(250ms));
        r.sim.poll();

        // Check
        CHECK(late.ending() == ending(errc::deadline_exceeded, effect::none, phase::queue));
        CHECK(late.diagnostics.attempts() == 0);
        CHECK(r.stats().turned_away == (r.stats().requests == requests ? 1 : 0));
        CHECK(r.stats().opening_connections == 0);
        CHECK(r.sim.transports() == 1);
        CHECK(r.stats().calls == 0);
    }
}

TEST_CASE("fault_74_expected_exchange_time_takes_the_place_of_the_estimate")
{
    const struct
    {
        std::chrono::milliseconds expected;
        std::chrono::milliseconds timeout;
        std::chrono::milliseconds attempt_timeout;
        bool sent;
    } table[] = {
        {500ms, 499ms, 10s, false},   {500ms, 500ms, 10s, true}, {0ms, 1ms, 10s, true},
        {500ms, 200ms, 200ms, true}, // no exchange takes longer than attempt_timeout
        {500ms, 199ms, 200ms, false},
    };
    for (const auto& row : table) {
        CAPTURE(row.expected.count());
        CAPTURE(row.timeout.count());
        config c = rig::plain_config();
        c.expected_exchange_time = row.expected;
        rig r(c);
        call_record& call =
            r.get("r", call_options().timeout(row.timeout).attempt_timeout(row.attempt_timeout));
        r.sim.poll();
        r.open_all();
        CHECK(call.done() != row.sent);
        CHECK((r.sim.transports() == 1) == row.sent);
        if (!row.sent) CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::queue));
    }
}

TEST_CASE("fault_74_neither_retry_nor_confirmation_is_begun_that_cannot_be_finished")
{
    const struct
    {
        std::string_view name;
        operation_kind kind;
        std::string_view status; // of the first response
        errc error;
        effect told;
    } table[] = {
        {"retry of a get", operation_kind::get_room, "503 Busy", errc::server_error, effect::none},
        {"retry of a change", operation_kind::set_voice, "503 Busy", errc::server_error, effect::unknown},
        {"confirmation", operation_kind::create_room, "503 Busy", errc::outcome_unknown, effect::unknown},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        config c = rig::plain_config();
        c.retry = retry_policy();
        c.retry.backoff_base = 1ms;
        c.expected_exchange_time = 500ms;
        rig r(c);
        const call_options o = call_options().timeout(1s);
        call_record& call = row.kind == operation_kind::get_room    ? r.get("r", o)
                            : row.kind == operation_kind::set_voice ? r.voice("r", true, o)
                                                                    : r.create("r", o);
        r.open_all();
        r.sim.advance(600ms);
        r.newest().answer(answer(row.status, ""));
        r.sim.poll();
        CHECK(call.done());
        CHECK(call.error == row.error);
        CHECK(call.diagnostics.effect() == row.told);
        CHECK(call.diagnostics.attempts() == 1);
        CHECK(r.newest().requests().size() == 1);
    }
}

// Ten thousand calls whose turn comes too late end one after the other, not within each other.
TEST_CASE("fault_74_many_calls_that_are_too_late_at_once")
{
    config c = with_connections(1);
    c.expected_exchange_time = 500ms;
    c.max_waiting_calls = 20'000;
    rig r(c);
    r.get("first", call_options().timeout(1min));
    r.open_all();
    std::size_t ended = 0;
    for (int i = 0; i < 10'000; ++i)
        r.get("r", call_options().timeout(1s)).then = [&] { ++ended; };
    call_record& last = r.get("last", call_options().timeout(1min));
    r.sim.advance(600ms);
    serve(r, r.newest());
    r.sim.poll();
    CHECK(ended == 10'000);
    CHECK(r.stats().turned_away == 10'000);
    CHECK(r.newest().requests().size() == 2);
    serve(r, r.newest());
    CHECK(last.ending() == success(effect::none));
}

// Idle connections that died do not tell how long exchanges take.
TEST_CASE("fault_74_silent_connections_do_not_count")
{
    rig r(with_connections(8));
    for (int i = 0; i < 8; ++i)
        r.get("warm-up");
    r.open_all();
    for (std::size_t i = 0; i < 8; ++i)
        serve(r, r.transport(i));
    for (int i = 0; i < 8; ++i)
        r.get("lost", call_options().timeout(2s));
    r.sim.advance(2s);
    call_record& next = r.get("next", call_options().timeout(100ms));
    r.open_all();
    serve(r, r.newest());
    CHECK(next.ending() == success(effect::none));
}

// Creates keep connections idle; each get takes one of them, and the service needs more time than it has.
TEST_CASE("fault_74_calls_on_connections_that_were_idle_teach_how_long_an_exchange_takes")
{
    // Setup
    rig r(with_connections(4));
    std::size_t cut = 0;
    std::size_t unsent = 0;
    for (int i = 0; i < 100; ++i) {
        call_record& create = r.create("room-" + std::to_string(i));
        r.open_all();
        serve(r, r.newest());
        REQUIRE(create.done());

        // Run
        call_record& call = r.get("r", call_options().timeout(200ms));
        r.sim.poll();
        r.sim.advance(200ms);
        r.sim.poll();

        // Check
        REQUIRE(call.done());
        (call.diagnostics.phase() == phase::queue ? unsent : cut) += 1;
    }
    CHECK(cut <= 20); // one every two seconds, to find out
    CHECK(unsent == 100 - cut);
}

// The service was slow, is fast again, and all calls have less time than an exchange took.
TEST_CASE("fault_74_calls_are_sent_again_after_a_time")
{
    rig r(with_connections(4));
    r.get("r");
    r.open_all();
    for (int i = 0; i < 20; ++i) {
        r.sim.advance(900ms);
        serve(r, r.newest());
        r.get("r");
    }
    r.sim.advance(900ms);
    serve(r, r.newest());

    std::size_t served = 0;
    for (int i = 0; i < 100; ++i) { // for ten seconds
        call_record& call = r.get("r", call_options().timeout(100ms));
        if (r.newest().requests().size() > 0 && r.stats().busy_connections == 1) serve(r, r.newest());
        r.sim.poll();
        served += call.done() && !call.error ? 1 : 0;
        r.sim.advance(100ms);
    }
    CHECK(served >= 50);
}

// The end of the last call closes the connection that has just opened, from within.
TEST_CASE("fault_74_the_last_call_of_a_drain_is_turned_away_by_the_connection_that_opens")
{
    // Setup
    config c = with_connections(1);
    c.expected_exchange_time = 500ms;
    rig r(c);
    call_record& call = r.get("r", call_options().timeout(1s));
    call_record& drained = r.drain();

    // Run: the connection comes when the call has no time left for an exchange.
    r.sim.advance(600ms);
    r.open_all();
    r.sim.poll();

    // Check
    CHECK(call.ending() == ending(errc::deadline_exceeded, effect::none, phase::queue));
    REQUIRE(drained.done());
    CHECK_FALSE(drained.error);
    CHECK(r.newest().is_closed());
    CHECK(r.stats().open_connections + r.stats().opening_connections == 0);
    CHECK(r.stats().idle_connections + r.stats().busy_connections == 0);
    CHECK(r.sim.work() == 0);
    CHECK(r.sim.breaches() == "");
}
