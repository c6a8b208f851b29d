// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/room.hpp>

#include <string>
#include <string_view>

namespace roomctl {

// The room as an entry of a manifest, with its line end; empty if a manifest cannot hold it, because the
// answer lacks something or because the API would not take it back: then `fault` tells why.
std::string to_manifest_line(std::string_view room_id, const watchers::rooms::room&, std::string& fault);

} // namespace roomctl
