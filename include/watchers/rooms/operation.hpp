// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/room.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms {

/// One of the five operations with its arguments, as a value: for bulk runs, queues and files.
///
/// Cheap to copy and to move. Arguments are checked when it is carried out, or by check().
class operation
{
public:
    static operation create(new_room r) { return operation(detail::call_request::create(std::move(r))); }
    static operation get(std::string room_id)
    {
        return operation(detail::call_request::get(std::move(room_id)));
    }
    static operation set_voice(std::string room_id, bool on)
    {
        return operation(detail::call_request::set_voice(std::move(room_id), on));
    }
    static operation set_status(std::string room_id, room_status s)
    {
        return operation(detail::call_request::set_status(std::move(room_id), s));
    }
    static operation erase(std::string room_id)
    {
        return operation(detail::call_request::erase(std::move(room_id)));
    }

    operation_kind kind() const noexcept { return request_.kind(); }
    const std::string& room_id() const noexcept { return request_.room_id(); }
    const new_room& room() const noexcept { return request_.created(); } ///< of a create only
    bool voice() const noexcept { return request_.voice(); }             ///< of a set_voice only
    room_status status() const noexcept { return request_.status(); }    ///< of a set_status only

    /// @returns an empty text, or the first argument at fault and its rule, as in "roomId: must not be
    /// empty".
    std::string check() const;

    /// One line of JSON without its line end. `op` is create, get, voice, status or delete; the other members
    /// are the API's: `{"op":"status","roomId":"match-321","status":"LIVE"}`. Times are ISO 8601.
    std::string to_json() const;

    /// Reads what to_json() writes. Members may come in any order; unknown ones, duplicate ones and ones of
    /// another type are faults, as are arguments that check() refuses. Both formats of time are read.
    /// @param fault assigned the member and the rule if the text is no operation.
    static std::optional<operation> from_json(std::string_view line, std::string& fault);

    /// For the library.
    const detail::call_request& request() const& noexcept { return request_; }
    detail::call_request&& request() && noexcept { return std::move(request_); }

private:
    explicit operation(detail::call_request r) : request_(std::move(r)) {}

    detail::call_request request_;
};

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/operation.ipp>
#endif
