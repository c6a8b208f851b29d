// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/room_builder.ipp>
#include <watchers/rooms/room.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <utility>

namespace watchers::rooms {

WATCHERS_ROOMS_DECL std::string_view to_string(room_status s) noexcept
{
    switch (s) {
    case room_status::live: return "LIVE";
    case room_status::soon: return "SOON";
    case room_status::ended: return "ENDED";
    case room_status::disabled: return "DISABLED";
    }
    return {};
}

WATCHERS_ROOMS_DECL std::optional<room_status> parse_room_status(std::string_view text) noexcept
{
    for (const room_status s :
         {room_status::live, room_status::soon, room_status::ended, room_status::disabled})
        if (text == to_string(s)) return s;
    return std::nullopt;
}

WATCHERS_ROOMS_DECL room room::from_json(std::string_view text, error_code& ec)
{
    return detail::room_builder::parse(text, ec, nullptr);
}

WATCHERS_ROOMS_DECL std::optional<bool> room::voice() const noexcept
{
    if (!has(member::voice)) return std::nullopt;
    return voice_;
}

WATCHERS_ROOMS_DECL std::optional<room_status> room::status() const noexcept
{
    if (!has(member::status)) return std::nullopt;
    return status_;
}

WATCHERS_ROOMS_DECL boost::json::object room::json() const
{
    if (raw_size_ == 0) return {};
    boost::json::value answer = boost::json::parse(boost::json::string_view(storage_.data(), raw_size_));
    return std::move(answer.get_object());
}

} // namespace watchers::rooms
