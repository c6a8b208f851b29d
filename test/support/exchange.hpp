// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "rig.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string_view>

namespace watchers::rooms::test {

enum class fate
{
    kept,
    discarded
};

inline fate fate_of(const scripted_transport& t) { return t.is_closed() ? fate::discarded : fate::kept; }

inline call_record& begin(rig& r, operation_kind kind)
{
    switch (kind) {
    case operation_kind::create_room: return r.create("r");
    case operation_kind::get_room: return r.get("r");
    case operation_kind::set_voice: return r.voice("r", true);
    case operation_kind::set_status: return r.status("r", room_status::ended);
    default: return r.erase("r");
    }
}

// A rig with one call whose request is written on a fresh connection.
class exchange
{
public:
    explicit exchange(operation_kind kind, config c = rig::plain_config())
        : r((c.check_room_ids = true, c))
        , call(begin(r, kind))
    {
        r.open_all();
        REQUIRE(t().requests().size() == 1);
        REQUIRE_FALSE(call.done());
    }

    scripted_transport& t() { return r.transport(0); }

    rig r;
    call_record& call;
};

inline constexpr operation_kind all_kinds[] = {operation_kind::create_room, operation_kind::get_room,
                                               operation_kind::set_voice, operation_kind::set_status,
                                               operation_kind::delete_room};

inline effect unless_get(operation_kind k, effect e)
{
    return k == operation_kind::get_room ? effect::none : e;
}

// What was done to the exchange, and what is to come of it for each kind of operation. `changed` is the
// effect of a change; a get has none.
class fault_case
{
public:
    std::string_view name;
    std::function<void(exchange&)> run;
    error_code error;
    effect changed;
    watchers::rooms::phase phase;
    fate connection;
};

inline void check_fault(const fault_case& f)
{
    for (const auto kind : all_kinds) {
        CAPTURE(f.name);
        CAPTURE(to_string(kind));
        // Setup
        exchange e(kind);

        // Run
        f.run(e);
        e.r.sim.poll();

        // Check
        CHECK(e.call.ending() == ending(f.error, unless_get(kind, f.changed), f.phase));
        CHECK(fate_of(e.t()) == f.connection);
        CHECK(e.r.sim.transports() == 1);
        CHECK(e.r.stats().busy_connections == 0);
        CHECK(e.r.stats().idle_connections == (f.connection == fate::kept ? 1 : 0));
        CHECK(e.r.stats().calls == 0);
        CHECK(e.r.sim.work() == 0);
        CHECK(e.call.diagnostics.attempts() == 1);
        CHECK(e.r.sim.breaches() == "");
    }
}

} // namespace watchers::rooms::test
