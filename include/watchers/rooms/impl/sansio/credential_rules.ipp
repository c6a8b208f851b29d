// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/impl/sansio/credential_rules.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace watchers::rooms::detail {

inline constexpr std::size_t max_secret_size = 8 * 1024;

// What a header field's value may hold as it is (RFC 9110, section 5.5), without what servers might take
// differently: white space at its ends, and bytes beyond ASCII.
WATCHERS_ROOMS_DECL const char* broken_secret_rule(std::string_view secret) noexcept
{
    if (secret.empty()) return "must not be empty";
    if (secret.size() > max_secret_size) return "must be at most 8192 bytes long";
    if (secret.back() == '\n' || secret.back() == '\r')
        return "must not end with a line end (remove it: a secret that is read from a file often has one)";
    const auto printable = [](char c) { return c >= 0x20 && c <= 0x7E; };
    if (!std::all_of(secret.begin(), secret.end(), printable))
        return "must consist of printable ASCII characters";
    if (secret.front() == ' ' || secret.back() == ' ') return "must not begin or end with a space";
    return nullptr;
}

WATCHERS_ROOMS_DECL std::string check_credentials(const credentials& c)
{
    if (const char* rule = broken_secret_rule(c.api_key().reveal())) return std::string("api_key: ") + rule;
    if (const char* rule = broken_secret_rule(c.bearer_token().reveal()))
        return std::string("bearer_token: ") + rule;
    if (c.bearer_token().reveal().starts_with("Bearer "))
        return "bearer_token: must be without the word Bearer";
    return {};
}

} // namespace watchers::rooms::detail
