// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/credential_rules.hpp>

#include <string>
#include <string_view>

namespace watchers::rooms {
class new_room;
}

namespace watchers::rooms::detail {

class call_request;

// Each returns an empty text (without allocating) if all is well; else the first member at fault, by the
// API's name, and its rule: "roomId: must not be empty".

std::string check_room_id(std::string_view);
std::string check_new_room(const new_room&);
std::string check_request(const call_request&);

} // namespace watchers::rooms::detail
