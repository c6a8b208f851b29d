// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/classify.hpp>

#include <algorithm>
#include <string_view>

namespace watchers::rooms::detail {

// The API has no status of its own for a duplicate create, so its text has to tell.
inline bool tells_of_duplicate(std::string_view body)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    const auto same = [lower](char of_body, char of_word) { return lower(of_body) == of_word; };
    for (const std::string_view word : {"already exist", "exists", "duplicate"})
        if (std::search(body.begin(), body.end(), word.begin(), word.end(), same) != body.end()) return true;
    return false;
}

inline verdict classify_change(operation_kind kind, const response& r)
{
    using rooms::effect;
    const bool creates = kind == operation_kind::create_room;
    switch (r.status) {
    case 307:
    case 308: return {errc::unexpected_redirect, effect::none}; // asks for the same request elsewhere
    case 400:
        return {creates && tells_of_duplicate(r.body) ? errc::conflict : errc::bad_request, effect::none};
    case 401: return {errc::unauthorized, effect::none};
    case 403: return {errc::forbidden, effect::none};
    case 404: return {errc::not_found, effect::none};
    case 408: return {errc::request_timeout, effect::unknown};
    case 409: return {creates ? errc::conflict : errc::bad_request, effect::none};
    case 421: return {errc::misdirected_request, effect::none};
    case 429: return {errc::rate_limited, effect::none};
    default: break;
    }
    switch (r.status / 100) {
    case 2: return {error_code(), effect::applied};
    case 3: return {errc::unexpected_redirect, effect::unknown}; // 303 follows a change that was made
    case 4: return {errc::bad_request, effect::none};
    case 5: return {errc::server_error, effect::unknown};
    default: return {errc::malformed_response, effect::unknown};
    }
}

WATCHERS_ROOMS_DECL verdict classify_answer(operation_kind kind, const response& r)
{
    verdict v = classify_change(kind, r);
    if (kind == operation_kind::get_room) v.effect = effect::none;
    return v;
}

WATCHERS_ROOMS_DECL effect effect_of_failure(operation_kind kind, bool write_started) noexcept
{
    return write_started && kind != operation_kind::get_room ? effect::unknown : effect::none;
}

WATCHERS_ROOMS_DECL bool replayable(operation_kind kind) noexcept
{
    return kind != operation_kind::create_room;
}

} // namespace watchers::rooms::detail
