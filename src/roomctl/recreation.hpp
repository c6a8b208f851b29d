// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_outcome.hpp"
#include "kept_rules.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace roomctl {

inline step_end end_of(const rooms::bulk_result& r) noexcept
{
    if (!r.error) return step_end::done;
    if (r.diagnostics.effect() != rooms::effect::none) return step_end::unknown;
    const bool begun = r.error != rooms::errc::stopped && r.error != rooms::errc::skipped_after_failure;
    return begun ? step_end::refused : step_end::not_sent;
}

// Follows the rooms of a run that are deleted and created again: delete, create and status are one unit. If a
// run is stopped, the operations of a unit that were not begun are held back until it is known whether the
// room has been deleted.
class recreation
{
public:
    struct held
    {
        rooms::bulk_result result;
        std::uint64_t line;
    };

    // A room that this run deletes, or that an earlier run deleted.
    void add(const std::string& room_id, bool deleted_earlier, bool has_status)
    {
        unit u;
        u.earlier = deleted_earlier;
        if (deleted_earlier) u.erase = step_end::done;
        if (has_status) u.status = step_end::not_sent;
        units_.emplace(room_id, u);
    }

    // A room that an earlier run has perhaps deleted, and that could not be read.
    void add_unread(const std::string& room_id)
    {
        unit u;
        u.earlier = true;
        u.erase = step_end::unknown;
        units_.emplace(room_id, u);
    }

    // A room that an earlier run created again, and whose status it did not set.
    void add_created(const std::string& room_id)
    {
        unit u;
        u.earlier = true;
        u.erase = u.create = step_end::done;
        u.status = step_end::not_sent;
        units_.emplace(room_id, u);
    }

    // Follows a result.
    // @returns whether the result is held back.
    bool take(const rooms::bulk_result& r, std::uint64_t line)
    {
        const auto i = units_.find(r.operation.room_id());
        if (i == units_.end()) return false;
        unit& u = i->second;
        const step_end e = end_of(r);
        switch (r.operation.kind()) {
        case rooms::operation_kind::delete_room: u.erase = e; break;
        case rooms::operation_kind::create_room:
            // The room exists, but another caller has created it: the user has to look at it.
            u.create = r.error == rooms::errc::conflict ? step_end::unknown : e;
            break;
        case rooms::operation_kind::set_status: u.status = e; break;
        case rooms::operation_kind::get_room:
        case rooms::operation_kind::set_voice: return false;
        }
        const bool first = r.operation.kind() == rooms::operation_kind::delete_room;
        if (!holds_ || first || r.error != rooms::errc::stopped || e != step_end::not_sent) return false;
        held_.push_back({r, line});
        return true;
    }

    // Returns the results that were held back. First: those whose operations have to be carried out, because
    // their unit has begun. Second: the others. From now on nothing is held back.
    std::pair<std::vector<held>, std::vector<held>> release()
    {
        holds_ = false;
        std::pair<std::vector<held>, std::vector<held>> parts;
        for (held& h : std::exchange(held_, {})) {
            const unit& u = units_.at(h.result.operation.room_id());
            const bool deleted_now = u.erase == step_end::done && !u.earlier;
            const bool begun = u.create == step_end::done || (u.create == step_end::not_sent && deleted_now);
            (begun ? parts.first : parts.second).push_back(std::move(h));
        }
        return parts;
    }

    // Of a room that is not followed: untouched.
    room_fate fate_of(const std::string& room_id) const
    {
        const auto i = units_.find(room_id);
        return i == units_.end() ? room_fate::untouched : fate_of(i->second);
    }

    // @param tell called with each room's id and its fate, in the order of ids.
    template <class Tell>
    void each(Tell tell) const
    {
        for (const auto& [id, u] : units_)
            tell(id, fate_of(u));
    }

private:
    struct unit
    {
        bool earlier = false;
        step_end erase = step_end::not_sent;
        step_end create = step_end::not_sent;
        std::optional<step_end> status;
    };

    static room_fate fate_of(const unit& u) noexcept { return roomctl::fate_of(u.erase, u.create, u.status); }

    std::map<std::string, unit> units_;
    std::vector<held> held_;
    bool holds_ = true;
};

} // namespace roomctl
