// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace roomctl {

// What an entry of a manifest may consist of, in the order in which faults are looked for.
enum class member : unsigned char
{
    op,
    room_id,
    name,
    about,
    voice,
    status,
    starts_at,
    ends_at,
    picture_url,
    stream_url,
    source_url,
    stream_starts_at,
    stream_ends_at,
};

inline constexpr std::array<std::string_view, 13> member_names = {
    "op",      "roomId", "name",      "about",     "isSpeak",         "status",        "startTime",
    "endTime", "pic",    "streamUrl", "sourceUrl", "streamStartTime", "streamEndTime",
};

// The rule that any other name breaks.
inline constexpr const char* unknown_member =
    "is not known: there are op, roomId, name, about, isSpeak, status, startTime, endTime, pic, streamUrl, "
    "sourceUrl, streamStartTime, streamEndTime";

inline constexpr std::string_view name_of(member m) noexcept
{
    return member_names[static_cast<std::size_t>(m)];
}

inline constexpr std::optional<member> find_member(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < member_names.size(); ++i)
        if (name == member_names[i]) return static_cast<member>(i);
    return std::nullopt;
}

} // namespace roomctl
