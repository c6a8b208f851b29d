// SPDX-License-Identifier: BSL-1.0

// Rows 40 and 41, and what they mean for the other calls of a client: 429, Retry-After, and the caller's own
// limit on the rate.

#include "retries.hpp"

#include <array>
#include <string>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

fault limited(const std::string& retry_after)
{
    return fault::respond(429)
        .field("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .field("Retry-After", retry_after);
}

} // namespace

TEST_CASE("throttled_call_waits_for_as_long_as_was_asked_for_and_all_others_with_it")
{
    const char* const waits[] = {"1", "Sun, 06 Nov 1994 08:49:38 GMT"}; // by the server's clock of then
    for (const char* wait : waits) {
        CAPTURE(wait);
        rig r(sandbox::options(), quick_retries);
        r.server.put(sandbox::stored_room("r", "Room"));
        r.server.inject(limited(wait));
        outcome refused;
        std::array<outcome, 5> others;
        start<set_voice>(r.client(), refused);
        run_until(r.io, [&] { return r.client().stats().throttled == 1; });
        const stop_watch watch;
        for (outcome& o : others)
            start<get_room>(r.client(), o);
        r.io.poll();

        CHECK(r.client().stats().requests == 1);
        CHECK(r.client().stats().calls == 6);
        for (const outcome& o : others)
            CHECK_FALSE(o.ended());

        run_all(r.io);
        CHECK(watch.elapsed() > 900ms);
        CHECK(!refused.error);
        CHECK(refused.diagnostics.attempts() == 2);
        for (const outcome& o : others) {
            CHECK(!o.error);
            CHECK(o.diagnostics.attempts() == 1);
        }
        CHECK(requests(r, sandbox::operation::any) == 7);
    }
}

// A wait that would outlast the call is not begun.
TEST_CASE("throttled_client_refuses_calls_that_have_no_time_to_wait")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m, quick_retries);
        r.server.put(sandbox::stored_room("r", "Room"));
        r.server.inject(limited("25"));
        outcome refused;
        outcome hasty;
        outcome patient;
        r.client->async_set_voice("r", true, refused.diagnostics, refused.handler());
        run_until(*r.io, [&] { return r.client->stats().throttled == 1; });
        r.client->async_create_room({"new", "Room", "About"},
                                    rooms::call_options(hasty.diagnostics).timeout(10s), hasty.handler());
        r.client->async_get_room("r", patient.diagnostics, patient.handler());
        run_until(*r.io, [&] { return hasty.ended(); });

        CHECK(hasty.error == errc::rate_limited);
        CHECK(hasty.diagnostics.effect() == effect::none);
        CHECK(hasty.diagnostics.attempts() == 0);
        CHECK(hasty.diagnostics.phase() == rooms::phase::throttle);
        CHECK(hasty.diagnostics.retry_after() > 20s);
        CHECK_FALSE(refused.ended());
        CHECK_FALSE(patient.ended());

        r.client.reset();
        run_all(*r.io);
        CHECK(refused.error == errc::shutting_down);
        CHECK(refused.diagnostics.last_failure() == errc::rate_limited);
        CHECK(refused.diagnostics.effect() == effect::none); // not accepted: nothing was done
        CHECK(patient.error == errc::shutting_down);
        CHECK(patient.diagnostics.phase() == rooms::phase::throttle);
        CHECK(patient.diagnostics.attempts() == 0);
        CHECK(r.server.counters().requests(sandbox::operation::any) == 1);
    }
}

TEST_CASE("throttled_calls_are_drained")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r", "Room"));
    r.server.inject(limited("1"));
    outcome refused;
    outcome waiting;
    start<set_voice>(r.client(), refused);
    run_until(r.io, [&] { return r.client().stats().throttled == 1; });
    start<get_room>(r.client(), waiting);
    bool drained = false;
    r.client().async_drain([&](rooms::error_code ec) {
        CHECK(!ec);
        drained = true;
    });
    run_all(r.io);
    CHECK(drained);
    CHECK(!refused.error);
    CHECK(!waiting.error);
    CHECK(r.client().stats().open_connections == 0);
}

// Row 41.
TEST_CASE("throttled_without_a_usable_retry_after_backs_off_by_itself")
{
    for (const char* value : {"soon", "-1", "1.5", "", "Sun, 06 Nov 1994", "Sun, 06 Nov 1990 08:49:37 GMT"}) {
        CAPTURE(value);
        rig r(sandbox::options(), quick_retries);
        r.server.put(sandbox::stored_room("r", "Room"));
        r.server.inject(limited(value).times(2));

        const outcome o = r.call<set_voice>();

        CHECK(!o.error);
        CHECK(o.diagnostics.attempts() == 3);
        CHECK(r.client().stats().throttled == 2);
    }
}

// Row 41.
TEST_CASE("throttled_for_longer_than_is_waited_for_fails_at_once")
{
    for (const char* value : {"99999999999999999999", "61", "Sun, 06 Nov 1994 09:49:37 GMT"}) {
        CAPTURE(value);
        rig r(sandbox::options(), [](rooms::config& c) {
            quick_retries(c);
            c.timeout = std::chrono::hours(2);
        });
        r.server.put(sandbox::stored_room("r", "Room"));
        r.server.inject(limited(value));

        const outcome o = r.call<set_voice>();

        CHECK(o.error == errc::rate_limited);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(o.diagnostics.attempts() == 1);
        CHECK(o.diagnostics.retry_after() > 60s);
        CHECK(o.diagnostics.note().find("max_retry_after") != std::string::npos);
        CHECK(requests(r, sandbox::operation::any) == 1);
        // The client keeps quiet for as long as it is prepared to.
        CHECK(r.call<get_room>(50s).error == errc::rate_limited);
        CHECK(requests(r, sandbox::operation::any) == 1);
    }
}

// Row 42.
TEST_CASE("overload_of_one_call_does_not_hold_up_others")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r", "Room"));
    r.server.inject(fault::respond(503).field("Retry-After", "1"));
    outcome waits;
    outcome passes;
    const stop_watch watch;
    start<set_voice>(r.client(), waits);
    run_until(r.io, [&] { return r.client().stats().retries == 1; });
    start<get_room>(r.client(), passes);
    run_until(r.io, [&] { return passes.ended(); });
    CHECK(!passes.error);
    CHECK_FALSE(waits.ended());
    run_all(r.io);
    CHECK(!waits.error);
    CHECK(watch.elapsed() > 900ms);
}

TEST_CASE("overload_for_longer_than_is_waited_for_fails_at_once")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.retry.max_retry_after = 5s;
    });
    r.server.put(sandbox::stored_room("r", "Room"));
    r.server.inject(fault::respond(503).field("Retry-After", "6"));

    const outcome o = r.call<set_voice>();

    CHECK(o.error == errc::server_error);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.retry_after() == 6s);
    CHECK(o.diagnostics.note().find("max_retry_after") != std::string::npos);
    CHECK(!r.call<get_room>().error); // held up by nothing
}

TEST_CASE("rate_is_limited_as_the_caller_says")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        constexpr int calls = 21;
        moded_rig r(m, [](rooms::config& c) {
            quick_retries(c);
            c.max_requests_per_second = 100;
        });
        r.server.put(sandbox::stored_room("r", "Room"));
        std::array<outcome, calls> all;
        const stop_watch watch;
        for (outcome& o : all)
            r.client->async_get_room("r", o.diagnostics, o.handler());
        r.io->run();
        // the first at once, and one more as burst
        CHECK(watch.elapsed() >= (calls - 2) * 10ms);
        for (const outcome& o : all)
            CHECK(!o.error);
        CHECK(r.client->stats().throttled == 0);
    }
}

// Retries and confirmations are requests as well.
TEST_CASE("rate_includes_retries")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.max_requests_per_second = 20;
    });
    r.server.inject(fault::drop_before().on(sandbox::operation::create));
    const stop_watch watch;
    const outcome o = r.call<create_room>(); // create, get, get, create
    CHECK(!o.error);
    CHECK(o.diagnostics.attempts() == 4);
    CHECK(watch.elapsed() >= 2 * 50ms);
}

TEST_CASE("deadline_ends_a_call_that_waits_for_its_turn_under_the_rate")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.max_requests_per_second = 0.01;
    });
    r.server.put(sandbox::stored_room("r", "Room"));
    REQUIRE(!r.call<get_room>().error);

    const outcome o = r.call<set_voice>(50ms);

    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::throttle);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(requests(r, sandbox::operation::any) == 1);
}
