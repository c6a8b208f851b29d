// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string_view>

namespace watchers::rooms::detail {

// The meaning of an error's text. One status has several causes, and only the text tells them apart. Each
// function examines one sentence after the other, ignores text in quotation marks (it may be the caller's
// own), and returns false if it is in doubt.

// The project, or the API key that names it, is not known: "Project not found", "Invalid API key". Not "Room
// not found in this project".
bool says_project_is_unknown(std::string_view text);

// The room that was to be created exists: "Room already exists", "duplicate key value", "externalRoomId
// must be unique". Not "Project with this key already exists", "must not contain duplicate words".
bool says_room_exists(std::string_view text);

// A create was refused for another reason than that the room exists: the sentence is about the project, or
// about something that is missing.
bool gives_another_reason(std::string_view text);

// It is about the bearer token or the API key, not about this one request: "Invalid token", "jwt expired".
bool speaks_of_credentials(std::string_view text);

// The server has no such path: "Cannot GET /external/room/x", "404 page not found", "no Route matched". The
// API has all paths that the client uses.
bool says_route_is_unknown(std::string_view text);

} // namespace watchers::rooms::detail
