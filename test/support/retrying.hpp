// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "rig.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace watchers::rooms::test {

// A rig's configuration with the retries a client has by default. The simulation's random numbers are zero
// unless a test sets others: then nothing waits before it is tried again.
inline config retrying(std::size_t connections = 32)
{
    config c = with_connections(connections);
    c.retry = retry_policy();
    return c;
}

inline std::string unavailable(std::string_view fields = {})
{
    return answer("503 Service Unavailable", R"({"message":"later"})", fields);
}

inline std::string throttled(std::string_view fields = {})
{
    return answer("429 Too Many Requests", R"({"message":"slow down"})", fields);
}

inline std::string not_there() { return answer("404 Not Found", R"({"message":"no such room"})"); }

inline std::string unauthorized() { return answer("401 Unauthorized", R"({"message":"who are you"})"); }

// The room that rig::create() asks for.
inline std::string created(std::string_view id)
{
    std::string body(R"({"roomId":")");
    body.append(id).append(R"(","name":"a name","about":"about it"})");
    return ok(body);
}

// Requests written on all connections.
inline std::size_t requests(rig& r)
{
    std::size_t n = 0;
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        n += r.transport(i).requests().size();
    return n;
}

// What a client at rest holds: nothing.
inline bool at_rest(rig& r)
{
    const auto s = r.stats();
    return s.calls + s.busy_connections + s.opening_connections + s.waiting_calls + s.throttled_calls == 0 &&
           r.sim.work() == 0 && r.sim.breaches().empty();
}

} // namespace watchers::rooms::test
