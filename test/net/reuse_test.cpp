// SPDX-License-Identifier: BSL-1.0
// What happens to an idle connection while nobody runs the io_context must not be missed when it is used
// again.

#include "net.hpp"

#include <string>

using namespace net;
using rooms::errc;
using sandbox::fault;

TEST_CASE("create_after_the_server_closed_unseen_takes_a_fresh_connection")
{
    INFO("faults.md 8");
    rig r;
    prepare<get_room>(r.server, true);
    REQUIRE_FALSE(r.call<get_room>().error);

    r.server.drop_connections();
    REQUIRE(r.server.wait([](const sandbox::counter_values& c) { return c.connections_open == 0; }));
    prepare<create_room>(r.server, true);
    const outcome o = r.call<create_room>();

    CHECK(o.error == rooms::error_code());
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(r.server.creations("r") == 1);
    CHECK(r.server.counters().connections_accepted == 2);
}

TEST_CASE("answer_that_came_unseen_is_not_the_next_calls")
{
    INFO("faults.md 33");
    const std::string body = R"({"roomId":"r","name":"STRAY"})";
    const std::string stray = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
    rig r;
    prepare<get_room>(r.server, true);
    REQUIRE_FALSE(r.call<get_room>().error);
    REQUIRE(r.server.wait([](const sandbox::counter_values& c) { return c.bytes_sent > 0; }));
    const auto answer = r.server.counters().bytes_sent;

    r.server.inject(fault::stray(stray).after(20ms));
    REQUIRE_FALSE(r.call<get_room>().error);
    REQUIRE(r.server.wait(
        [&](const sandbox::counter_values& c) { return c.bytes_sent >= 2 * answer + stray.size(); }));
    const outcome o = r.call<get_room>();

    CHECK(o.error == rooms::error_code());
    CHECK(o.room.name() == "Room");
    CHECK(r.server.counters().connections_accepted == 2);
}
