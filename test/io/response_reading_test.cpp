// SPDX-License-Identifier: BSL-1.0
// How a call reads a response: Retry-After, content codings, other rooms, repeated secrets.
#include "support/exchange.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

TEST_CASE("fault_71 fraction_of_a_second_is_waited_for")
{
    // Setup
    config c = rig::plain_config();
    c.retry = retry_policy();
    exchange e(operation_kind::get_room, c);

    // Run
    e.t().answer(answer("429 Too Many Requests", "{}", "Retry-After: 1.5\r\n"));
    e.r.sim.poll();
    e.r.sim.advance(1999ms);

    // Check
    CHECK(e.t().requests().size() == 1);
    e.r.sim.advance(5s);
    CHECK(e.t().requests().size() == 2);
}

TEST_CASE("fault_71 date_without_a_Date_is_measured_against_the_local_clock")
{
    exchange e(operation_kind::get_room);
    e.r.sim.leap(10s); // to 08:49:47
    e.t().answer(answer("503 No", "{}", "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n"));
    e.r.sim.poll();
    CHECK(e.call.diagnostics.retry_after() == 50s);
}

TEST_CASE("fault_72 name_of_a_coding_is_bounded_and_escaped")
{
    exchange e(operation_kind::get_room);
    e.t().answer(
        answer("200 OK", "xx", "Content-Encoding: \xFFgz\xE2\x80\xAEip" + std::string(500, 'x') + "\r\n"));
    e.r.sim.poll();
    CHECK(e.call.ending() == ending(errc::unexpected_encoding, effect::none, phase::answered));
    const std::string& message = e.call.diagnostics.message();
    CHECK(message.find("\\u202eip") != std::string::npos);
    CHECK(message.size() < 250);
    CHECK(e.t().is_closed());
}

TEST_CASE("fault_85 secret_in_another_spelling_is_not_shown")
{
    const struct
    {
        const char* body;
        const char* message;
    } rows[] = {
        {R"({"message":"TOKEN\u002Dc4n4ry\u002d2 is wrong"})",
         "[redacted] is wrong"}, // decoded with the JSON
        {R"({"error":"KEY\u002Dc4n4ry-1"})", "[redacted]"},
        {"<p>TOKEN&#45;c4n4ry-2</p>", "not shown"},
        {"TOKEN%2Dc4n4ry%2d2", "not shown"},
        {R"({"message":"TOKEN\\u002Dc4n4ry-2"})", "not shown"},
        {R"({"message":"TOKEN\u002Dc4n4ry-2", broken)", "not shown"},
        {R"({"detail":"KEY\u002Dc4n4ry-1"})", "not shown"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        // Setup
        exchange e(operation_kind::get_room);

        // Run
        e.t().answer(answer("401 Unauthorized", row.body));
        e.r.sim.poll();

        // Check
        REQUIRE(e.call.error == errc::unauthorized);
        const std::string line =
            e.call.diagnostics.to_string() + error(e.call.error, e.call.diagnostics).what();
        CHECK(e.call.diagnostics.message().find(row.message) != std::string::npos);
        CHECK(line.find("c4n4ry") == std::string::npos);
    }
}

TEST_CASE("fault_85 text_that_may_repeat_replaced_credentials_is_not_shown")
{
    // Setup
    exchange e(operation_kind::get_room);
    e.r.set_credentials(credentials("another-key", "another-token"));

    // Run
    e.t().answer(answer("400 Bad Request", R"({"message":"bad TOKEN-c4n4ry-2"})"));
    e.r.sim.poll();

    // Check
    CHECK(e.call.diagnostics.message().find("c4n4ry") == std::string::npos);
    CHECK(e.call.diagnostics.message().find("replaced") != std::string::npos);
}

TEST_CASE("fault_86 id_of_another_room_holds_no_secret")
{
    exchange e(operation_kind::get_room);
    e.t().answer(ok(R"({"roomId":"TOKEN-c4n4ry-2"})"));
    e.r.sim.poll();
    CHECK(e.call.ending() == ending(errc::malformed_response, effect::none, phase::answered));
    CHECK(e.call.diagnostics.message() == "the response is about another room: roomId [redacted]");
    CHECK(e.r.stats().other_rooms == 1);
    CHECK(e.t().is_closed());
}
