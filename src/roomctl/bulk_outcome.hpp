// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/journal.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace roomctl {

namespace rooms = watchers::rooms;

// What became of one operation of a run, as --results and the summary tell it.
enum class bulk_outcome : unsigned char
{
    done,
    confirmed, // a create whose answer was lost, and whose room was found
    journaled, // done in an earlier run
    failed,
    skipped, // after a failure on the same room
    stopped, // not begun
    unknown, // it may have been carried out
};

inline constexpr std::array<std::string_view, 7> bulk_outcome_names = {
    "done", "confirmed", "journaled", "failed", "skipped", "stopped", "unknown",
};

inline constexpr std::string_view name_of(bulk_outcome o) noexcept
{
    return bulk_outcome_names[static_cast<std::size_t>(o)];
}

inline bulk_outcome outcome_of(const rooms::bulk_result& r) noexcept
{
    if (!r.error) {
        if (r.journaled) return bulk_outcome::journaled;
        return r.diagnostics.confirmed() ? bulk_outcome::confirmed : bulk_outcome::done;
    }
    if (r.diagnostics.effect() == rooms::effect::unknown) return bulk_outcome::unknown;
    if (r.error == rooms::errc::skipped_after_failure) return bulk_outcome::skipped;
    if (r.error == rooms::errc::stopped) return bulk_outcome::stopped;
    return bulk_outcome::failed;
}

// Gives an operation that a run did not come to the result that the journal knows of it.
inline void set_not_begun(rooms::bulk_result& r, const rooms::journal* journal)
{
    using state = rooms::journal::state;
    const bool changes = r.operation.kind() != rooms::operation_kind::get_room;
    const state s = journal != nullptr ? journal->state_of(r.index) : state::fresh;
    r.diagnostics.set_operation(r.operation.kind());
    if (s == state::done) {
        r.journaled = true;
        if (changes) r.diagnostics.set_effect(rooms::effect::applied);
        return;
    }
    r.error = rooms::errc::stopped;
    if (changes && (s == state::in_flight || s == state::unknown))
        r.diagnostics.set_effect(rooms::effect::unknown);
}

// The name of an operation as it stands in manifests.
inline constexpr std::string_view name_of(rooms::operation_kind k) noexcept
{
    switch (k) {
    case rooms::operation_kind::create_room: return "create";
    case rooms::operation_kind::get_room: return "get";
    case rooms::operation_kind::set_voice: return "voice";
    case rooms::operation_kind::set_status: return "status";
    case rooms::operation_kind::delete_room: return "delete";
    }
    return "unknown";
}

} // namespace roomctl
