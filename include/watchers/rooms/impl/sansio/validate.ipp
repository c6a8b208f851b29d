// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/impl/sansio/credential_rules.ipp>
#include <watchers/rooms/impl/sansio/utf8.ipp>
#include <watchers/rooms/impl/sansio/validate.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace watchers::rooms::detail {

inline constexpr std::size_t max_id_size = 1024;
inline constexpr std::size_t max_url_size = 8 * 1024;
inline constexpr std::size_t max_text_size = 64 * 1024;

WATCHERS_ROOMS_DECL std::string check_text(const char* member, std::string_view text, std::size_t max_size)
{
    if (text.size() > max_size)
        return std::string(member) + ": must be at most " + std::to_string(max_size) +
               " bytes long, and has " + std::to_string(text.size());
    if (!valid_utf8(text)) return std::string(member) + ": must be valid UTF-8";
    return {};
}

WATCHERS_ROOMS_DECL std::string check_time(const char* member, std::optional<time_point> t)
{
    using namespace std::chrono;
    if (t && (*t < sys_days(year(1970) / 1 / 1) || *t >= sys_days(year(10'000) / 1 / 1)))
        return std::string(member) + ": must lie in the years 1970 to 9999";
    return {};
}

WATCHERS_ROOMS_DECL std::string check_period(const char* start_member, std::optional<time_point> start,
                                             const char* end_member, std::optional<time_point> end)
{
    if (std::string fault = check_time(start_member, start); !fault.empty()) return fault;
    if (std::string fault = check_time(end_member, end); !fault.empty()) return fault;
    if (start && end && *end <= *start) return std::string(end_member) + ": must be after " + start_member;
    return {};
}

WATCHERS_ROOMS_DECL std::string check_url(const char* member, const std::optional<std::string>& url)
{
    return url ? check_text(member, *url, max_url_size) : std::string();
}

// Proxies resolve such segments of a path even when they are encoded, and would pass the request on to
// another resource.
WATCHERS_ROOMS_DECL bool has_dot_segment(std::string_view id) noexcept
{
    while (true) {
        const auto end = id.find_first_of("/\\");
        const auto segment = id.substr(0, end);
        if (segment == "." || segment == "..") return true;
        if (end == std::string_view::npos) return false;
        id.remove_prefix(end + 1);
    }
}

// Proxies merge slashes, encoded ones included, and would pass the request on to another room.
WATCHERS_ROOMS_DECL bool has_empty_segment(std::string_view id) noexcept
{
    const auto is_slash = [](char c) { return c == '/' || c == '\\'; };
    return is_slash(id.front()) || is_slash(id.back()) ||
           std::adjacent_find(id.begin(), id.end(),
                              [&](char a, char b) { return is_slash(a) && is_slash(b); }) != id.end();
}

WATCHERS_ROOMS_DECL std::string check_room_id(std::string_view id)
{
    if (id.empty()) return "roomId: must not be empty";
    const bool slashed = id.find('/') != std::string_view::npos || id.find('\\') != std::string_view::npos;
    if (id == "." || id == ".." || (slashed && has_dot_segment(id)))
        return "roomId: must not be \".\" or \"..\", nor hold them between slashes";
    if (slashed && has_empty_segment(id))
        return "roomId: must not begin or end with a slash or backslash, nor hold two in a row (example: "
               "a/b)";
    if (std::string fault = check_text("roomId", id, max_id_size); !fault.empty()) return fault;
    if (has_control_character(id)) return "roomId: must not hold control characters";
    return {};
}

WATCHERS_ROOMS_DECL std::string check_new_room(const new_room& r)
{
    if (std::string fault = check_room_id(r.id()); !fault.empty()) return fault;
    if (std::string fault = check_text("name", r.name(), max_text_size); !fault.empty()) return fault;
    if (std::string fault = check_text("about", r.about(), max_text_size); !fault.empty()) return fault;
    if (std::string fault = check_period("startTime", r.starts_at(), "endTime", r.ends_at()); !fault.empty())
        return fault;
    if (std::string fault = check_url("pic", r.picture_url()); !fault.empty()) return fault;
    if (std::string fault = check_url("streamUrl", r.stream_url()); !fault.empty()) return fault;
    if (std::string fault = check_url("sourceUrl", r.source_url()); !fault.empty()) return fault;
    return check_period("streamStartTime", r.stream_starts_at(), "streamEndTime", r.stream_ends_at());
}

WATCHERS_ROOMS_DECL std::string check_request(const call_request& r)
{
    if (r.kind() == operation_kind::create_room) return check_new_room(r.created());
    if (std::string fault = check_room_id(r.room_id()); !fault.empty()) return fault;
    if (r.kind() == operation_kind::set_status && r.status() > room_status::disabled)
        return "status: must be LIVE, SOON, ENDED or DISABLED";
    return {};
}

} // namespace watchers::rooms::detail
