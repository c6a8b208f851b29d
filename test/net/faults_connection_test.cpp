// SPDX-License-Identifier: BSL-1.0

// The table of faults: what becomes of connections, and of the requests on them or waiting for one.

#include "faults.hpp"

#include <string>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

void short_handshake(rooms::config& c) { c.tls_timeout = 80ms; }

} // namespace

TEST_CASE("fault_the_connection_ends_before_an_answer")
{
    check_all({
        {"6 EOF, get", fault::drop_before(), op::get, errc::connection_lost, effect::none, fate::discarded},
        {"6 EOF, create", fault::drop_before(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, voice", fault::drop_before(), op::voice, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, status", fault::drop_before(), op::status, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, delete", fault::drop_before(), op::remove, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 applied", fault::drop_after(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 reset, get", fault::reset_before(), op::get, errc::connection_lost, effect::none,
         fate::discarded},
        {"6 reset, applied", fault::reset_after(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 close_notify", fault::drop_before().close_notify(true), op::voice, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"6 closed after the handshake", fault::close_after_handshake(), op::create, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"6 reset after the handshake", fault::reset_after_handshake(), op::create, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"21 garbage record", fault::garbage_record(), op::voice, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"21 garbage record, get", fault::garbage_record(), op::get, errc::connection_lost, effect::none,
         fate::discarded},
    });
}

TEST_CASE("fault_the_handshake_fails")
{
    check_all({
        {"19 stall", fault::stall_handshake(), op::create, errc::tls_timeout, effect::none,
         fate::never_opened, short_handshake},
        {"no TLS", fault::garbage_handshake(), op::create, errc::tls_failed, effect::none,
         fate::never_opened},
        {"EOF", fault::close_on_accept(), op::create, errc::connection_lost, effect::none,
         fate::never_opened},
    });
}

// The reset comes before or after the client has noticed that it is connected.
TEST_CASE("fault_the_connection_is_reset_when_accepted")
{
    rig r;
    r.server.inject(fault::reset_on_accept());

    const outcome o = r.call<create_room>();

    const bool known = o.error == errc::connection_lost || o.error == errc::connect_failed;
    CHECK(known);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(r.call<create_room>().error == rooms::error_code());
}

// Row 3.
TEST_CASE("connect_refused_is_an_error_without_effect")
{
    rig r;
    r.client();
    r.server.stop();

    const outcome o = r.call<create_room>();

    CHECK(o.error == errc::connect_failed);
    CHECK(o.error == rooms::condition::not_reached);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.phase() == rooms::phase::connect);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(r.client().stats().connections_failed == 1);
}

// Row 3: a name with an address that refuses and one that answers. Where the name has only the one, nothing
// is shown.
TEST_CASE("connect_goes_on_to_the_next_address")
{
    rig r;
    rooms::config c = config_for(r.server);
    c.base_url = "https://localhost:" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), c);

    const outcome o = r.call<create_room>();

    CHECK(!o.error);
    CHECK(r.server.creations("r") == 1);
}

// Row 8: the end of an idle connection is noticed while nobody uses it.
TEST_CASE("idle_connection_closed_by_the_server_is_evicted")
{
    for (const bool by_reset : {false, true}) {
        CAPTURE(by_reset);
        rig r;
        r.server.put(sandbox::stored_room("r"));
        REQUIRE(!r.call<get_room>().error);
        REQUIRE(r.client().stats().idle_connections == 1);

        r.server.drop_connections(by_reset);
        run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
        const outcome o = r.call<create_room>(); // not even replayable

        CHECK(o.error == errc::conflict);
        CHECK(r.client().stats().replays == 0);
        CHECK(r.server.counters().connections_accepted == 2);
    }
}

// Row 8: it ends just as it is picked.
TEST_CASE("reused_connection_that_turns_out_dead_is_replaced_once")
{
    for (const op o : {op::get, op::voice, op::status, op::remove}) {
        for (const bool by_reset : {false, true}) {
            CAPTURE(static_cast<int>(o));
            CAPTURE(by_reset);
            rig r;
            r.server.put(sandbox::stored_room("r"));
            REQUIRE(!r.call<get_room>().error);
            r.server.inject(by_reset ? fault::reset_before() : fault::drop_before());

            const outcome replayed = call(r, o);

            CHECK(!replayed.error);
            CHECK(replayed.diagnostics.attempts() == 2);
            CHECK(r.client().stats().replays == 1);
            CHECK(r.server.counters().connections_accepted == 2);
        }
    }
}

TEST_CASE("replay_happens_once_only")
{
    rig r;
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::drop_before().times(2));

    const outcome o = r.call<set_voice>();

    CHECK(o.error == errc::connection_lost);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.attempts() == 2);
    CHECK(r.server.counters().requests(sandbox::operation::voice) == 2);
    CHECK(r.client().stats().replays == 1);
}

TEST_CASE("replay_is_not_for_a_create_nor_for_an_answer_that_began")
{
    SUBCASE("create")
    {
        rig r;
        REQUIRE(r.call<get_room>().error == errc::not_found);
        r.server.inject(fault::drop_after());

        const outcome o = r.call<create_room>();

        CHECK(o.error == errc::connection_lost);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.attempts() == 1);
        CHECK(r.server.creations("r") == 1);
        CHECK(r.server.counters().requests(sandbox::operation::create) == 1);
    }
    SUBCASE("answer began")
    {
        rig r;
        r.server.put(sandbox::stored_room("r"));
        REQUIRE(!r.call<get_room>().error);
        r.server.inject(fault::truncate());

        const outcome o = r.call<set_voice>();

        CHECK(o.error == errc::truncated_response);
        CHECK(r.server.counters().requests(sandbox::operation::voice) == 1);
    }
}

// Row 8 with delete: the first request was applied, and its replay finds nothing.
TEST_CASE("replayed_delete_that_finds_nothing_is_a_success_and_says_so")
{
    rig r;
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::drop_after());

    const outcome o = r.call<delete_room>();

    CHECK(!o.error);
    CHECK(o.diagnostics.effect() == effect::applied);
    CHECK_FALSE(o.diagnostics.note().empty());
    CHECK(r.server.room_count() == 0);
}

// The most that a create can hold: control characters take six bytes each in JSON.
rooms::new_room large_room() { return {"r", std::string(64 * 1024, '\x01'), std::string(64 * 1024, '\x02')}; }

// Row 11.
TEST_CASE("peer_that_stops_reading_ends_in_a_write_timeout")
{
    rig r(sandbox::options().receive_buffer(4096), short_attempts);
    r.server.inject(fault::stop_reading());

    outcome o;
    r.client().async_create_room(large_room(), o.diagnostics, o.handler());
    r.io.run();

    CHECK(o.error == errc::write_timeout);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.phase() == rooms::phase::write);
    CHECK(o.completions == 1);
    CHECK(r.client().stats().open_connections == 0);
}

// Row 32.
TEST_CASE("answer_before_the_request_is_written_is_delivered")
{
    rig r(sandbox::options().receive_buffer(4096), nullptr);
    r.server.inject(
        fault::respond(413, R"({"message":"too large"})").early().after(1s)); // reads nothing meanwhile

    outcome o;
    r.client().async_create_room(large_room(), o.diagnostics, o.handler());
    r.io.run();

    CHECK(o.error == errc::bad_request);
    CHECK(o.diagnostics.http_status() == 413);
    CHECK(o.diagnostics.message() == "too large");
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(r.client().stats().open_connections == 0);
}

// Row 33.
TEST_CASE("bytes_on_an_idle_connection_evict_it")
{
    rig r;
    r.server.put(sandbox::stored_room("r", "Stored"));
    r.server.inject(fault::stray(ok(R"({"name":"Smuggled"})")).after(1ms));

    REQUIRE(!r.call<set_voice>().error);
    run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
    const outcome o = r.call<get_room>();

    REQUIRE(!o.error);
    CHECK(o.room.name() == "Stored");
    CHECK(r.server.counters().connections_accepted == 2);
}

// Rows 52 and 54: nothing is sent, not even a connection opened.
TEST_CASE("bad_argument_sends_nothing")
{
    rig r;
    const std::string ids[] = {"", ".", "..", "\xff", std::string(1025, 'x'), "a\nb"};
    for (const std::string& id : ids) {
        CAPTURE(id);
        outcome o;
        r.client().async_get_room(id, o.diagnostics, o.handler());
        CHECK_FALSE(o.ended()); // never before the initiating function has returned
        r.io.restart();
        r.io.run();
        CHECK(o.error == errc::invalid_argument);
        CHECK(o.diagnostics.message().starts_with("roomId"));
        CHECK(o.diagnostics.phase() == rooms::phase::validation);
        CHECK(o.diagnostics.effect() == effect::none);
    }
    CHECK(r.server.counters().connections_accepted == 0);
}

// The call's own limit bounds everything; row 14's limits on waiting.
TEST_CASE("deadline_of_the_call_ends_it_in_each_phase")
{
    SUBCASE("stalled handshake")
    {
        rig r;
        r.server.inject(fault::stall_handshake());
        const outcome o = r.call<create_room>(300ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(o.diagnostics.phase() == rooms::phase::handshake);
    }
    SUBCASE("stalled answer")
    {
        rig r;
        r.server.inject(fault::stall());
        const outcome o = r.call<create_room>(300ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.phase() == rooms::phase::wait);
    }
    SUBCASE("passed before it began")
    {
        rig r;
        const outcome o = r.call<create_room>(0ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(r.server.counters().connections_accepted == 0);
    }
}

TEST_CASE("waiting_calls_are_bounded_in_number_and_time")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        c.max_connections = 1;
        c.max_waiting_calls = 1;
        c.pool_timeout = 50ms;
    });
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::delay(150ms));

    outcome busy;
    outcome waiting;
    outcome refused;
    for (outcome* o : {&busy, &waiting, &refused})
        r.client().async_set_voice("r", true, o->diagnostics, o->handler());
    r.io.restart();
    r.io.run();

    CHECK(!busy.error);
    CHECK(waiting.error == errc::pool_timeout);
    CHECK(waiting.diagnostics.phase() == rooms::phase::queue);
    CHECK(waiting.diagnostics.effect() == effect::none);
    CHECK(refused.error == errc::pool_full);
    CHECK(refused.diagnostics.effect() == effect::none);
    CHECK(r.server.counters().requests(sandbox::operation::voice) == 1);
}
