// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/room.hpp>

#include <memory>
#include <string>
#include <utility>

namespace watchers::rooms::detail {

// One operation with its arguments, as the caller gave them: not checked yet.
class call_request
{
public:
    static call_request create(new_room r)
    {
        return call_request(std::make_shared<const new_room>(std::move(r)));
    }
    static call_request get(std::string id) { return {operation_kind::get_room, std::move(id)}; }
    static call_request erase(std::string id) { return {operation_kind::delete_room, std::move(id)}; }
    static call_request set_voice(std::string id, bool on)
    {
        call_request r(operation_kind::set_voice, std::move(id));
        r.voice_ = on;
        return r;
    }
    static call_request set_status(std::string id, room_status s)
    {
        call_request r(operation_kind::set_status, std::move(id));
        r.status_ = s;
        return r;
    }

    operation_kind kind() const noexcept { return kind_; }
    const std::string& room_id() const noexcept { return created_ ? created_->id() : room_id_; }
    const new_room& created() const noexcept { return *created_; } // create_room only
    bool voice() const noexcept { return voice_; }                 // set_voice only
    room_status status() const noexcept { return status_; }        // set_status only

private:
    call_request(operation_kind k, std::string id) : room_id_(std::move(id)), kind_(k) {}
    explicit call_request(std::shared_ptr<const new_room> r)
        : created_(std::move(r))
        , kind_(operation_kind::create_room)
    {}

    std::shared_ptr<const new_room> created_; // shared: requests are copied with deferred operations
    std::string room_id_;
    operation_kind kind_;
    bool voice_ = false;
    room_status status_ = room_status::live;
};

} // namespace watchers::rooms::detail
