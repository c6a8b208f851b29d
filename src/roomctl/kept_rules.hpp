// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "plan_rules.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace roomctl {

// A room of the kept file: one that a run was about to delete and to create again. The room is whole: as the
// manifest had it, and else as it was.

// The room's state as a later run finds it.
enum class room_state : unsigned char
{
    missing,
    present,
    unread,
};

enum class kept_action : unsigned char
{
    settle,     // the room is there: nothing is left to be done for the kept entry
    create,     // with what was kept
    set_status, // the room was created again, and has not got its status
    wait,       // it is not known how the room is: the kept entry stays
};

// @param actual of a room that is present; else null.
inline kept_action action_for(const desired_room& kept, room_state state, const watchers::rooms::room* actual)
{
    if (state == room_state::missing) return kept_action::create;
    if (state == room_state::unread || actual == nullptr) return kept_action::wait;
    // The room that was to be deleted differs in a member that cannot be changed: it was not deleted.
    for (const plan_change& c : detail::plan_comparison(kept, *actual).take())
        if (!c.possible) return kept_action::settle;
    if (kept.status && actual->status() != kept.status) return kept_action::set_status;
    return kept_action::settle;
}

// The room to be created: as the manifest has it by now, and else as it was kept.
inline desired_room with_kept(desired_room wanted, const desired_room& kept)
{
    watchers::rooms::new_room& to = wanted.room;
    const watchers::rooms::new_room& from = kept.room;
    if (!wanted.voice_given) {
        to.voice(from.voice());
        wanted.voice_given = kept.voice_given;
    }
    if (!wanted.status) wanted.status = kept.status;
    if (!to.starts_at() && from.starts_at()) to.starts_at(*from.starts_at());
    if (!to.ends_at() && from.ends_at()) to.ends_at(*from.ends_at());
    if (!to.picture_url() && from.picture_url()) to.picture_url(*from.picture_url());
    if (!to.stream_url() && from.stream_url()) to.stream_url(*from.stream_url());
    if (!to.source_url() && from.source_url()) to.source_url(*from.source_url());
    if (!to.stream_starts_at() && from.stream_starts_at()) to.stream_starts_at(*from.stream_starts_at());
    if (!to.stream_ends_at() && from.stream_ends_at()) to.stream_ends_at(*from.stream_ends_at());
    return wanted;
}

// How an operation of a unit (delete, create, status) ended.
enum class step_end : unsigned char
{
    not_sent,
    refused, // it changed nothing
    done,
    unknown, // it may have been carried out
};

// What became of a room that was to be deleted and created again.
enum class room_fate : unsigned char
{
    untouched,
    created,
    without_status, // created, and its status not set
    deleted,        // and not created
    unclear,
};

// @param status nothing if none is to be set.
inline constexpr room_fate fate_of(step_end erase, step_end create, std::optional<step_end> status) noexcept
{
    if (create == step_end::done)
        return !status || *status == step_end::done ? room_fate::created : room_fate::without_status;
    if (create == step_end::unknown || erase == step_end::unknown) return room_fate::unclear;
    return erase == step_end::done ? room_fate::deleted : room_fate::untouched;
}

// Whether the kept entry is of no more use.
inline constexpr bool is_settled(room_fate f) noexcept
{
    return f == room_fate::untouched || f == room_fate::created;
}

} // namespace roomctl
