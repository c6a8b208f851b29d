// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the tests of the table of faults share: its rows, their runner, and answers as a server writes them.

#include "net.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace net {

enum class op
{
    create,
    get,
    voice,
    status,
    remove
};

enum class fate
{
    kept,
    discarded,    // at once
    lost,         // when the server's close comes to notice
    never_opened, // and no call could be made
};

struct fault_case
{
    const char* row; // of the table of faults
    sandbox::fault script;
    op operation;
    std::optional<rooms::errc> error;
    rooms::effect told;
    fate connection;
    void (*tweak)(rooms::config&) = nullptr;
    std::function<void(const outcome&)> check = {};
};

inline outcome call(rig& r, op o)
{
    switch (o) {
    case op::create: return r.call<create_room>();
    case op::get: return r.call<get_room>();
    case op::voice: return r.call<set_voice>();
    case op::status: return r.call<set_status>();
    case op::remove: break;
    }
    return r.call<delete_room>();
}

inline void short_attempts(rooms::config& c) { c.attempt_timeout = 150ms; }

inline const std::string good_body = R"({"roomId":"r","name":"Room"})";

// An answer as it goes over the wire, with what is after the status code and the fields given.
inline std::string answer(const std::string& status, const std::string& fields = {},
                          const std::string& body = good_body)
{
    return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n" + body;
}

inline std::string length(const std::string& body)
{
    return "Content-Length: " + std::to_string(body.size()) + "\r\n";
}

inline std::string ok(const std::string& body = good_body, const std::string& fields = {})
{
    return answer("200 OK", fields + length(body), body);
}

// A second call, undisturbed, shows whether the connection was kept and whether the client is sound.
inline void check_case(const fault_case& c)
{
    CAPTURE(c.row);
    CAPTURE(static_cast<int>(c.operation));
    rig r(sandbox::options(), c.tweak);
    if (c.operation != op::create) r.server.put(sandbox::stored_room("r", "Room", "About"));
    r.server.inject(c.script);

    const outcome first = call(r, c.operation);
    if (c.connection == fate::lost) run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
    const auto after = r.client().stats();
    r.server.clear_faults();
    r.server.put(sandbox::stored_room("r", "Stored", "About"));
    const outcome second = r.call<get_room>();

    if (c.error)
        CHECK(first.error == *c.error);
    else
        CHECK(!first.error);
    CHECK(first.diagnostics.effect() == c.told);
    if (c.check) c.check(first);
    CHECK(after.idle_connections == (c.connection == fate::kept ? 1 : 0));
    CHECK(after.open_connections == after.idle_connections);
    CHECK(after.calls == 0);

    REQUIRE(!second.error);
    CHECK(second.room.name() == "Stored"); // the answer to this request, not what is left of another
    CHECK(r.server.counters().connections_accepted == (c.connection == fate::kept ? 1 : 2));
    CHECK(r.client().stats().connections_opened ==
          (c.connection == fate::discarded || c.connection == fate::lost ? 2 : 1));
}

inline void check_all(const std::vector<fault_case>& cases)
{
    for (const fault_case& c : cases)
        check_case(c);
}

} // namespace net
