// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>

namespace watchers::rooms::detail {

// How an attempt failed, as far as it matters for what comes next.
enum class failure : unsigned char
{
    unsent,       // no write was started, and another attempt may fare better
    unreachable,  // no write was started, and none will be: no such host, a certificate that is not trusted,
                  // no place in the pool
    lost,         // writing began, and no complete answer came
    timed_out,    // the same, by the attempt's own clock
    inconclusive, // what came does not tell what was done, and would not the next time: not HTTP, too large,
                  // a web page with 2xx, a 5xx that is not about load
    request_timeout, // 408
    misdirected,     // 421
    throttled,       // 429
    server_error,    // 500, 502, 503, 504
    duplicate,       // a create's 409, or 400 that says so
    bad_request,     // any other 400 or 409
    credentials,     // 401, 403, and the 404 of the project: others may be accepted
    refused,         // any other answer: it would be the same the next time
};

enum class reaction : unsigned char
{
    give_up,
    retry,
    confirm,         // get the room, and see
    ask_credentials, // send the request once more, with others
};

// Whether this error means that the server has not read the request, although it was written: the server
// refused the handshake (row 88; in TLS 1.3 the client may have sent before).
bool was_not_read(error_code) noexcept;

// @param name_unknown the name service knows no such host, which it would say again.
// @param sent whether writing of the request was started.
// @param status of the answer, if there was one.
failure classify_failure(error_code, bool name_unknown, bool sent, unsigned status) noexcept;

// The table "Retries, operation by operation". Whether the policy allows what it says is for retry_fsm to
// tell.
// @param in_doubt an earlier attempt of the same call may have been carried out, or was throttled.
reaction react(operation_kind, failure, bool in_doubt) noexcept;

} // namespace watchers::rooms::detail
