// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace watchers::rooms {

/// A client's state and totals at one moment. Each figure is right by itself; together they need not be of
/// the very same instant when another thread runs the client.
struct stats
{
    // Now
    std::size_t open_connections = 0;    ///< idle and in use
    std::size_t idle_connections = 0;    ///< ready for a call
    std::size_t busy_connections = 0;    ///< in use by a call
    std::size_t opening_connections = 0; ///< being resolved, connected or secured
    std::size_t calls = 0;               ///< under way, the waiting ones included
    std::size_t waiting_calls = 0;       ///< waiting for a connection
    std::size_t throttled_calls =
        0; ///< waiting because the service asked for it, or for the limit on the rate

    // Since the client was made
    std::uint64_t requests = 0;           ///< of which writing was started
    std::uint64_t connections_opened = 0; ///< ready for use, that is with TLS up
    std::uint64_t connections_failed = 0; ///< could not be opened
    std::uint64_t handshakes_resumed = 0; ///< TLS handshakes abbreviated by session resumption
    std::uint64_t replays = 0;            ///< requests sent again because a reused connection turned out dead
    std::uint64_t retries = 0;         ///< attempts after a failed one, replays and confirmations not counted
    std::uint64_t confirmations = 0;   ///< creates whose outcome had to be found out
    std::uint64_t throttled = 0;       ///< answers 429
    std::uint64_t other_rooms = 0;     ///< responses refused by config::check_room_ids
    std::uint64_t not_the_service = 0; ///< responses that are not the Room API's (errc::not_the_service)
    std::uint64_t credentials_asked = 0; ///< questions to the credential provider
    std::uint64_t retries_denied = 0;    ///< not made, because the retry budget was spent
    std::uint64_t turned_away = 0; ///< calls that ended unsent: less time was left than an exchange takes
    std::uint64_t observer_exceptions = 0; ///< thrown by hooks of the observer, and swallowed
    std::uint64_t bytes_written = 0;       ///< of requests, before encryption
    std::uint64_t bytes_read = 0;          ///< of answers, after decryption
};

} // namespace watchers::rooms
