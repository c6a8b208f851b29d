// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/origin.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

WATCHERS_ROOMS_DECL char to_lower_ascii(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// A number of 1 to max_digits digits in the base; nothing for other text.
WATCHERS_ROOMS_DECL std::optional<unsigned> parse_number(std::string_view text, std::size_t max_digits,
                                                         int base)
{
    unsigned value = 0;
    const char* const end = text.data() + text.size();
    if (text.empty() || text.size() > max_digits) return std::nullopt;
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

// Four decimal numbers, and none of the short, octal or hexadecimal forms that some resolvers take.
WATCHERS_ROOMS_DECL std::optional<std::array<unsigned char, 4>> parse_ipv4(std::string_view text)
{
    std::array<unsigned char, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::size_t dot = text.find('.');
        if ((dot == std::string_view::npos) != (i + 1 == bytes.size())) return std::nullopt;
        const std::string_view part = text.substr(0, dot);
        const std::optional<unsigned> value = parse_number(part, 3, 10);
        if (!value || *value > 255 || (part.size() > 1 && part.front() == '0')) return std::nullopt;
        bytes[i] = static_cast<unsigned char>(*value);
        if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
    }
    return bytes;
}

// Groups of hexadecimal digits between colons, the last two perhaps as an IPv4 address, into at most 8.
// Returns their number, or nothing.
WATCHERS_ROOMS_DECL std::optional<std::size_t> parse_groups(std::string_view text,
                                                            std::array<unsigned, 8>& groups)
{
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view part = text.substr(0, colon);
        if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
            const auto v4 = parse_ipv4(part);
            if (!v4 || count > 6) return std::nullopt;
            groups[count++] = (*v4)[0] * 256U + (*v4)[1];
            groups[count++] = (*v4)[2] * 256U + (*v4)[3];
            return count;
        }
        const std::optional<unsigned> value = parse_number(part, 4, 16);
        if (!value || count == 8) return std::nullopt;
        groups[count++] = *value;
        if (colon == std::string_view::npos) return count;
        text.remove_prefix(colon + 1);
        if (text.empty()) return std::nullopt; // ends in a colon
    }
    return count;
}

// RFC 4291 text, without a zone.
WATCHERS_ROOMS_DECL std::optional<std::array<unsigned, 8>> parse_ipv6(std::string_view text)
{
    std::array<unsigned, 8> address{};
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto count = parse_groups(text, address);
        if (!count || *count != 8) return std::nullopt;
        return address;
    }
    std::array<unsigned, 8> tail{};
    const std::string_view before = text.substr(0, gap);
    if (before.find('.') != std::string_view::npos) return std::nullopt;
    const auto head_count = parse_groups(before, address);
    const auto tail_count = parse_groups(text.substr(gap + 2), tail);
    if (!head_count || !tail_count || *head_count + *tail_count > 7) return std::nullopt;
    std::copy_n(tail.begin(), *tail_count, address.end() - static_cast<std::ptrdiff_t>(*tail_count));
    return address;
}

WATCHERS_ROOMS_DECL const char* broken_host_name_rule(std::string_view host) noexcept
{
    const auto allowed = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
    };
    if (!std::all_of(host.begin(), host.end(), allowed))
        return "the host must consist of letters, digits, '-', '_' and '.'";
    if (host.size() > 253) return "the host must be at most 253 characters long";
    if (host.back() == '.') return "the host must not end in a dot";
    std::string_view label;
    for (std::string_view rest = host; !rest.empty();) {
        const std::size_t dot = rest.find('.');
        label = rest.substr(0, dot);
        rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
        if (label.empty() || label.size() > 63)
            return "each label of the host must be 1 to 63 characters long";
    }
    // Resolvers take 127.1 or 0x7f000001 for addresses.
    if (std::all_of(label.begin(), label.end(), is_digit) || label.substr(0, 2) == "0x")
        return "the host looks like an IPv4 address, but is none";
    return nullptr;
}

WATCHERS_ROOMS_DECL std::optional<origin> parse_origin(std::string_view url, bool plain_http_to_loopback,
                                                       std::string& why)
{
    const auto refuse = [&](const char* rule) {
        why = rule;
        return std::optional<origin>();
    };
    why.clear();
    if (url.empty()) return refuse("must not be empty");
    if (!std::all_of(url.begin(), url.end(), [](char c) { return c >= 0x21 && c <= 0x7E; }))
        return refuse("must consist of visible ASCII characters");

    std::string text(url);
    std::transform(text.begin(), text.end(), text.begin(), to_lower_ascii);
    std::string_view rest = text;

    origin result;
    const std::size_t scheme_end = rest.find("://");
    const std::string_view scheme = rest.substr(0, scheme_end);
    if (scheme_end == std::string_view::npos || (scheme != "https" && scheme != "http"))
        return refuse("must start with https://");
    result.tls_ = scheme == "https";
    rest.remove_prefix(scheme_end + 3);

    if (rest.find('@') != std::string_view::npos) return refuse("must not hold user information");
    if (rest.find('?') != std::string_view::npos) return refuse("must not hold a query");
    if (rest.find('#') != std::string_view::npos) return refuse("must not hold a fragment");
    if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
        if (slash + 1 != rest.size()) return refuse("must not hold a path");
        rest.remove_suffix(1);
    }

    std::string_view host;
    bool loopback = false;
    if (!rest.empty() && rest.front() == '[') {
        const std::size_t bracket = rest.find(']');
        if (bracket == std::string_view::npos) return refuse("the IPv6 address must end in a bracket");
        host = rest.substr(1, bracket - 1);
        const auto address = parse_ipv6(host);
        if (!address) return refuse("the IPv6 address in brackets is not valid");
        result.address_ = true;
        loopback = *address == std::array<unsigned, 8>{0, 0, 0, 0, 0, 0, 0, 1};
        result.host_header_.append("[").append(host).append("]");
        rest.remove_prefix(bracket + 1);
        if (!rest.empty() && rest.front() != ':') return refuse("only a port may follow the IPv6 address");
    } else {
        host = rest.substr(0, rest.find(':'));
        if (rest.find(':', host.size() + 1) != std::string_view::npos)
            return refuse("an IPv6 address must be in brackets");
        if (host.empty()) return refuse("must name a host");
        rest.remove_prefix(host.size());
        if (const auto address = parse_ipv4(host)) {
            result.address_ = true;
            loopback = address->front() == 127;
        } else if (const char* rule = broken_host_name_rule(host)) {
            return refuse(rule);
        }
        loopback = loopback || host == "localhost";
        result.host_header_ = host;
    }
    result.host_ = host;

    const std::uint16_t default_port = result.tls_ ? 443 : 80;
    result.port_ = default_port;
    if (!rest.empty()) {
        const std::optional<unsigned> port = parse_number(rest.substr(1), 5, 10);
        if (!port || *port == 0 || *port > 65'535) return refuse("the port must be 1 to 65535");
        result.port_ = static_cast<std::uint16_t>(*port);
    }
    if (result.port_ != default_port) result.host_header_.append(":").append(std::to_string(result.port_));

    if (!result.tls_ && !loopback)
        return refuse("must start with https:// (http:// is for loopback addresses only)");
    if (!result.tls_ && !plain_http_to_loopback)
        return refuse("must start with https:// (http:// to loopback needs plain_http_to_loopback)");
    return result;
}

} // namespace watchers::rooms::detail
