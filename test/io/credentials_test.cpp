// SPDX-License-Identifier: BSL-1.0
// The credential provider: asked once for all, and whatever it does.
#include "support/allocation_gate.hpp"
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

const credentials fresh("KEY-2", "TOKEN-2");

// Questions to a provider, answered by the test.
class questions
{
public:
    credential_provider provider()
    {
        return [this](credential_reply reply) {
            const allocation_gate::uncounted guard;
            open.push_back(std::move(reply));
        };
    }

    // A client without credentials of its own.
    config only_provider()
    {
        config c = retrying();
        c.credentials = credentials();
        c.credential_provider = provider();
        return c;
    }

    config with_credentials()
    {
        config c = retrying();
        c.credential_provider = provider();
        return c;
    }

    std::vector<credential_reply> open;
};

bool sent_with(const scripted_transport& t, std::string_view token)
{
    return t.requests().back().find("Bearer " + std::string(token)) != std::string::npos;
}

} // namespace

TEST_CASE("credentials asked_for_before_the_first_request")
{
    for (const bool strand : {false, true}) {
        CAPTURE(strand);
        // Setup
        questions q;
        rig r(q.only_provider(), strand);
        call_record& first = r.get("1");
        call_record& second = r.voice("2", true);

        // Run
        r.sim.poll();
        REQUIRE(q.open.size() == 1);
        CHECK(r.sim.transports() == 0);
        q.open[0](fresh);
        r.sim.poll();
        r.open_all();

        // Check
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            CHECK(sent_with(r.transport(i), "TOKEN-2"));
            serve(r, r.transport(i));
        }
        CHECK(first.ending() == success(effect::none));
        CHECK(second.ending() == success());
        CHECK(r.stats().credentials_asked == 1);
        CHECK(at_rest(r));
    }
}

TEST_CASE("credentials renewed_once_for_all_calls")
{
    // Setup
    questions q;
    rig r(q.with_credentials());
    std::vector<call_record*> calls;
    for (int i = 0; i < 4; ++i)
        calls.push_back(&r.voice(std::to_string(i), true));
    r.open_all();

    // Run: the last answer comes when there are others already.
    for (std::size_t i = 0; i < 3; ++i)
        r.transport(i).answer(unauthorized());
    r.sim.poll();
    REQUIRE(q.open.size() == 1);
    q.open[0](fresh);
    r.sim.poll();
    r.transport(3).answer(unauthorized());
    r.sim.poll();

    // Check
    CHECK(r.stats().credentials_asked == 1);
    CHECK(requests(r) == 8);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(sent_with(r.transport(i), "TOKEN-2"));
        serve(r, r.transport(i));
    }
    for (const call_record* call : calls) {
        CHECK(call->ending() == success());
        CHECK(call->diagnostics.last_failure() == errc::unauthorized);
    }
    CHECK(r.stats().retries == 0);
    CHECK(at_rest(r));
}

TEST_CASE("credentials refused_a_second_time")
{
    questions q;
    rig r(q.with_credentials());
    call_record& call = r.voice("r", true);
    r.open_all();
    r.newest().answer(unauthorized());
    r.sim.poll();
    q.open.at(0)(fresh);
    r.sim.poll();
    r.newest().answer(unauthorized());
    r.sim.poll();
    CHECK(call.ending() == ending(errc::unauthorized, effect::none, phase::answered));
    CHECK(q.open.size() == 1);
    CHECK(at_rest(r));
}

TEST_CASE("credentials provider_that_fails")
{
    const error_code timed_out = make_error_code(boost::system::errc::timed_out);
    for (int how = 0; how < 6; ++how) {
        CAPTURE(how);
        // Setup
        questions q;
        config c = q.only_provider();
        if (how == 4) c.credential_provider = [](const credential_reply&) { throw std::runtime_error("x"); };
        rig r(c);
        call_record& first = r.get("1");
        call_record& second = r.create("2");
        r.sim.poll();

        // Run
        error_code cause = errc::credentials_failed;
        if (how == 0) q.open.at(0)(cause = errc::forbidden);
        if (how == 1) q.open.at(0)(error_code());
        if (how == 2) q.open.clear();
        if (how == 3) {
            cause = timed_out;
            r.sim.advance(10s);
        }
        if (how == 5) {
            cause = errc::invalid_argument;
            q.open.at(0)(credentials("key", "two\r\nlines"));
        }
        r.sim.poll();

        // Check
        for (const call_record* call : {&first, &second}) {
            CHECK(call->ending() == ending(errc::credentials_failed, effect::none, phase::credentials));
            CHECK(call->diagnostics.cause() == cause);
            CHECK(call->diagnostics.attempts() == 0);
        }
        CHECK(at_rest(r));
        if (how == 3) { // too late: nobody waits for it, and the next call asks anew
            q.open.at(0)(fresh);
            r.sim.poll();
        }
        if (how == 4) continue;
        q.open.clear();
        call_record& next = r.get("3");
        r.sim.poll();
        REQUIRE(q.open.size() == 1);
        q.open[0](fresh);
        r.sim.poll();
        r.open_all();
        serve(r, r.newest());
        CHECK(next.ending() == success(effect::none));
    }
}

TEST_CASE("credentials of_a_question_that_was_given_up_do_not_answer_the_next_one")
{
    // Setup
    questions q;
    rig r(q.only_provider());
    r.get("1");
    r.sim.poll();
    const credential_reply given_up = q.open.at(0);
    q.open.clear();
    r.sim.advance(10s);
    call_record& next = r.get("2");
    r.sim.poll();
    REQUIRE(q.open.size() == 1);

    // Run
    given_up(credentials("KEY-1", "TOKEN-1"));
    r.sim.poll();
    REQUIRE(r.sim.transports() == 0);
    q.open[0](fresh);
    r.sim.poll();
    r.open_all();

    // Check
    CHECK(sent_with(r.newest(), "TOKEN-2"));
    serve(r, r.newest());
    CHECK(next.ending() == success(effect::none));
}

TEST_CASE("credentials answered_twice_and_from_another_thread")
{
    questions q;
    rig r(q.only_provider());
    call_record& call = r.get("r");
    r.sim.poll();
    std::thread([reply = q.open.at(0)] { reply(fresh); }).join();
    q.open[0](credentials("KEY-3", "TOKEN-3"));
    q.open.clear();
    r.sim.poll();
    r.open_all();
    CHECK(sent_with(r.newest(), "TOKEN-2"));
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
}

// For ThreadSanitizer and AddressSanitizer.
TEST_CASE("credentials answered_by_a_thread_while_the_context_is_destroyed")
{
    for (int i = 0; i < 20; ++i) {
        questions q;
        rig r(q.only_provider());
        const call_record& call = r.get("r");
        r.sim.poll();
        std::thread answering([reply = std::move(q.open.at(0))] { reply(fresh); });
        q.open.clear();
        r.abandon();
        r.sim.destroy_io();
        answering.join();
        CHECK_FALSE(call.handler_lives());
    }
}

TEST_CASE("credentials set_by_the_caller_while_the_provider_is_asked")
{
    // Setup
    questions q;
    rig r(q.only_provider());
    call_record& call = r.get("r");
    r.sim.poll();

    // Run
    r.set_credentials(fresh);
    q.open.at(0)(errc::forbidden); // older
    r.sim.poll();
    r.open_all();

    // Check
    CHECK(sent_with(r.newest(), "TOKEN-2"));
    serve(r, r.newest());
    CHECK(call.ending() == success(effect::none));
    r.sim.advance(1h);
    CHECK_FALSE(r.sim.alarm().has_value());
}

TEST_CASE("credentials waited_for_until_the_call_ends")
{
    for (int how = 0; how < 4; ++how) {
        CAPTURE(how);
        // Setup
        questions q;
        rig r(q.only_provider());
        call_record& call = r.voice("r", true, call_options().timeout(5s));
        call_record& drained = r.drain();
        r.sim.poll();

        // Run
        if (how == 0) r.cancel(call, cancellation_type::total);
        if (how == 1) r.sim.advance(5s);
        if (how == 2) r.stop();
        if (how == 3) r.abandon();
        r.sim.poll();

        // Check
        const error_code errors[] = {errc::cancelled, errc::deadline_exceeded, errc::shutting_down};
        if (how < 3) {
            CHECK(call.ending() == ending(errors[how], effect::none, phase::credentials));
            CHECK(drained.done());
            CHECK(at_rest(r));
        } else {
            CHECK_FALSE(call.handler_lives());
            CHECK_FALSE(drained.handler_lives());
        }
        q.open.at(0)(fresh);
        r.sim.poll();
        CHECK(r.sim.transports() == 0);
    }
}

TEST_CASE("credentials answered_when_all_is_gone")
{
    for (const bool engine_lives : {false, true}) {
        CAPTURE(engine_lives);
        questions q;
        std::optional<rig> r(std::in_place, q.only_provider());
        call_record& call = r->get("r");
        r->sim.poll();
        r->abandon();
        r->sim.destroy_io();
        CHECK_FALSE(call.handler_lives());
        if (!engine_lives) r->forget_engine();

        q.open.at(0)(fresh);
        q.open.clear();

        CHECK(call.handler_calls == 0);
        CHECK(r->sim.resolutions() == 0); // nothing was begun with them
        if (engine_lives) r->forget_engine();
    }
}

TEST_CASE("credentials provider_and_handlers_that_use_the_client")
{
    // Setup: the provider begins calls, and the handler of a call that it fails destroys the client.
    questions q;
    config c = retrying();
    c.credentials = credentials();
    rig* client = nullptr;
    c.credential_provider = [&](const credential_reply& reply) {
        if (client->calls().size() < 3) client->get("from the provider");
        reply(errc::forbidden);
    };
    rig r(c);
    client = &r;
    call_record& first = r.voice("r", true);
    call_record& second = r.voice("r", false);
    first.then = [&] {
        r.stop();
        r.forget_engine();
    };

    // Run
    r.sim.poll();

    // Check
    CHECK(first.error == errc::credentials_failed);
    CHECK(second.error == errc::shutting_down);
    for (const call_record& call : r.calls())
        CHECK(call.handler_calls == 1);
    CHECK(r.sim.breaches() == "");
}

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

TEST_CASE("credentials that_fail_while_memory_is_short")
{
    for (std::size_t n = 1;; ++n) {
        CAPTURE(n);
        // Setup
        questions q;
        rig r(q.only_provider());
        for (int i = 0; i < 4; ++i)
            r.get(std::to_string(i));
        r.sim.poll();
        std::size_t lost = 0;

        // Run
        allocation_gate::fail_at(n);
        for (int i = 0; i < 8; ++i) {
            try {
                if (i == 0) {
                    const allocation_gate::counted counting;
                    q.open.at(0)(errc::forbidden);
                }
                r.sim.poll();
            } catch (const std::bad_alloc&) {
                ++lost;
            }
        }
        const bool over = allocation_gate::failed() == 0;
        allocation_gate::never_fail();
        r.sim.advance(1h);

        // Check
        std::size_t unheard = 0;
        for (const call_record& call : r.calls()) {
            CHECK(call.handler_calls <= 1);
            CHECK_FALSE(call.handler_lives());
            if (call.done())
                CHECK(call.error == errc::credentials_failed);
            else
                ++unheard;
        }
        CHECK(unheard <= lost);
        CHECK(at_rest(r));
        if (over) break;
        REQUIRE(n < 1000);
    }
}

#endif
