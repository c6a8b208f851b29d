// SPDX-License-Identifier: BSL-1.0

// The order of changes to a room, and the end of a client, while calls are being retried.

#include "retries.hpp"

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <future>
#include <optional>
#include <string>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

void ordered(rooms::config& c)
{
    quick_retries(c);
    c.ordered_changes = true;
}

} // namespace

// A LIVE that is sent again must not overtake the ENDED that the caller asked for after it.
TEST_CASE("order_of_changes_to_a_room_holds_through_retries")
{
    const fault lost[] = {fault::drop_after(), fault::drop_before(), fault::respond(503), fault::truncate()};
    for (const mode m : all_modes) {
        for (const fault& f : lost) {
            CAPTURE(static_cast<int>(m));
            moded_rig r(m, ordered);
            r.server.put(sandbox::stored_room("r"));
            r.server.inject(fault(f).on(sandbox::operation::status).times(2));

            std::vector<char> ends;
            std::array<outcome, 3> calls;
            const auto begin = [&](std::size_t i, rooms::room_status s) {
                r.client->async_set_status("r", s, calls[i].diagnostics,
                                           [&, i](rooms::error_code ec, const rooms::room&) {
                                               calls[i].error = ec;
                                               ++calls[i].completions;
                                               ends.push_back(static_cast<char>('0' + i));
                                           });
            };
            begin(0, rooms::room_status::live);
            begin(1, rooms::room_status::disabled);
            begin(2, rooms::room_status::ended);
            outcome read; // does not wait
            r.client->async_get_room("r", read.diagnostics, read.handler());
            r.io->run();

            for (const outcome& o : calls) {
                CHECK(o.completions == 1);
                CHECK(!o.error);
            }
            CHECK(ends == std::vector<char>{'0', '1', '2'});
            CHECK(read.diagnostics.attempts() == 1);
            CHECK(calls[0].diagnostics.attempts() == 3);
            CHECK(r.server.find("r")->status == "ENDED");
            CHECK(r.server.counters().requests(sandbox::operation::status) == 5);
        }
    }
}

TEST_CASE("order_of_changes_holds_up_one_room_only")
{
    rig r(sandbox::options(), ordered);
    r.server.put(sandbox::stored_room("r"));
    r.server.put(sandbox::stored_room("other"));
    r.server.inject(fault::respond(503).field("Retry-After", long_wait));

    outcome first;
    outcome behind;
    outcome too_late;
    outcome elsewhere;
    start<set_voice>(r.client(), first);
    start<set_status>(r.client(), behind);
    start<set_status>(r.client(), too_late, rooms::call_options().timeout(100ms));
    run_until(r.io, [&] { return r.client().stats().retries == 1; }); // waits for the Retry-After
    r.client().async_set_voice("other", true, elsewhere.diagnostics, elsewhere.handler());
    run_until(r.io, [&] { return elsewhere.ended() && too_late.ended(); });

    CHECK(!elsewhere.error);
    CHECK_FALSE(first.ended());
    CHECK_FALSE(behind.ended());
    CHECK(too_late.error == errc::deadline_exceeded);
    CHECK(too_late.diagnostics.phase() == rooms::phase::turn);
    CHECK(too_late.diagnostics.attempts() == 0);
    CHECK(too_late.diagnostics.effect() == effect::none);
    CHECK(requests(r, sandbox::operation::status) == 0);

    r.own_client.reset();
    run_all(r.io);
    CHECK(first.error == errc::shutting_down);
    CHECK(first.diagnostics.phase() == rooms::phase::backoff);
    CHECK(first.diagnostics.effect() == effect::unknown);
    CHECK(behind.error == errc::shutting_down);
    CHECK(behind.diagnostics.effect() == effect::none);
}

TEST_CASE("order_of_changes_can_be_switched_off")
{
    rig r(sandbox::options(), quick_retries); // ordered_changes is off in all tests but these
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::respond(503).on(sandbox::operation::voice).field("Retry-After", long_wait));
    outcome first;
    outcome second;
    start<set_voice>(r.client(), first);
    start<set_status>(r.client(), second);
    run_until(r.io, [&] { return second.ended(); });
    CHECK(!second.error);
    CHECK_FALSE(first.ended());

    r.own_client.reset();
    run_all(r.io);
    CHECK(first.error == errc::shutting_down);
}

// The end of the client

TEST_CASE("drain_waits_for_calls_that_are_being_retried")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m, ordered);
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::drop_before().times(3));
        outcome retried;
        outcome behind;
        outcome refused;
        std::optional<rooms::error_code> drained;
        r.client->async_set_voice("r", true, retried.diagnostics, retried.handler());
        r.client->async_set_status("r", rooms::room_status::ended, behind.diagnostics, behind.handler());
        run_until(*r.io, [&] { return r.client->stats().retries > 0; });

        r.client->async_drain([&](rooms::error_code ec) {
            drained = ec;
            CHECK(retried.ended());
            CHECK(behind.ended());
        });
        r.client->async_get_room("r", refused.diagnostics, refused.handler());
        run_all(*r.io);

        REQUIRE(drained.has_value());
        CHECK(!*drained);
        CHECK(!retried.error);
        CHECK(retried.diagnostics.attempts() == 4);
        CHECK(!behind.error);
        CHECK(refused.error == errc::draining);
        CHECK(r.client->stats().open_connections == 0);
    }
}

TEST_CASE("destroyed_client_ends_calls_that_are_being_retried")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        moded_rig r(m, ordered);
        r.server.put(sandbox::stored_room("r"));
        r.server.inject(fault::respond(503).field("Retry-After", long_wait).times(2));
        r.server.inject(fault::drop_after().on(sandbox::operation::create));
        r.server.inject(fault::stall().on(sandbox::operation::get).room("new"));
        outcome reading;
        outcome changing;
        outcome behind;
        outcome confirming;
        r.client->async_get_room("r", reading.diagnostics, reading.handler());
        r.client->async_set_voice("r", true, changing.diagnostics, changing.handler());
        r.client->async_delete_room("r", behind.diagnostics, behind.handler());
        run_until(*r.io, [&] { return r.client->stats().retries == 2; });
        r.client->async_create_room({"new", "Room", "About"}, confirming.diagnostics, confirming.handler());
        // the two, the create, and the get that confirms it
        run_until(*r.io, [&] { return r.client->stats().requests == 4; });

        r.client.reset();
        run_all(*r.io);

        for (const outcome* o : {&reading, &changing, &behind, &confirming}) {
            CHECK(o->completions == 1);
            CHECK(o->error == errc::shutting_down);
        }
        CHECK(reading.diagnostics.phase() == rooms::phase::backoff);
        CHECK(reading.diagnostics.last_failure() == errc::server_error);
        CHECK(reading.diagnostics.effect() == effect::none);
        CHECK(changing.diagnostics.phase() == rooms::phase::backoff);
        CHECK(changing.diagnostics.effect() == effect::unknown);
        CHECK(behind.diagnostics.effect() == effect::none);
        CHECK(behind.diagnostics.attempts() == 0);
        CHECK(confirming.diagnostics.phase() == rooms::phase::confirm);
        CHECK(confirming.diagnostics.last_failure() == errc::connection_lost);
        CHECK(confirming.diagnostics.effect() == effect::unknown);
        CHECK(r.server.wait([](const auto& c) { return c.connections_open == 0; }));
    }
}

// Row 58.
TEST_CASE("retry_on_a_thread_pool")
{
    sandbox::server server;
    rooms::config c = config_for(server);
    ordered(c);
    c.max_connections = 4;
    c.retry.ambiguous_attempts = 50; // whoever the faults happen to meet
    c.retry.budget = 0;
    asio::thread_pool pool(2);
    rooms::client client(pool.get_executor(), c);
    server.inject(fault::drop_after().every(7).always());
    server.inject(fault::respond(503).apply().every(11).always());
    server.inject(fault::reset_before().on(sandbox::operation::status).every(5).always());

    constexpr int rooms_made = 20;
    std::vector<std::future<rooms::room>> made;
    for (int i = 0; i < rooms_made; ++i)
        made.push_back(
            client.async_create_room({"r" + std::to_string(i), "Room", "About"}, asio::use_future));
    for (auto& f : made)
        CHECK_NOTHROW(f.get());
    std::vector<std::future<rooms::room>> changed;
    for (int i = 0; i < rooms_made; ++i) {
        const std::string id = "r" + std::to_string(i);
        changed.push_back(client.async_set_status(id, rooms::room_status::disabled, asio::use_future));
        changed.push_back(client.async_set_status(id, rooms::room_status::ended, asio::use_future));
    }
    for (auto& f : changed)
        CHECK_NOTHROW(f.get());
    client.async_drain(asio::use_future).get();
    pool.join();

    CHECK(server.room_count() == rooms_made);
    for (const auto& stored : server.rooms()) {
        CHECK(stored.times_created == 1);
        CHECK(stored.status == "ENDED");
    }
    CHECK(client.stats().retries > 0);
    CHECK(client.stats().confirmations > 0);
}
