// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <string_view>

namespace roomctl {

namespace rooms = watchers::rooms;

// The name that --json gives an error: that of the enumerator, which unlike its message never changes.
inline std::string_view error_name(rooms::errc e) noexcept
{
    using rooms::errc;
    switch (e) {
    case errc::invalid_argument: return "invalid_argument";
    case errc::pool_timeout: return "pool_timeout";
    case errc::pool_full: return "pool_full";
    case errc::resource_exhausted: return "resource_exhausted";
    case errc::draining: return "draining";
    case errc::shutting_down: return "shutting_down";
    case errc::resolve_failed: return "resolve_failed";
    case errc::resolve_timeout: return "resolve_timeout";
    case errc::connect_failed: return "connect_failed";
    case errc::connect_timeout: return "connect_timeout";
    case errc::tls_untrusted: return "tls_untrusted";
    case errc::tls_expired: return "tls_expired";
    case errc::tls_not_yet_valid: return "tls_not_yet_valid";
    case errc::tls_host_mismatch: return "tls_host_mismatch";
    case errc::tls_weak_key: return "tls_weak_key";
    case errc::tls_client_certificate: return "tls_client_certificate";
    case errc::tls_protocol: return "tls_protocol";
    case errc::tls_timeout: return "tls_timeout";
    case errc::tls_failed: return "tls_failed";
    case errc::connection_lost: return "connection_lost";
    case errc::truncated_response: return "truncated_response";
    case errc::write_timeout: return "write_timeout";
    case errc::response_timeout: return "response_timeout";
    case errc::malformed_response: return "malformed_response";
    case errc::response_too_large: return "response_too_large";
    case errc::unexpected_encoding: return "unexpected_encoding";
    case errc::unexpected_redirect: return "unexpected_redirect";
    case errc::bad_request: return "bad_request";
    case errc::unauthorized: return "unauthorized";
    case errc::forbidden: return "forbidden";
    case errc::unknown_project: return "unknown_project";
    case errc::not_found: return "not_found";
    case errc::conflict: return "conflict";
    case errc::request_timeout: return "request_timeout";
    case errc::misdirected_request: return "misdirected_request";
    case errc::rate_limited: return "rate_limited";
    case errc::server_error: return "server_error";
    case errc::not_the_service: return "not_the_service";
    case errc::bad_body: return "bad_body";
    case errc::cancelled: return "cancelled";
    case errc::deadline_exceeded: return "deadline_exceeded";
    case errc::outcome_unknown: return "outcome_unknown";
    case errc::credentials_failed: return "credentials_failed";
    case errc::skipped_after_failure: return "skipped_after_failure";
    case errc::stopped: return "stopped";
    case errc::callback_failed: return "callback_failed";
    case errc::journal_failed: return "journal_failed";
    }
    return "failed";
}

inline std::string_view error_name(const rooms::error_code& ec) noexcept
{
    if (ec.category() != rooms::rooms_category()) return "failed";
    return error_name(static_cast<rooms::errc>(ec.value()));
}

} // namespace roomctl
