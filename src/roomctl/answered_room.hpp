// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>

namespace roomctl {

// Turns a response that does not name its room into an error: it may be about another room. The API does not
// promise that a response repeats the id, so a name is enough. (The client itself refuses a response with the
// id of another room.)
inline void refuse_other_room(watchers::rooms::bulk_result& r)
{
    if (r.error || r.room.id() || r.room.name()) return;
    r.error = watchers::rooms::errc::bad_body;
    r.diagnostics.set_message("the response names no room");
}

} // namespace roomctl
