// SPDX-License-Identifier: BSL-1.0

// The table "Retries, operation by operation", its column of create: retried, or confirmed, or told to be
// unknown, and never carried out twice.

#include "dialects.hpp"
#include "retries.hpp"

#include <string>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

struct confirm_case
{
    const char* row;
    fault script;
    errc failure; // that was got over
    void (*tweak)(rooms::config&) = quick_retries;
};

void check_confirmed(const rig& r, const outcome& o)
{
    CHECK(!o.error);
    CHECK(o.diagnostics.confirmed());
    CHECK(o.diagnostics.effect() == effect::applied);
    CHECK(o.room.confirmed());
    CHECK(o.room.id() == "r");
    CHECK(o.room.name() == "Room");
    CHECK(r.server.creations("r") == 1);
}

void check_unknown(const outcome& o, errc last_failure)
{
    CHECK(o.error == errc::outcome_unknown);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.phase() == rooms::phase::confirm);
    CHECK(o.diagnostics.last_failure() == last_failure);
    CHECK_FALSE(o.diagnostics.confirmed());
}

constexpr auto shortly = quick_retries_of_short_attempts;
constexpr auto creates = sandbox::operation::create;
constexpr auto gets = sandbox::operation::get;

} // namespace

// Rows 6, 7, 10, 12, 22 and 42, and status 408: the first look finds it.
TEST_CASE("create_whose_answer_was_lost_is_confirmed")
{
    const confirm_case cases[] = {
        {"6 EOF", fault::drop_after(), errc::connection_lost},
        {"6 close_notify", fault::drop_after().close_notify(true), errc::connection_lost},
        {"6 reset", fault::reset_after(), errc::connection_lost},
        {"7 reset in the answer", fault::reset_mid(), errc::truncated_response},
        {"7 reset in the head", fault::reset_mid().cut(20), errc::truncated_response},
        {"12 short answer", fault::truncate(), errc::truncated_response},
        {"10 stall", fault::stall().apply(), errc::response_timeout, shortly},
        {"10 trickle", fault::trickle(5ms), errc::response_timeout, shortly},
        {"21 garbage record", fault::garbage_record().apply(), errc::connection_lost},
        {"22 garbage", fault::garbage().apply(), errc::malformed_response},
        {"408", fault::respond(408).apply(), errc::request_timeout},
        {"42 500", fault::respond(500).apply(), errc::server_error},
        {"42 502", fault::respond(502).apply(), errc::server_error},
        {"42 503", fault::respond(503).apply(), errc::server_error},
        {"42 503 with Retry-After", fault::respond(503).apply().field("Retry-After", "0"),
         errc::server_error},
        {"42 504", fault::respond(504).apply(), errc::server_error},
        {"501", fault::respond(501).apply(), errc::server_error},
    };
    for (const auto& c : cases) {
        CAPTURE(c.row);
        for (const dialect_case* const d : all_dialects) {
            CAPTURE(d->name);
            rig r(speaking(*d), c.tweak);
            r.server.inject(c.script);

            const outcome o = r.call<create_room>();

            check_confirmed(r, o);
            CHECK(o.diagnostics.attempts() == 2);
            CHECK(o.diagnostics.last_failure() == c.failure);
            CHECK(requests(r, creates) == 1);
            CHECK(requests(r, gets) == 1);
            CHECK(r.client().stats().confirmations == 1);
            CHECK(r.client().stats().retries == 0);
        }
    }
}

TEST_CASE("fault_82 service_restarts_in_the_middle_of_creates")
{
    // Setup: all connections have served.
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.retry.ambiguous_attempts = 20;
    });
    constexpr std::size_t count = 16;
    const auto create_all = [&](const std::string& prefix) {
        std::vector<outcome> calls(count);
        for (std::size_t i = 0; i < count; ++i)
            r.client().async_create_room({prefix + std::to_string(i), "Room", "About"}, calls[i].diagnostics,
                                         calls[i].handler());
        run_all(r.io);
        return calls;
    };
    create_all("before ");
    const auto connections = r.server.counters().connections_accepted;

    // Run: each is reset, and for a while the service is not ready.
    r.server.drop_connections(true);
    r.server.inject(fault::respond(503).times(count / 2));
    r.server.inject(fault::respond(503).apply().times(count / 2));
    const auto calls = create_all("after ");

    // Check
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        CHECK(calls[i].completions == 1);
        CHECK(!calls[i].error);
        CHECK(r.server.creations("after " + std::to_string(i)) == 1);
    }
    CHECK(r.server.counters().connections_accepted > connections);
    CHECK(r.server.pending_faults() == 0);
}

TEST_CASE("create_is_confirmed_on_every_executor")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m, quick_retries);
        r.server.inject(fault::drop_after());
        outcome o;
        r.client->async_create_room({"r", "Room", "About"}, o.diagnostics, o.handler());
        r.io->run();
        CHECK(!o.error);
        CHECK(o.completions == 1);
        CHECK(o.room.confirmed());
        CHECK(r.server.creations("r") == 1);
    }
}

// Row 8: a create is not replayed, whatever the connection had served before.
TEST_CASE("create_on_a_connection_that_turned_out_dead_is_confirmed")
{
    rig r(sandbox::options(), quick_retries);
    REQUIRE(r.call<get_room>().error == errc::not_found);
    r.server.inject(fault::drop_after());

    const outcome o = r.call<create_room>();

    check_confirmed(r, o);
    CHECK(requests(r, creates) == 1);
    CHECK(r.client().stats().replays == 0);
}

// Not found, nor after the settle delay: the request was lost before it was carried out.
TEST_CASE("create_that_was_lost_is_sent_once_more_when_two_looks_find_nothing")
{
    const confirm_case cases[] = {
        {"6 EOF", fault::drop_before(), errc::connection_lost},
        {"6 reset", fault::reset_before(), errc::connection_lost},
        {"10 stall", fault::stall(), errc::response_timeout, shortly},
        {"22 garbage", fault::garbage(), errc::malformed_response},
        {"408", fault::respond(408), errc::request_timeout},
        {"42 503", fault::respond(503), errc::server_error},
    };
    for (const auto& c : cases) {
        CAPTURE(c.row);
        rig r(sandbox::options(), c.tweak);
        r.server.inject(c.script);

        const outcome o = r.call<create_room>();

        CHECK(!o.error);
        CHECK(o.diagnostics.effect() == effect::applied);
        CHECK_FALSE(o.diagnostics.confirmed());
        CHECK_FALSE(o.room.confirmed());
        CHECK(o.diagnostics.attempts() == 4);
        CHECK(r.server.creations("r") == 1);
        CHECK(requests(r, creates) == 2);
        CHECK(requests(r, gets) == 2);
        CHECK(r.client().stats().confirmations == 1);
    }
}

// Rows 5, 19 and 40, and status 421: nothing was done, so nothing is confirmed.
TEST_CASE("create_that_was_not_carried_out_is_retried")
{
    const struct
    {
        const char* row;
        fault script;
        errc failure;
        unsigned sent;
    } cases[] = {
        {"5 closed on accept", fault::close_on_accept(), errc::connection_lost, 1},
        {"19 stalled handshake", fault::stall_handshake(), errc::tls_timeout, 1},
        {"40 429", fault::respond(429), errc::rate_limited, 2},
        {"421", fault::respond(421), errc::misdirected_request, 2},
    };
    for (const auto& c : cases) {
        CAPTURE(c.row);
        rig r(sandbox::options(), shortly);
        r.server.inject(c.script);

        const outcome o = r.call<create_room>();

        CHECK(!o.error);
        CHECK_FALSE(o.diagnostics.confirmed());
        CHECK(o.diagnostics.attempts() == c.sent);
        CHECK(o.diagnostics.last_failure() == c.failure);
        CHECK(r.server.creations("r") == 1);
        CHECK(requests(r, gets) == 0);
        CHECK(r.client().stats().retries == 1);
        CHECK(r.client().stats().confirmations == 0);
    }
}

TEST_CASE("create_that_is_refused_is_not_retried")
{
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r", "Room", "About")); // even with the same members

    const outcome o = r.call<create_room>();

    CHECK(o.error == errc::conflict);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(requests(r, gets) == 0);
}

// Row 80: a copy of the create came first, and the original is refused.
TEST_CASE("fault_80_create_that_is_refused_is_looked_up_if_asked_for")
{
    const auto careful = [](rooms::config& c) {
        quick_retries(c);
        c.retry.confirm_conflicts = true;
    };
    SUBCASE("with the members asked for")
    {
        rig r(sandbox::options(), careful);
        r.server.inject(fault::respond(409).apply());
        check_confirmed(r, r.call<create_room>());
        CHECK(requests(r, creates) == 1);
        CHECK(requests(r, gets) == 1);
    }
    SUBCASE("with others")
    {
        rig r(sandbox::options(), careful);
        r.server.put(sandbox::stored_room("r", "Another", "About"));
        const outcome o = r.call<create_room>();
        CHECK(o.error == errc::conflict);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(r.server.find("r")->name == "Another");
    }
}

TEST_CASE("create_that_finds_a_room_with_other_members_is_a_conflict")
{
    SUBCASE("after a lost answer")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.put(sandbox::stored_room("r", "Another", "About"));
        r.server.inject(fault::drop_before());
        const outcome o = r.call<create_room>();
        CHECK(o.error == errc::conflict);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK_FALSE(o.diagnostics.note().empty());
        CHECK(r.server.creations("r") == 0);
        CHECK(r.server.find("r")->name == "Another");
    }
    SUBCASE("after a 429")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.put(sandbox::stored_room("r", "Another", "About"));
        r.server.inject(fault::respond(429));
        const outcome o = r.call<create_room>();
        CHECK(o.error == errc::conflict);
        CHECK(o.diagnostics.effect() == effect::none); // it was never accepted
        CHECK(requests(r, creates) == 2);
        CHECK(requests(r, gets) == 1);
    }
}

TEST_CASE("create_refused_as_a_duplicate_after_a_429_is_confirmed")
{
    for (const bool as_400 : {false, true}) {
        CAPTURE(as_400);
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::respond(429).apply()); // it was carried out all the same
        if (as_400) r.server.inject(fault::respond(400, R"({"message":"roomId already exists"})"));

        const outcome o = r.call<create_room>();

        check_confirmed(r, o);
        CHECK(o.diagnostics.attempts() == 3);
        CHECK(requests(r, creates) == 2);
    }
}

// A service that shows a new room late: the second create meets the first one's room.
TEST_CASE("create_sent_once_more_that_meets_its_own_room_is_confirmed")
{
    rig r(sandbox::options(), quick_retries);
    r.server.inject(fault::drop_after().on(creates));
    r.server.inject(
        fault::respond(404, R"({"statusCode":404,"message":"Room not found"})").on(gets).times(2));

    const outcome o = r.call<create_room>();

    check_confirmed(r, o);
    CHECK(requests(r, creates) == 2);
    CHECK(requests(r, gets) == 3);
}

TEST_CASE("create_sent_once_more_whose_answer_is_lost_too_is_confirmed")
{
    rig r(sandbox::options(), quick_retries);
    r.server.inject(fault::drop_before().on(creates));
    r.server.inject(fault::drop_after().on(creates));

    const outcome o = r.call<create_room>();

    check_confirmed(r, o);
    CHECK(requests(r, creates) == 2);
    CHECK(requests(r, gets) == 3);
}

TEST_CASE("create_that_is_lost_twice_and_not_found_is_unknown")
{
    rig r(sandbox::options(), quick_retries);
    r.server.inject(fault::drop_before().on(creates).always());

    const outcome o = r.call<create_room>();

    check_unknown(o, errc::connection_lost);
    CHECK(o.diagnostics.attempts() == 6);
    CHECK(requests(r, creates) == 2);
    CHECK(requests(r, gets) == 4);
    CHECK(r.server.room_count() == 0);
}

TEST_CASE("create_whose_confirmation_fails_for_good_is_unknown")
{
    SUBCASE("overloaded")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::drop_after().on(creates));
        r.server.inject(fault::respond(503).on(gets).always());
        check_unknown(r.call<create_room>(), errc::server_error);
        CHECK(requests(r, gets) == 4);
        CHECK(r.server.creations("r") == 1);
    }
    SUBCASE("lost")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::drop_after().on(creates));
        r.server.inject(fault::reset_before().on(gets).always());
        check_unknown(r.call<create_room>(), errc::connection_lost);
        CHECK(r.server.creations("r") == 1);
    }
    SUBCASE("forbidden")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::drop_after().on(creates));
        r.server.inject(fault::respond(403).on(gets));
        check_unknown(r.call<create_room>(), errc::forbidden);
        CHECK(requests(r, gets) == 1);
    }
    SUBCASE("not a room")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::drop_after().on(creates));
        r.server.inject(fault::respond(200, "[]").on(gets));
        check_unknown(r.call<create_room>(), errc::bad_body);
    }
    SUBCASE("no connection")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::drop_after().on(creates));
        r.server.inject(fault::close_on_accept().nth(2).always());
        check_unknown(r.call<create_room>(), errc::connection_lost);
        CHECK(requests(r, gets) == 0);
    }
    SUBCASE("a longer wait than the call has time for")
    {
        rig r(sandbox::options(), quick_retries);
        r.server.inject(fault::respond(503).apply().field("Retry-After", "20"));
        const stop_watch watch;
        check_unknown(r.call<create_room>(10s), errc::server_error);
        CHECK(watch.elapsed() < 10s);
        CHECK(requests(r, gets) == 0);
    }
}

// The looks are gets, and retried as such.
TEST_CASE("create_is_confirmed_although_looks_fail_for_a_while")
{
    rig r(sandbox::options(), shortly);
    r.server.inject(fault::drop_after().on(creates));
    r.server.inject(fault::drop_before().on(gets));
    r.server.inject(fault::respond(503).on(gets));
    r.server.inject(fault::respond(429).on(gets));
    r.server.inject(fault::stall().on(gets));

    const outcome o = r.call<create_room>();

    check_confirmed(r, o);
    CHECK(requests(r, creates) == 1);
    CHECK(requests(r, gets) == 5);
    CHECK(r.client().stats().confirmations == 1);
}

TEST_CASE("create_with_confirmation_off_ends_with_its_own_failure")
{
    const auto off = [](rooms::config& c) {
        quick_retries_of_short_attempts(c);
        c.retry.confirm_creates = false;
    };
    const confirm_case cases[] = {
        {"6 EOF", fault::drop_after(), errc::connection_lost},
        {"12 short answer", fault::truncate(), errc::truncated_response},
        {"10 stall", fault::stall().apply(), errc::response_timeout},
        {"22 garbage", fault::garbage().apply(), errc::malformed_response},
        {"42 503", fault::respond(503).apply(), errc::server_error},
    };
    for (const auto& c : cases) {
        CAPTURE(c.row);
        rig r(sandbox::options(), off);
        r.server.inject(c.script);

        const outcome o = r.call<create_room>();

        CHECK(o.error == c.failure);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.attempts() == 1);
        CHECK(r.server.creations("r") == 1);
        CHECK(requests(r, sandbox::operation::any) == 1);
    }
}

TEST_CASE("create_whose_confirmation_is_cut_by_the_deadline_says_so")
{
    rig r(sandbox::options(), quick_retries);
    r.server.inject(fault::drop_after().on(creates));
    r.server.inject(fault::stall().on(gets));

    const outcome o = r.call<create_room>(300ms);

    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::confirm);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.attempts() == 2);
    CHECK(o.diagnostics.last_failure() == errc::connection_lost);
}

// While a create is being confirmed, later changes to its room wait.
TEST_CASE("create_that_is_being_confirmed_holds_up_changes_to_its_room")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        quick_retries(c);
        c.ordered_changes = true;
    });
    r.server.inject(fault::drop_after().on(creates));
    r.server.inject(fault::drop_before().on(gets));
    outcome created;
    outcome changed;
    start<create_room>(r.client(), created);
    start<set_voice>(r.client(), changed);
    run_all(r.io);
    check_confirmed(r, created);
    CHECK(!changed.error);
    CHECK(r.server.find("r")->voice);
}
