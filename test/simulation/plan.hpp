// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <watchers/rooms/config.hpp>

#include <chrono>
#include <cstddef>

namespace watchers::rooms::sim {

// How likely what goes wrong is.
struct troubles
{
    // Of a request; one at most
    double lost = 0;         // never reaches the service
    double answer_lost = 0;  // carried out, no answer
    double truncated = 0;    // carried out, a part of the answer
    double late = 0;         // carried out after the client has given the connection up
    double twice = 0;        // delivered twice
    double slow = 0;         // answered about when the attempt's time is over, or after it
    double not_read = 0;     // the peer stops reading
    double throttled = 0;    // 429
    double server_error = 0; // 500, 502, 503, 504
    double odd_status = 0;   // 408, 421, 403, 3xx
    double malformed = 0;    // not HTTP, or too large
    double useless_body = 0; // 2xx
    double copied_first = 0; // delivered twice, a copy before it

    // Of an exchange that went well
    double said_close = 0;
    double idle_close = 0;

    // Of a connection
    double refused = 0;
    double black_hole = 0;
    double tls_failed = 0;
    double tls_stalled = 0;

    // Of a resolution
    double dns_failed = 0;
    double dns_stalled = 0;
};

// What a seed stands for.
struct plan
{
    // @param later chance for what came into the model later: the rest of a seed means what it meant before.
    static plan draw(random_source&, random_source later);

    config settings;
    retry_policy other_policy{}; // of some calls
    troubles trouble{};

    std::chrono::nanoseconds latency{}; // at most, one way
    std::chrono::nanoseconds span{};    // in which calls are made
    std::size_t calls = 0;
    std::size_t rooms = 0;
    bool old_rooms = false; // half of them are there before
    std::size_t restarts = 0;
    std::size_t key_changes = 0;
    bool tells_members = true; // the service's answers to get
    bool duplicate_by_400 = false;
    double cancellations = 0;
    double chained_calls = 0;

    bool provider = false; // settings.credential_provider is to be set
    double provider_fails = 0;
    double provider_silent = 0;

    enum class finale : unsigned char
    {
        none,
        drain,
        stop,        // the client is destroyed
        stop_inside, // by a handler
        abandon,     // the execution context is destroyed
    };
    finale ending = finale::none;
    std::chrono::nanoseconds ending_at{};
    bool drain_cancelled = false;
};

} // namespace watchers::rooms::sim
