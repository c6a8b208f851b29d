// SPDX-License-Identifier: BSL-1.0
// Cancellation, drain, and the client's end.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

} // namespace

// Row 55.
TEST_CASE("cancellation by_type_before_writing_was_started")
{
    for (const auto type :
         {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        for (int steps = 0; steps < 3; ++steps) {
            rig r;
            call_record& call = r.create("r");
            if (steps >= 1) r.sim.resolved();
            if (steps >= 2) r.transport(0).connected();

            r.cancel(call, type);

            const phase phases[] = {phase::resolve, phase::connect, phase::handshake};
            CHECK(call.ending() == ending(errc::cancelled, effect::none, phases[steps]));
            CHECK(r.stats().waiting_calls == 0);
            CHECK(r.stats().calls == 0);
            CHECK(r.sim.work() == 0);
        }
    }
}

// Row 55.
TEST_CASE("cancellation by_type_after_writing_was_started")
{
    for (const auto type :
         {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        for (const bool begun : {false, true}) {
            rig r;
            call_record& call = r.create("r");
            r.open_all();
            if (begun) r.transport(0).answer("HTTP/1.1 20");

            r.cancel(call, type);

            if (type == cancellation_type::total) {
                CHECK_FALSE(call.done());
                CHECK_FALSE(r.transport(0).is_closed());
                r.transport(0).answer(begun ? ok().substr(11) : ok());
                CHECK(call.ending() == success());
            } else {
                CHECK(call.ending() ==
                      ending(errc::cancelled, effect::unknown, begun ? phase::read : phase::wait));
                CHECK(r.transport(0).is_closed());
                CHECK(r.stats().busy_connections == 0);
            }
        }
    }
}

TEST_CASE("cancellation of_a_get_has_no_effect")
{
    rig r;
    call_record& call = r.get("r");
    r.open_all();
    r.cancel(call);
    CHECK(call.ending() == ending(errc::cancelled, effect::none, phase::wait));
}

TEST_CASE("cancellation too_late_touches_nobody")
{
    // Setup: the object of the finished call serves another one.
    rig r;
    call_record& first = r.get("1");
    r.open_all();
    serve(r, r.transport(0));
    call_record& second = r.get("2");

    // Run
    first.signal.emit(cancellation_type::terminal);
    r.sim.poll();

    // Check
    CHECK_FALSE(second.done());
    serve(r, r.transport(0));
    CHECK(second.ending() == success(effect::none));

    // Emitted before, delivered after the end.
    call_record& third = r.get("3");
    third.signal.emit(cancellation_type::terminal);
    r.transport(0).answer(ok());
    CHECK(third.ending() == success(effect::none));
    call_record& fourth = r.get("4");
    r.sim.poll();
    CHECK_FALSE(fourth.done());
    CHECK(third.handler_calls == 1);
}

TEST_CASE("cancellation frees_the_place_for_those_who_wait")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    r.cancel(first);
    CHECK(r.stats().opening_connections == 1);
    r.open_all();
    serve(r, r.newest());
    CHECK(second.ending() == success(effect::none));
}

TEST_CASE("cancellation emitted_after_the_client_is_gone")
{
    rig r;
    call_record& call = r.get("r");
    r.stop();
    r.sim.poll();
    r.forget_engine();
    call.signal.emit(cancellation_type::terminal);
    r.sim.poll();
    CHECK(call.handler_calls == 1);
}

TEST_CASE("drain lets_calls_end_and_takes_no_new_ones")
{
    // Setup
    rig r(with_connections(1));
    call_record& exchanging = r.get("1");
    call_record& waiting = r.create("2");
    r.open_all();

    // Run
    call_record& drained = r.drain();
    call_record& refused = r.get("3");
    r.sim.poll();

    // Check
    CHECK(refused.ending() == ending(errc::draining, effect::none, phase::validation));
    CHECK_FALSE(drained.done());
    serve(r, r.transport(0));
    CHECK(exchanging.ending() == success(effect::none));
    CHECK_FALSE(drained.done());
    CHECK_FALSE(r.transport(0).is_closed());
    serve(r, r.transport(0));
    CHECK(waiting.ending() == success());
    REQUIRE(drained.done());
    CHECK_FALSE(drained.error);
    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().open_connections + r.stats().opening_connections == 0);

    call_record& second = r.drain();
    CHECK_FALSE(second.done());
    r.sim.poll();
    CHECK(second.done());
    CHECK_FALSE(second.error);
    CHECK(drained.handler_calls == 1);
}

TEST_CASE("drain of_an_idle_client")
{
    rig r;
    scripted_transport& t = r.warm_up();
    call_record& drained = r.drain();
    CHECK(t.is_closed());
    CHECK_FALSE(drained.done()); // not before the initiating function has returned
    r.sim.poll();
    CHECK(drained.done());
    CHECK_FALSE(drained.error);
}

TEST_CASE("drain closes_what_is_being_opened_for_nobody")
{
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved();
    call_record& drained = r.drain();
    r.cancel(call);
    CHECK(drained.done());
    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().opening_connections == 0);
}

TEST_CASE("drain lets_a_replay_happen")
{
    rig r;
    scripted_transport& dead = r.warm_up();
    call_record& call = r.voice("r", true);
    call_record& drained = r.drain();
    dead.reset();
    r.open_all();
    CHECK_FALSE(drained.done());
    serve(r, r.newest());
    CHECK(call.ending() == success());
    CHECK(drained.done());
}

TEST_CASE("drain cancelled_wait")
{
    rig r;
    r.get("r");
    r.open_all();
    call_record& first = r.drain();
    call_record& second = r.drain();
    r.cancel(first, cancellation_type::total);
    REQUIRE(first.done());
    CHECK(first.error == errc::cancelled);
    CHECK_FALSE(second.done());
    call_record& refused = r.get("r");
    r.sim.poll();
    CHECK(refused.error == errc::draining);
    serve(r, r.transport(0));
    CHECK(second.done());
    CHECK_FALSE(second.error);
    CHECK(first.handler_calls == 1);
}

TEST_CASE("drain client_destroyed_first")
{
    rig r;
    call_record& call = r.get("r");
    r.open_all();
    call_record& drained = r.drain();
    r.stop();
    r.sim.poll();
    CHECK(call.error == errc::shutting_down);
    REQUIRE(drained.done());
    CHECK(drained.error == errc::shutting_down);
}

TEST_CASE("fault_56 client_destroyed_with_calls_under_way")
{
    // Setup: one call in each state.
    rig r(with_connections(2));
    scripted_transport& dead = r.warm_up();
    call_record& replaying = r.voice("1", true);
    call_record& exchanging = r.create("2");
    call_record& waiting = r.create("3");
    r.sim.resolved();
    r.newest().open();
    dead.reset();

    // Run
    r.stop();
    CHECK_FALSE(replaying.done());
    CHECK_FALSE(exchanging.done());
    r.sim.poll();

    // Check
    CHECK(replaying.ending() == ending(errc::shutting_down, effect::unknown, phase::resolve));
    CHECK(exchanging.ending() == ending(errc::shutting_down, effect::unknown, phase::wait));
    CHECK(waiting.error == errc::shutting_down);
    CHECK(waiting.diagnostics.effect() == effect::none);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        CHECK(r.transport(i).is_closed());
    CHECK(r.sim.work() == 0);
    call_record& late = r.get("r");
    r.sim.poll();
    CHECK(late.ending() == ending(errc::shutting_down, effect::none, phase::validation));
    CHECK(r.sim.io().stopped());
}

TEST_CASE("fault_56 client_destroyed_by_a_handler")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    first.then = [&] {
        r.stop();
        r.forget_engine();
    };
    r.transport(0).answer(ok());
    r.sim.poll();
    CHECK(first.ending() == success(effect::none));
    CHECK(second.error == errc::shutting_down);
    CHECK(second.handler_calls == 1);
    CHECK(r.sim.breaches() == "");
}

TEST_CASE("fault_57 context_destroyed_under_the_client")
{
    rig r(with_connections(1));
    call_record& first = r.get("1");
    call_record& second = r.get("2");
    r.open_all();
    call_record& drained = r.drain();

    r.abandon();
    r.sim.poll();

    for (call_record* c : {&first, &second, &drained}) {
        CHECK(c->handler_calls == 0);
        CHECK_FALSE(c->handler_lives());
    }
    CHECK(r.transport(0).is_closed());
}
