// SPDX-License-Identifier: BSL-1.0

// The table "Retries, operation by operation", but for create, which confirm_test.cpp has: each cell over a
// real connection. The server tells how often it was asked.

#include "dialects.hpp"
#include "retries.hpp"

#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

struct retry_case
{
    const char* row;
    fault script;
    errc failure;         // that was got over
    unsigned sent;        // requests of which writing was started
    std::uint64_t seen;   // requests that the server read whole
    bool applied = false; // the first one
    bool new_connection = true;
    void (*tweak)(rooms::config&) = quick_retries;
};

void check_state(const rig& r, op o)
{
    const auto stored = r.server.find("r");
    if (o == op::remove) {
        CHECK_FALSE(stored.has_value());
        return;
    }
    REQUIRE(stored.has_value());
    CHECK(stored->voice == (o == op::voice));
    CHECK(stored->status == (o == op::status ? "ENDED" : "LIVE"));
}

void check_got_over(const retry_case& c, op o, const dialect_case& d)
{
    CAPTURE(c.row);
    CAPTURE(static_cast<int>(o));
    CAPTURE(d.name);
    rig r(speaking(d), c.tweak);
    r.server.put(sandbox::stored_room("r", "Room", "About"));
    r.server.inject(c.script);

    const outcome told = call(r, o);

    CHECK(!told.error);
    CHECK(told.diagnostics.attempts() == c.sent);
    CHECK(told.diagnostics.last_failure() == c.failure);
    CHECK(told.diagnostics.effect() == (o == op::get ? effect::none : effect::applied));
    CHECK(told.diagnostics.note().empty() == !(o == op::remove && c.applied));
    check_state(r, o);
    CHECK(requests(r, sandbox::operation::any) == c.seen);
    CHECK(r.client().stats().requests == c.sent);
    CHECK(r.client().stats().retries == 1);
    CHECK(r.client().stats().replays == 0);
    CHECK(r.server.counters().connections_accepted == (c.new_connection ? 2 : 1));
    CHECK(r.server.pending_faults() == 0);
}

void check_got_over(const std::vector<retry_case>& cases)
{
    for (const retry_case& c : cases)
        for (const op o : {op::get, op::voice, op::status, op::remove})
            for (const dialect_case* const d : all_dialects)
                check_got_over(c, o, *d);
}

} // namespace

// Rows 5 and 19.
TEST_CASE("retry_of_what_was_not_sent")
{
    check_got_over({
        {"5 closed on accept", fault::close_on_accept(), errc::connection_lost, 1, 1},
        {"19 stalled handshake", fault::stall_handshake(), errc::tls_timeout, 1, 1, false, true,
         quick_retries_of_short_attempts},
    });
}

// Rows 6, 7, 9, 12, 21.
TEST_CASE("retry_of_a_lost_answer")
{
    check_got_over({
        {"6 EOF, not applied", fault::drop_before(), errc::connection_lost, 2, 2},
        {"6 EOF, applied", fault::drop_after(), errc::connection_lost, 2, 2, true},
        {"6 reset, not applied", fault::reset_before(), errc::connection_lost, 2, 2},
        {"6 reset, applied", fault::reset_after(), errc::connection_lost, 2, 2, true},
        {"6 closed unread", fault::close_after_handshake(), errc::connection_lost, 2, 1},
        {"6 reset unread", fault::reset_after_handshake(), errc::connection_lost, 2, 1},
        {"7 reset in the answer", fault::reset_mid(), errc::truncated_response, 2, 2, true},
        {"9 close_notify before the answer", fault::drop_after().close_notify(true), errc::connection_lost, 2,
         2, true},
        {"12 short answer", fault::truncate(), errc::truncated_response, 2, 2, true},
        {"21 garbage record", fault::garbage_record(), errc::connection_lost, 2, 2},
    });
}

// Row 10.
TEST_CASE("retry_of_an_attempt_that_timed_out")
{
    const auto shortly = quick_retries_of_short_attempts;
    check_got_over({
        {"10 stall, not applied", fault::stall(), errc::response_timeout, 2, 2, false, true, shortly},
        {"10 stall, applied", fault::stall().apply(), errc::response_timeout, 2, 2, true, true, shortly},
        {"10 trickle", fault::trickle(5ms), errc::response_timeout, 2, 2, true, true, shortly},
    });
}

// Rows 40 and 42.
TEST_CASE("retry_of_a_refusal_that_may_pass")
{
    check_got_over({
        {"408", fault::respond(408), errc::request_timeout, 2, 2},
        {"408 applied", fault::respond(408).apply(), errc::request_timeout, 2, 2, true},
        {"421", fault::respond(421), errc::misdirected_request, 2, 2},
        {"40 429", fault::respond(429), errc::rate_limited, 2, 2, false, false},
        {"40 429 at once", fault::respond(429).field("Retry-After", "0"), errc::rate_limited, 2, 2, false,
         false},
        {"42 500", fault::respond(500), errc::server_error, 2, 2, false, false},
        {"42 502 applied", fault::respond(502).apply(), errc::server_error, 2, 2, true, false},
        {"42 503", fault::respond(503), errc::server_error, 2, 2, false, false},
        {"42 504 applied", fault::respond(504).apply(), errc::server_error, 2, 2, true, false},
    });
}

// Row 5: the reset comes before or after the client has noticed that it is connected.
TEST_CASE("retry_of_a_connection_that_was_reset_when_accepted")
{
    for (const op o : {op::create, op::get, op::voice, op::status, op::remove}) {
        CAPTURE(static_cast<int>(o));
        rig r(sandbox::options(), quick_retries);
        if (o != op::create) r.server.put(sandbox::stored_room("r", "Room", "About"));
        r.server.inject(fault::reset_on_accept().times(3));

        const outcome told = call(r, o);

        CHECK(!told.error);
        CHECK(told.diagnostics.attempts() == 1);
        CHECK_FALSE(told.diagnostics.confirmed());
        CHECK(r.client().stats().retries == 3);
        CHECK(requests(r, sandbox::operation::any) == 1);
    }
}

// The answer would be the same the next time, or tells nothing of what was done.
TEST_CASE("retry_is_not_for_an_answer_that_is_final")
{
    const struct
    {
        fault script;
        errc error;
        effect told; // of a change
    } cases[] = {
        {fault::respond(400), errc::bad_request, effect::none},
        {fault::respond(401), errc::unauthorized, effect::none},
        {fault::respond(403), errc::forbidden, effect::none},
        {fault::respond(404), errc::not_found, effect::none},
        {fault::respond(409), errc::bad_request, effect::none},
        {fault::respond(418), errc::bad_request, effect::none},
        {fault::redirect("/elsewhere"), errc::unexpected_redirect, effect::unknown},
        {fault::respond(501), errc::server_error, effect::unknown},
        {fault::garbage(), errc::malformed_response, effect::unknown},
        {fault::raw(answer("999 High", length(good_body))), errc::malformed_response, effect::unknown},
    };
    for (const auto& c : cases) {
        for (const op o : {op::get, op::voice, op::status, op::remove}) {
            CAPTURE(static_cast<int>(c.error));
            CAPTURE(static_cast<int>(o));
            rig r(sandbox::options(), quick_retries);
            r.server.put(sandbox::stored_room("r", "Room", "About"));
            r.server.inject(c.script);

            const outcome told = call(r, o);

            CHECK(told.error == c.error);
            CHECK(told.diagnostics.effect() == (o == op::get ? effect::none : c.told));
            CHECK_FALSE(told.diagnostics.last_failure());
            CHECK(requests(r, sandbox::operation::any) == 1);
            CHECK(r.client().stats().retries == 0);
        }
    }
}

// A server that is not TLS, or not the one it ought to be, will be so the next time.
TEST_CASE("retry_is_not_for_a_server_that_is_not_the_right_one")
{
    SUBCASE("no TLS")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::garbage_handshake().always());
        CHECK(r.call<get_room>().error == errc::tls_failed);
        CHECK(r.server.counters().connections_accepted == 1);
    }
    SUBCASE("another host")
    {
        rig r(sandbox::options().certificate(sandbox::certificate_kind::wrong_host), quick_retries);
        CHECK(r.call<get_room>().error == errc::tls_host_mismatch);
        CHECK(r.server.counters().connections_accepted == 1);
    }
}

// Row 3.
TEST_CASE("retry_of_a_refused_connection_ends_after_unsent_attempts")
{
    rig r(sandbox::options(), quick_retries);
    r.client();
    r.server.stop();

    const outcome o = r.call<create_room>();

    CHECK(o.error == errc::connect_failed);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(o.diagnostics.last_failure() == errc::connect_failed);
    CHECK(r.client().stats().connections_failed == 4);
    CHECK(r.client().stats().retries == 3);
}

TEST_CASE("retry_ends_after_as_many_attempts_as_the_policy_has")
{
    SUBCASE("ambiguous")
    {
        rig r(sandbox::options(), [](rooms::config& c) {
            quick_retries(c);
            c.retry.ambiguous_attempts = 3;
        });
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::drop_before().always());
        const outcome o = r.call<set_voice>();
        CHECK(o.error == errc::connection_lost);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.attempts() == 3);
        CHECK(requests(r, sandbox::operation::voice) == 3);
    }
    SUBCASE("throttled")
    {
        rig r(sandbox::options(), [](rooms::config& c) {
            quick_retries(c);
            c.retry.throttled_attempts = 2;
        });
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::respond(429).always());
        const outcome o = r.call<set_voice>();
        CHECK(o.error == errc::rate_limited);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(requests(r, sandbox::operation::voice) == 2);
    }
    SUBCASE("each way counted apart")
    {
        rig r(sandbox::options(), [](rooms::config& c) {
            quick_retries(c);
            c.retry.ambiguous_attempts = c.retry.throttled_attempts = c.retry.unsent_attempts = 2;
        });
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::close_on_accept());
        r.server.inject(fault::respond(421));
        r.server.inject(fault::respond(429));
        r.server.inject(fault::respond(503));
        const outcome o = r.call<set_voice>();
        CHECK(o.error == errc::misdirected_request); // the second one that counts as not sent
        CHECK(r.server.pending_faults() == 2);
    }
}

TEST_CASE("retry_of_an_operation_that_the_policy_does_not_call_idempotent")
{
    const auto tweak = [](rooms::config& c) {
        quick_retries(c);
        c.retry.idempotent.erase(rooms::operation_kind::set_voice);
    };
    SUBCASE("not where it may have been carried out")
    {
        for (const bool reused : {false, true}) {
            CAPTURE(reused);
            rig r(sandbox::options(), tweak);
            r.server.put(sandbox::stored_room("r"));
            if (reused) REQUIRE(!r.call<get_room>().error);
            r.server.inject(fault::drop_after());
            const outcome o = r.call<set_voice>();
            CHECK(o.error == errc::connection_lost);
            CHECK(o.diagnostics.effect() == effect::unknown);
            CHECK(requests(r, sandbox::operation::voice) == 1);
        }
    }
    SUBCASE("where it was not")
    {
        rig r(sandbox::options(), tweak);
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::close_on_accept());
        r.server.inject(fault::respond(429));
        CHECK(!r.call<set_voice>().error);
        CHECK(requests(r, sandbox::operation::voice) == 2);
    }
}

TEST_CASE("retry_policy_of_a_call_overrides_the_clients")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::drop_before());
    outcome o;
    start<get_room>(r.client(), o, rooms::call_options().retry(rooms::retry_policy::none()));
    run_all(r.io);
    CHECK(o.error == errc::connection_lost);
    CHECK(requests(r, sandbox::operation::get) == 1);
}

// Row 8: a dead connection costs no attempt.
TEST_CASE("replay_on_a_dead_connection_is_not_counted")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.retry.ambiguous_attempts = 2;
    });
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::drop_before().times(2));

    const outcome o = r.call<set_voice>();

    CHECK(!o.error);
    CHECK(o.diagnostics.attempts() == 3);
    CHECK(r.client().stats().replays == 1);
    CHECK(r.client().stats().retries == 1);
}

TEST_CASE("delete_of_a_room_that_is_not_there_succeeds_only_where_asked_for")
{
    rig strict(sandbox::options(), quick_retries);
    CHECK(strict.call<delete_room>().error == errc::not_found);

    rig lenient(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.retry.accept_missing_on_delete = true;
    });
    const outcome o = lenient.call<delete_room>();
    CHECK(!o.error);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK_FALSE(o.diagnostics.note().empty());
}

TEST_CASE("retry_budget_spent_makes_a_failure_final")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.retry.budget = 10;
    });
    r.server.inject(fault::respond(503).always());

    const outcome first = r.call<get_room>();
    const outcome second = r.call<get_room>();

    CHECK(first.error == errc::server_error);
    CHECK(first.diagnostics.attempts() == 3); // ten tokens are two retries
    CHECK_FALSE(first.diagnostics.note().empty());
    CHECK(second.error == errc::server_error);
    CHECK(second.diagnostics.attempts() == 1);
    CHECK(requests(r, sandbox::operation::get) == 4);
}

// A wait that would outlast the call is not begun.
TEST_CASE("deadline_before_the_end_of_a_backoff_ends_the_call_at_once")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::respond(503).field("Retry-After", "20"));
    const stop_watch watch;

    const outcome o = r.call<set_voice>(10s);

    CHECK(o.error == errc::server_error);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(o.diagnostics.retry_after() == 20s);
    CHECK_FALSE(o.diagnostics.note().empty());
    CHECK(watch.elapsed() < 10s);
}

TEST_CASE("deadline_ends_a_call_that_is_being_retried")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::respond(500));
    r.server.inject(fault::stall());

    const outcome o = r.call<set_voice>(300ms);

    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::wait);
    CHECK(o.diagnostics.attempts() == 2);
    CHECK(o.diagnostics.last_failure() == errc::server_error);
    CHECK(o.diagnostics.effect() == effect::unknown);
}

TEST_CASE("deadline_ends_a_call_that_waits_for_a_connection_to_be_retried_on")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::drop_before());
    r.server.inject(fault::stall_handshake().nth(2));
    const stop_watch watch;

    const outcome o = r.call<set_voice>(300ms);

    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::handshake);
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(o.diagnostics.last_failure() == errc::connection_lost);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(watch.elapsed() < 4s); // before the handshake's own limit
}
