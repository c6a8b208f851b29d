// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>

namespace roomctl {

// Makes an error of an answer that is not about the room that was asked for: what it tells must not be taken
// for that room's. The API does not say that an answer repeats the id: a name has to do.
inline void refuse_other_room(watchers::rooms::bulk_result& r)
{
    if (r.error || (r.room.id() ? r.room.id() == r.operation.room_id() : r.room.name().has_value())) return;
    r.error = watchers::rooms::errc::bad_body;
    r.diagnostics.set_message(r.room.id() ? "the answer is about another room" : "the answer names no room");
}

} // namespace roomctl
