// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <string>

namespace watchers::rooms {
namespace detail {

WATCHERS_ROOMS_DECL const char* message_of(errc e) noexcept
{
    switch (e) {
    case errc::invalid_argument: return "an argument breaks a rule";
    case errc::pool_timeout: return "no connection became free in time";
    case errc::pool_full: return "too many calls are waiting for a connection";
    case errc::resource_exhausted: return "out of file descriptors or memory for a connection";
    case errc::draining: return "the client is draining and takes no new calls";
    case errc::shutting_down: return "the client was destroyed";
    case errc::resolve_failed: return "the host name could not be resolved";
    case errc::resolve_timeout: return "the name service did not answer in time";
    case errc::connect_failed: return "the connection was refused at every address";
    case errc::connect_timeout: return "no connection could be made in time";
    case errc::tls_untrusted: return "the server's certificate is not trusted";
    case errc::tls_expired: return "the server's certificate has expired";
    case errc::tls_not_yet_valid: return "the server's certificate is not valid yet";
    case errc::tls_host_mismatch: return "the server's certificate is for another host";
    case errc::tls_weak_key: return "the server's certificate chain has a key or digest that is too weak";
    case errc::tls_client_certificate: return "the server demands a client certificate";
    case errc::tls_protocol: return "the server and the client have no TLS version in common";
    case errc::tls_timeout: return "the TLS handshake did not end in time";
    case errc::tls_failed: return "the TLS handshake failed";
    case errc::connection_lost: return "the connection was lost before any answer came";
    case errc::truncated_response: return "the connection ended in the middle of the answer";
    case errc::write_timeout: return "the request could not be written in time";
    case errc::response_timeout: return "the answer was not complete in time";
    case errc::malformed_response: return "the answer is not valid HTTP/1.x";
    case errc::response_too_large: return "the answer exceeds a limit on its size";
    case errc::unexpected_encoding: return "the response has a content coding that was not asked for";
    case errc::unexpected_redirect: return "the service answered with a redirect";
    case errc::bad_request: return "the service found the request to be wrong";
    case errc::unauthorized: return "the service did not accept the credentials";
    case errc::forbidden: return "the service refused the credentials or the request";
    case errc::unknown_project: return "the service knows no project with this API key";
    case errc::not_found: return "there is no such room";
    case errc::conflict: return "the room exists already";
    case errc::request_timeout: return "the service gave up waiting for the request";
    case errc::misdirected_request: return "the request reached a server that is not in charge of the host";
    case errc::rate_limited: return "the service limits the rate of requests";
    case errc::server_error: return "the service failed to serve the request";
    case errc::not_the_service: return "the response does not come from the Room API";
    case errc::bad_body: return "the answer holds no usable JSON object";
    case errc::cancelled: return "the operation was cancelled";
    case errc::deadline_exceeded: return "the call's timeout passed";
    case errc::outcome_unknown: return "whether the room was created could not be told";
    case errc::credentials_failed: return "the credential provider gave no credentials";
    case errc::skipped_after_failure: return "an earlier operation on the same room failed";
    case errc::stopped: return "the run was stopped before";
    case errc::callback_failed: return "the source or the sink of the run failed";
    case errc::journal_failed: return "the journal cannot be used";
    }
    return "unknown error";
}

WATCHERS_ROOMS_DECL bool is_timeout(errc e) noexcept
{
    switch (e) {
    case errc::pool_timeout:
    case errc::resolve_timeout:
    case errc::connect_timeout:
    case errc::tls_timeout:
    case errc::write_timeout:
    case errc::response_timeout:
    case errc::request_timeout:
    case errc::deadline_exceeded: return true;
    default: return false;
    }
}

WATCHERS_ROOMS_DECL bool belongs_to(errc e, condition c) noexcept
{
    switch (c) {
    case condition::not_reached:
        return e == errc::pool_timeout || e == errc::pool_full || e == errc::resource_exhausted ||
               (e >= errc::resolve_failed && e <= errc::tls_failed);
    case condition::tls: return e >= errc::tls_untrusted && e <= errc::tls_failed;
    case condition::interrupted:
        return e == errc::connection_lost || e == errc::truncated_response || e == errc::write_timeout ||
               e == errc::response_timeout;
    case condition::timeout: return is_timeout(e);
    case condition::rejected: return e >= errc::unexpected_redirect && e <= errc::rate_limited;
    case condition::overloaded: return e == errc::rate_limited || e == errc::server_error;
    case condition::credentials:
        return e == errc::unauthorized || e == errc::forbidden || e == errc::unknown_project ||
               e == errc::credentials_failed;
    }
    return false;
}

// The numbers make two copies of a category, as in two shared libraries, compare equal.

class rooms_category_type final : public boost::system::error_category
{
public:
    constexpr rooms_category_type() noexcept : error_category(0x2D6F1A94C3B75E08U) {}

    const char* name() const noexcept override { return "watchers.rooms"; }
    using error_category::message;
    std::string message(int value) const override { return message_of(static_cast<errc>(value)); }

    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        const errc e = static_cast<errc>(value);
        if (e == errc::cancelled)
            return boost::system::errc::make_error_condition(boost::system::errc::operation_canceled);
        if (is_timeout(e)) return boost::system::errc::make_error_condition(boost::system::errc::timed_out);
        return {value, *this};
    }
};

class condition_category_type final : public boost::system::error_category
{
public:
    constexpr condition_category_type() noexcept : error_category(0x2D6F1A94C3B75E09U) {}

    const char* name() const noexcept override { return "watchers.rooms.condition"; }
    using error_category::message;
    std::string message(int value) const override
    {
        switch (static_cast<condition>(value)) {
        case condition::not_reached: return "the service was not reached";
        case condition::tls: return "no secure connection to the service";
        case condition::interrupted: return "the exchange was interrupted";
        case condition::timeout: return "a limit on time was exceeded";
        case condition::rejected: return "the service refused the request";
        case condition::overloaded: return "the service cannot serve this now";
        case condition::credentials: return "the credentials were not accepted";
        }
        return "unknown condition";
    }

    using error_category::equivalent;
    bool equivalent(const error_code& ec, int value) const noexcept override
    {
        return ec.category() == rooms_category() &&
               belongs_to(static_cast<errc>(ec.value()), static_cast<condition>(value));
    }
};

} // namespace detail

WATCHERS_ROOMS_DECL const boost::system::error_category& rooms_category() noexcept
{
    static constexpr detail::rooms_category_type instance;
    return instance;
}

WATCHERS_ROOMS_DECL const boost::system::error_category& condition_category() noexcept
{
    static constexpr detail::condition_category_type instance;
    return instance;
}

} // namespace watchers::rooms
