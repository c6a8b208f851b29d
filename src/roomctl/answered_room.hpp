// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>

namespace roomctl {

// Makes an error of a response that does not tell which room it is about: it must not be taken for the one
// that was asked for. The API does not say that a response repeats the id: a name has to do. The client
// refuses a response with the id of another room.
inline void refuse_other_room(watchers::rooms::bulk_result& r)
{
    if (r.error || r.room.id() || r.room.name()) return;
    r.error = watchers::rooms::errc::bad_body;
    r.diagnostics.set_message("the response names no room");
}

} // namespace roomctl
