// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "record.hpp"

#include <watchers/rooms/operation.hpp>
#include <watchers/rooms/room.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace roomctl {

// How a room is to be: created with its members, and then of this status.
struct desired_room
{
    watchers::rooms::new_room room;
    std::optional<watchers::rooms::room_status> status;
    bool voice_given = false; // or voice chat is off only because the manifest says nothing of it
};

using entry_content = std::variant<watchers::rooms::operation, desired_room>;

enum class entry_kind : unsigned char
{
    operation,
    desired_room,
};

// A readable record with `op` is an operation.
entry_kind kind_of(const manifest_record&) noexcept;

// The content of a readable record; nothing, and all that is wrong with it in its faults, if anything is.
std::optional<entry_content> read_entry(manifest_record&);

} // namespace roomctl
