// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

class origin;

// Reads a base URL: scheme, host and port, and nothing else. http is taken only where the host is `localhost`
// or a loopback address, and only if plain_http_to_loopback. If refused, why tells the rule; it never repeats
// the URL, which may hold a password.
std::optional<origin> parse_origin(std::string_view url, bool plain_http_to_loopback, std::string& why);

// Where the requests go. Made by parse_origin, hence always sound.
class origin
{
public:
    bool tls() const noexcept { return tls_; }

    // In lower case; an IPv6 address without its brackets.
    const std::string& host() const noexcept { return host_; }

    // For the Host field: with brackets, and with the port unless it is the scheme's own.
    const std::string& host_header() const noexcept { return host_header_; }

    std::uint16_t port() const noexcept { return port_; }

    // An IPv4 or IPv6 address rather than a name: neither resolved nor sent as SNI.
    bool is_address_literal() const noexcept { return address_; }

private:
    friend std::optional<origin> parse_origin(std::string_view, bool, std::string&);
    origin() = default;

    std::string host_;
    std::string host_header_;
    std::uint16_t port_ = 0;
    bool tls_ = true;
    bool address_ = false;
};

} // namespace watchers::rooms::detail
