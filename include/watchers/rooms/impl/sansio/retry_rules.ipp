// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/retry_rules.hpp>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL bool was_not_read(error_code ec) noexcept { return ec == errc::tls_client_certificate; }

inline failure classify_unsent(errc e, bool name_unknown) noexcept
{
    switch (e) {
    case errc::resolve_failed: return name_unknown ? failure::unreachable : failure::unsent;
    case errc::pool_timeout:
    case errc::pool_full:
    case errc::tls_untrusted:
    case errc::tls_expired:
    case errc::tls_not_yet_valid:
    case errc::tls_host_mismatch:
    case errc::tls_weak_key:
    case errc::tls_protocol:
    case errc::tls_client_certificate:
    case errc::tls_failed: return failure::unreachable;
    default: return failure::unsent;
    }
}

inline failure classify_status(unsigned status, errc e) noexcept
{
    switch (status) {
    case 400:
    case 409: return e == errc::conflict ? failure::duplicate : failure::bad_request;
    case 401:
    case 403: return failure::credentials;
    case 404: return e == errc::unknown_project ? failure::credentials : failure::refused;
    case 408: return failure::request_timeout;
    case 421: return failure::misdirected;
    case 429: return failure::throttled;
    case 500:
    case 502:
    case 503:
    case 504: return failure::server_error;
    default: break;
    }
    if (status / 100 == 2 && e == errc::not_the_service) return failure::inconclusive;
    return status >= 200 && status < 500 ? failure::refused : failure::inconclusive;
}

WATCHERS_ROOMS_DECL failure classify_failure(error_code ec, bool name_unknown, bool sent,
                                             unsigned status) noexcept
{
    const auto e = static_cast<errc>(ec.value());
    if (!sent || was_not_read(ec)) return classify_unsent(e, name_unknown);
    if (status != 0) return classify_status(status, e);
    switch (e) {
    case errc::connection_lost:
    case errc::truncated_response: return failure::lost;
    case errc::write_timeout:
    case errc::response_timeout: return failure::timed_out;
    default: return failure::inconclusive;
    }
}

WATCHERS_ROOMS_DECL reaction react(operation_kind kind, failure f, bool in_doubt) noexcept
{
    const bool creates = kind == operation_kind::create_room;
    switch (f) {
    case failure::unsent:
    case failure::misdirected:
    case failure::throttled: return reaction::retry;
    case failure::lost:
    case failure::timed_out:
    case failure::request_timeout:
    case failure::server_error: return creates ? reaction::confirm : reaction::retry;
    case failure::inconclusive: return creates ? reaction::confirm : reaction::give_up;
    case failure::duplicate:
    case failure::bad_request: return creates && in_doubt ? reaction::confirm : reaction::give_up;
    case failure::credentials: return reaction::ask_credentials;
    case failure::unreachable:
    case failure::refused: break;
    }
    return reaction::give_up;
}

} // namespace watchers::rooms::detail
