// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_session.hpp"
#include "invocation.hpp"

#include <watchers/rooms/config.hpp>

namespace roomctl {

// What the client is to be like for many rooms: more patient than for one, since a run may go on overnight.
rooms::config make_bulk_config(const settings&, const pace&);

// @param prints whether the command prints a line for each room, which a bar would be in the way of.
bulk_display display_of(const settings&, const pace&, bool prints);

} // namespace roomctl
