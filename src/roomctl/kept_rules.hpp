// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "plan_rules.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace roomctl {

// A room of the kept file is one that a run was about to delete and to create again. It is whole: it has the
// members that the manifest gave, and those of the room that was there.

// The state in which a later run finds a kept room.
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
    set_status, // the room was created again, and its status was not set
    wait,       // the room could not be read: the kept entry stays
};

// Decides what a later run does about a kept room.
// @param actual the room if it is present; else null.
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

// The plan of a room that is missing and that an earlier run deleted: it is created with the members that the
// manifest gives by now, and with those that were kept where the manifest leaves them out.
inline room_plan plan_missing(const desired_room& wanted, const desired_room& kept)
{
    recreated_room whole(wanted, kept);
    room_plan plan;
    plan.deleted_earlier = true;
    plan.obstacle = whole.fault();
    plan.kept = whole.take_kept();
    plan.whole = whole.take_room();
    plan.steps.add(plan_step::create);
    if (plan.whole->status) plan.steps.add(plan_step::status);
    return plan;
}

// The plan of a room that an earlier run created again, whose status it did not set.
inline room_plan plan_missing_status(const desired_room& kept, const watchers::rooms::room& actual)
{
    room_plan plan;
    plan.whole = kept;
    plan.steps.add(plan_step::status);
    const auto from = actual.status();
    plan.changes.push_back({member::status, std::string(from ? to_string(*from) : std::string_view()),
                            std::string(to_string(*kept.status)), true});
    return plan;
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

// @param status absent if no status will be set.
inline constexpr room_fate fate_of(step_end erase, step_end create, std::optional<step_end> status) noexcept
{
    if (create == step_end::done)
        return !status || *status == step_end::done ? room_fate::created : room_fate::without_status;
    if (create == step_end::unknown || erase == step_end::unknown) return room_fate::unclear;
    return erase == step_end::done ? room_fate::deleted : room_fate::untouched;
}

// Whether the room is not needed in the kept file any more.
inline constexpr bool is_settled(room_fate f) noexcept
{
    return f == room_fate::untouched || f == room_fate::created;
}

} // namespace roomctl
