// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_output.hpp"
#include "bulk_session.hpp"
#include "kept_file.hpp"
#include "manifest.hpp"
#include "plan_rules.hpp"

#include <functional>
#include <string>
#include <vector>

namespace roomctl {

struct plan_outcome
{
    plan_summary summary;
    plan_decisions decisions; // if they are wanted; `settled` and `waiting` in any case

    // Whether rooms of a kept file have to stay in it.
    bool leaves_kept(const kept_rooms& kept) const noexcept { return kept.size() > decisions.settled.size(); }
};

// Compares the rooms of a manifest with the service's, in the manifest's order.
// @param tell called for each room that differs or could not be read.
// @param kept rooms that an earlier run has perhaps deleted and not created again.
plan_outcome compare(bulk_session&, const manifest&, bool recreate, bool keep_decisions,
                     const std::function<void(const planned_room&)>& tell, const kept_rooms& kept);

// Throws usage_error for a manifest of operations.
void require_rooms(const manifest&, const std::string& file);

} // namespace roomctl
