// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>

#include <array>
#include <string_view>

namespace roomctl {

namespace rooms = watchers::rooms;

// What scripts may rely on. Everything about exit codes is in this file.
enum class exit_code : int
{
    done = 0,
    failed = 1,
    usage = 2,
    rejected = 3,
    not_reached = 4,
    unknown = 5,
};

struct exit_code_meaning
{
    exit_code code;
    std::string_view text;
};

inline constexpr std::array<exit_code_meaning, 6> exit_code_meanings{{
    {exit_code::done, "done; of many operations: every one"},
    {exit_code::failed,
     "failed on this machine (port in use, file not readable, journal locked), or a demo's failures"},
    {exit_code::usage, "usage: invalid arguments or manifest, missing credentials; nothing was sent"},
    {exit_code::rejected,
     "rejected: the service refused, or a room cannot be changed as asked; it is as it was"},
    {exit_code::not_reached, "not reached: no connection or no usable response, or stopped before the end"},
    {exit_code::unknown,
     "outcome unknown (sent, and no response came), or a room deleted and not created again"},
}};

// The exit code of an error whose call changed nothing.
inline exit_code exit_code_without_effect(rooms::errc e) noexcept
{
    using rooms::errc;
    switch (e) { // no default: the compiler names the errc that is missing here
    case errc::invalid_argument: return exit_code::usage;

    case errc::unexpected_redirect:
    case errc::bad_request:
    case errc::unauthorized:
    case errc::forbidden:
    case errc::unknown_project:
    case errc::not_found:
    case errc::conflict:
    case errc::request_timeout:
    case errc::misdirected_request:
    case errc::rate_limited:
    case errc::server_error: return exit_code::rejected;

    case errc::pool_timeout:
    case errc::pool_full:
    case errc::resource_exhausted:
    case errc::draining:
    case errc::shutting_down:
    case errc::resolve_failed:
    case errc::resolve_timeout:
    case errc::connect_failed:
    case errc::connect_timeout:
    case errc::tls_untrusted:
    case errc::tls_expired:
    case errc::tls_not_yet_valid:
    case errc::tls_host_mismatch:
    case errc::tls_weak_key:
    case errc::tls_client_certificate:
    case errc::tls_protocol:
    case errc::tls_timeout:
    case errc::tls_failed:
    case errc::connection_lost:
    case errc::truncated_response:
    case errc::write_timeout:
    case errc::response_timeout:
    case errc::malformed_response:
    case errc::response_too_large:
    case errc::unexpected_encoding:
    case errc::not_the_service:
    case errc::bad_body:
    case errc::cancelled:
    case errc::deadline_exceeded:
    case errc::credentials_failed:
    case errc::skipped_after_failure:
    case errc::stopped: return exit_code::not_reached;

    case errc::callback_failed:
    case errc::journal_failed: return exit_code::failed;

    case errc::outcome_unknown: return exit_code::unknown;
    }
    return exit_code::failed;
}

// The exit code of a call that ended with `ec`.
inline exit_code exit_code_of(const rooms::error_code& ec, rooms::effect effect) noexcept
{
    if (!ec) return exit_code::done;
    if (ec.category() != rooms::rooms_category()) return exit_code::failed;
    // An error after a change that was made counts as unknown, too: the advice is the same, to look before
    // repeating the call.
    if (effect != rooms::effect::none) return exit_code::unknown;
    return exit_code_without_effect(static_cast<rooms::errc>(ec.value()));
}

} // namespace roomctl
