// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/environment.ipp>
#include <watchers/rooms/impl/sansio/credential_rules.ipp>
#include <watchers/rooms/impl/sansio/origin.ipp>

namespace watchers::rooms {
namespace detail {

// Far from what a steady_clock::time_point can hold, so that deadlines can be computed without care.
inline constexpr std::chrono::hours max_duration(24 * 365);

enum class zero
{
    refused,
    allowed
};

WATCHERS_ROOMS_DECL std::string check_duration(const char* member, std::chrono::milliseconds value, zero z)
{
    const std::chrono::milliseconds least(z == zero::allowed ? 0 : 1);
    if (value >= least && value <= max_duration) return {};
    return std::string(member) + ": must be " + std::to_string(least.count()) + " ms to 365 days";
}

WATCHERS_ROOMS_DECL std::string check_number(const char* member, std::size_t value, std::size_t least,
                                             std::size_t greatest)
{
    if (value >= least && value <= greatest) return {};
    return std::string(member) + ": must be " + std::to_string(least) + " to " + std::to_string(greatest);
}

WATCHERS_ROOMS_DECL std::string check_rate(const char* member, double value)
{
    if (value >= 0 && value <= 1e6) return {}; // false for a NaN
    return std::string(member) + ": must be 0 to 1000000";
}

WATCHERS_ROOMS_DECL std::string check_base_url(const config& c)
{
    std::string why;
    if (parse_origin(c.base_url, c.plain_http_to_loopback, why)) return {};
    return "base_url: " + why;
}

WATCHERS_ROOMS_DECL std::string check_trust(const trust& t)
{
    switch (t.which()) {
    case trust::kind::system: return {};
    case trust::kind::ca_file:
        return t.text().empty() ? "trust: the name of the CA file must not be empty" : std::string();
    case trust::kind::ca_pem:
        return t.text().empty() ? "trust: the CA's PEM text must not be empty" : std::string();
    case trust::kind::context: return t.ssl_context() ? std::string() : "trust: the context must not be null";
    }
    return {};
}

WATCHERS_ROOMS_DECL std::string check_enumerations(const config& c)
{
    if (c.time_format > time_format::iso_8601) return "time_format: must be one of the enumerators";
    if (c.threading > threading::strand) return "threading: must be one of the enumerators";
    return {};
}

} // namespace detail

WATCHERS_ROOMS_DECL std::string_view base_url(region r) noexcept
{
    switch (r) {
    case region::europe: return "https://chatbackend.watchers.io";
    case region::north_america: return "https://chatbackend.us.watchers.io";
    case region::south_america: return "https://chatbackend.sa.watchers.io";
    case region::asia: return "https://chatbackend.hk.watchers.io";
    case region::africa: return "https://chatbackend.za.watchers.io";
    }
    return {};
}

WATCHERS_ROOMS_DECL config config::from_environment()
{
    config result(rooms::credentials::from_environment());
    if (const auto url = detail::optional_variable("WATCHERS_BASE_URL")) result.base_url = *url;
    return result;
}

WATCHERS_ROOMS_DECL std::string check(const config& c)
{
    using detail::zero;
    std::string faults[] = {
        c.credential_provider && c.credentials.empty() ? std::string()
                                                       : detail::check_credentials(c.credentials),
        detail::check_base_url(c),
        detail::check_trust(c.trust),
        detail::check_enumerations(c),
        check(c.retry),
        detail::check_rate("max_requests_per_second", c.max_requests_per_second),
        detail::check_number("max_connections", c.max_connections, 1, 65'535),
        detail::check_duration("pool_timeout", c.pool_timeout, zero::allowed),
        detail::check_duration("idle_timeout", c.idle_timeout, zero::allowed),
        detail::check_duration("max_connection_lifetime", c.max_connection_lifetime, zero::allowed),
        detail::check_duration("timeout", c.timeout, zero::refused),
        detail::check_duration("attempt_timeout", c.attempt_timeout, zero::refused),
        detail::check_duration("expected_exchange_time",
                               c.expected_exchange_time.value_or(config::milliseconds(0)), zero::allowed),
        detail::check_duration("resolve_timeout", c.resolve_timeout, zero::refused),
        detail::check_duration("connect_timeout", c.connect_timeout, zero::refused),
        detail::check_duration("connect_attempt_delay", c.connect_attempt_delay, zero::refused),
        detail::check_duration("tls_timeout", c.tls_timeout, zero::refused),
        detail::check_number("max_response_header", c.max_response_header, 256, 1024 * 1024),
        detail::check_number("max_response_fields", c.max_response_fields, 1, 10'000),
        detail::check_number("max_response_body", c.max_response_body, 1, 1024 * 1024 * 1024),
    };
    for (std::string& fault : faults)
        if (!fault.empty()) return std::move(fault);
    return {};
}

WATCHERS_ROOMS_DECL std::string check(const call_options& o)
{
    if (o.attempt_timeout())
        if (std::string fault =
                detail::check_duration("attempt_timeout", *o.attempt_timeout(), detail::zero::refused);
            !fault.empty())
            return fault;
    return o.retry() ? check(*o.retry()) : std::string();
}

} // namespace watchers::rooms
