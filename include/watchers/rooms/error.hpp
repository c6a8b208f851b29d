// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <type_traits>

namespace watchers::rooms {

using error_code = boost::system::error_code;

/// What ended a call. HTTP statuses are never invented for transport failures: each cause has its own value.
/// The effect that a failed call had on the room is told by @ref diagnostics::effect.
enum class errc
{
    // Before anything was sent
    invalid_argument =
        1,        ///< an argument or a config member breaks a rule; diagnostics name the field and the rule
    pool_timeout, ///< no connection became free within config::pool_timeout
    pool_full,    ///< config::max_waiting_calls calls are waiting already
    resource_exhausted, ///< out of file descriptors or memory for a connection
    draining,           ///< async_drain was called: the client takes no new calls
    shutting_down,      ///< the client was destroyed

    // Reaching the server
    resolve_failed,    ///< the host name could not be resolved
    resolve_timeout,   ///< the name service did not answer within config::resolve_timeout
    connect_failed,    ///< every address refused or reset the connection, or cannot be reached
    connect_timeout,   ///< no address answered within config::connect_timeout
    tls_untrusted,     ///< the certificate is not signed by a trusted authority, or its chain is incomplete
    tls_expired,       ///< the certificate has expired
    tls_not_yet_valid, ///< the certificate is not valid yet
    tls_host_mismatch, ///< the certificate is for another host
    tls_weak_key,      ///< a key or a digest in the chain is too weak
    tls_client_certificate, ///< the server demands a client certificate, which only trust::context can hold
    tls_protocol,           ///< no common TLS version of at least 1.2
    tls_timeout,            ///< the handshake did not end within config::tls_timeout
    tls_failed,             ///< the handshake failed for another reason

    // During the exchange
    connection_lost,     ///< the connection ended before any byte of an answer, or in the TLS handshake,
                         ///< when nothing was sent yet
    truncated_response,  ///< the connection ended in the middle of an answer
    write_timeout,       ///< the peer did not take the whole request within config::attempt_timeout
    response_timeout,    ///< the answer was not complete within config::attempt_timeout
    malformed_response,  ///< the response is not valid HTTP/1.x (RFC 9112)
    response_too_large,  ///< the answer exceeds one of the limits in config
    unexpected_encoding, ///< the response has a Content-Encoding, though none was accepted

    // The answer
    unexpected_redirect, ///< 3xx; redirects are never followed
    bad_request,         ///< 400 and the 4xx that have no value of their own
    unauthorized,        ///< 401: the credentials are not accepted
    forbidden,           ///< 403: the token is not accepted, or the request is refused (by a firewall, for
                         ///< example); diagnostics::credentials_refused() tells them apart
    unknown_project,     ///< 404 whose message says that the project is not found: the API key is not valid
    not_found, ///< any other 404, except to a create: there is no such room. After a delete the effect is
               ///< none: the room did not exist when the request arrived. A proxy may repeat a delete (RFC
               ///< 9110, 9.2.2), and then this call's own request may have deleted the room:
               ///< retry_policy::accept_missing_on_delete
    conflict,  ///< the room exists already: 409, or a 400 whose message says so; or it was found with other
              ///< members when a create was confirmed. Effect none: it existed when the request arrived. This
              ///< does not prove that another call created it: something between client and service may have
              ///< repeated the request, though it must not (RFC 9110, 9.2.2). See
              ///< retry_policy::confirm_conflicts
    request_timeout,     ///< 408
    misdirected_request, ///< 421
    rate_limited, ///< 429; or the service had asked, by a 429, for a longer wait than the call has time for
    server_error, ///< 5xx
    not_the_service, ///< a web page with 2xx, 404 or 405; a 404 to a create; a 404 that says that there is no
                     ///< such path: config::base_url is wrong, or something between client and service (a
                     ///< sign-in page, a proxy) has responded
    bad_body,        ///< a 2xx answer to *get* without a usable JSON object

    // The caller's decision
    cancelled,         ///< the caller cancelled the operation
    deadline_exceeded, ///< the call's timeout passed

    outcome_unknown, ///< the answer to a create was lost, and whether the room was created could not be told
    credentials_failed, ///< the credential provider gave no usable credentials

    // Of a bulk run
    skipped_after_failure, ///< not begun, because an earlier operation on the same room failed
    stopped,               ///< not begun, because the run was stopped before
    callback_failed,       ///< the run's source or sink threw
    journal_failed,        ///< the journal could not be opened, read or written; the diagnostics tell why
};

/// Groups of errc values, to be compared with an error_code: `if (ec == rooms::condition::not_reached)`. They
/// tell how the call's last attempt failed; whether the room may have been changed, by an earlier one say, is
/// told by diagnostics::effect only.
enum class condition
{
    not_reached = 1, ///< no connection to the service could be had
    tls,             ///< the server could not be authenticated, or no secure connection was possible
    interrupted,     ///< the connection failed or timed out in the handshake or after writing was begun
    timeout,         ///< any limit on time was exceeded, the call's deadline included
    rejected, ///< the service answered, and refused: 3xx, 4xx (408, and 3xx but 307 and 308: effect unknown)
    overloaded,  ///< 429 or 5xx: the service cannot serve this now
    credentials, ///< the API key or the bearer token was not accepted, or none could be had
};

/// The category of @ref errc. Thread-safe; lives for the whole program.
const boost::system::error_category& rooms_category() noexcept;

/// The category of @ref condition.
const boost::system::error_category& condition_category() noexcept;

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), rooms_category()}; }

inline boost::system::error_condition make_error_condition(condition c) noexcept
{
    return {static_cast<int>(c), condition_category()};
}

} // namespace watchers::rooms

namespace boost::system {
template <>
struct is_error_code_enum<watchers::rooms::errc> : std::true_type
{};
template <>
struct is_error_condition_enum<watchers::rooms::condition> : std::true_type
{};
} // namespace boost::system

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/error.ipp>
#endif
