// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace watchers::rooms {

/// How long the phases of one attempt took. A phase that did not happen is zero.
struct phase_durations
{
    std::chrono::nanoseconds queue{};     ///< from the call's wish for a connection until it had one
    std::chrono::nanoseconds resolve{};   ///< name resolution, on a new connection
    std::chrono::nanoseconds connect{};   ///< TCP, on a new connection
    std::chrono::nanoseconds handshake{}; ///< TLS, on a new connection
    std::chrono::nanoseconds wait{};      ///< from the start of writing until the first byte of the answer
    std::chrono::nanoseconds read{};      ///< from there until the answer's end
};

struct call_start
{
    std::uint64_t call_id; ///< unique within the client
    operation_kind operation;
    std::string_view room_id;
};

struct attempt_end
{
    std::uint64_t call_id;
    operation_kind operation;
    unsigned attempt;     ///< the request's number in the call, from 1; connections that fail to open for it
                          ///< have the same
    error_code error;     ///< set also for an answer that is an error
    unsigned http_status; ///< 0 if there was no complete answer
    bool new_connection;  ///< the connection was opened for a waiting call, and this is its first request
    bool resumed_tls;     ///< and its handshake was abbreviated
    std::size_t bytes_written; ///< of the request, before encryption
    std::size_t bytes_read;    ///< of the answer, after decryption
    phase_durations durations;
    bool confirmation; ///< the request got the room, to find out whether a create was carried out
};

struct retry_planned
{
    std::uint64_t call_id;
    operation_kind operation;
    error_code failure;             ///< what the attempt before ended with
    std::chrono::nanoseconds delay; ///< until the next attempt; throttling and the pool may add to it
    bool confirmation;              ///< the next request finds out whether a create was carried out
};

struct call_end
{
    std::uint64_t call_id;
    operation_kind operation;
    std::string_view room_id;
    error_code error;
    const rooms::diagnostics& diagnostics;
    std::chrono::nanoseconds duration;
};

/// Hooks for logs, metrics and traces: derive, override what is of interest, and set config::observer.
///
/// Hooks run on the client's executor (its internal strand, if it has one), in the path of the call: keep
/// them short. They must not destroy the client. The views and references they get are valid during the hook
/// only. No hook ever sees a secret. Without an observer no time is measured and nothing is called.
///
/// An exception that leaves a hook is swallowed and counted (stats::observer_exceptions): the call goes on as
/// if the hook had returned, and its completion handler is called.
class observer
{
public:
    virtual ~observer() = default;

    /// A call passed its argument checks and begins.
    virtual void on_call_start(const call_start&) {}

    /// A connection for one attempt failed to open, or the attempt itself ended.
    virtual void on_attempt_end(const attempt_end&) {}

    /// An attempt failed, and the call goes on after a wait, which may be zero. Not called where the request
    /// is sent again on a fresh connection (a replay), or with other credentials (after 401, 403 or an
    /// unknown project).
    virtual void on_retry(const retry_planned&) {}

    /// A call ends; its completion handler is called next. Follows each on_call_start exactly once, unless
    /// the io_context is destroyed under the call.
    virtual void on_call_end(const call_end&) {}
};

} // namespace watchers::rooms
