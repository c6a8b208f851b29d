// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/room.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms::detail {

// What operation::to_json() writes as `op`.
std::string_view operation_name(operation_kind) noexcept;

// Reads the JSON form of an operation into its members, each of the right type; their values are checked by
// check_request.
class operation_reader
{
public:
    enum class member : unsigned char
    {
        op,
        room_id,
        name,
        about,
        picture_url,
        stream_url,
        source_url, // the last one of free text
        starts_at,
        ends_at,
        stream_starts_at,
        stream_ends_at, // the last time
        status,
        voice,
    };
    static constexpr std::size_t member_count = 13;

    // To be called once. Returns an empty text, or the first fault; nothing else may be asked for then.
    std::string read(std::string_view json);

    // Afterwards every member that the operation cannot do without is there.
    operation_kind kind() const noexcept { return kind_; }
    std::optional<bool> voice() const noexcept { return voice_; }
    std::optional<room_status> status() const noexcept;
    std::optional<time_point> time(member m) const noexcept;
    std::optional<std::string> take_text(member m) noexcept { return std::move(text(m)); }

private:
    class sink;

    std::optional<std::string>& text(member m) noexcept { return texts_[static_cast<std::size_t>(m)]; }
    const std::optional<std::string>& text(member m) const noexcept
    {
        return texts_[static_cast<std::size_t>(m)];
    }

    bool has(member m) const noexcept
    {
        return m == member::voice ? voice_.has_value() : text(m).has_value();
    }
    std::string check_members();

    std::array<std::optional<std::string>, member_count> texts_; // as they were written
    std::optional<bool> voice_;
    operation_kind kind_ = operation_kind::get_room;
};

} // namespace watchers::rooms::detail
