// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <watchers/rooms/config.hpp>

#include <chrono>
#include <cstddef>
#include <string>

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
    double web_page = 0;     // a page with 200 comes from something in between, carried out or not
    double encoded = 0;      // carried out, and the answer has a content coding
    double elsewhere = 0;    // 404 or 405 of a server that is not the service

    // Of an exchange that went well
    double said_close = 0;
    double idle_close = 0;
    double surplus = 0; // another response comes, when the next request is under way

    // Of a connection
    double refused = 0;
    double black_hole = 0;
    double tls_failed = 0;
    double tls_stalled = 0;

    // Of a resolution
    double dns_failed = 0;
    double dns_stalled = 0;
    double dns_late = 0; // answered, shortly after the limit on it
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
    std::size_t deaths = 0;    // of all connections at once, and nobody hears of it
    bool tells_members = true; // the service's answers to get
    bool duplicate_by_400 = false;

    enum class key_refusal : unsigned char
    {
        status_401,
        status_403,     // of the token
        no_project,     // the 404 of the project
        one_or_another, // by the request's number
    };
    key_refusal wrong_key = key_refusal::status_401;
    bool vendor = false; // the room's id is externalRoomId, and a change is answered by 201 and `true`
    std::chrono::nanoseconds service_time{}; // of each request, of which so many at a time
    std::size_t places = 0;                  // zero: no such bounds
    bool only_overload = false;              // nothing else goes wrong
    bool only_gets = false;                  // as long as the service is not healthy
    double observer_throws = 0;
    double short_attempts = 0;   // calls with an attempt_timeout of their own
    std::string disliked_room{}; // by a firewall, which answers 403
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
