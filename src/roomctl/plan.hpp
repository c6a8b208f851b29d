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
    plan_decisions decisions; // if they are wanted
};

// Compares the rooms of a manifest with the service's, in the manifest's order.
// @param kept rooms that an earlier run deleted, perhaps, and did not create again.
// @param tell called for each room about which there is something to say.
plan_outcome compare(bulk_session&, const manifest&, bool recreate, bool keep_decisions,
                     const std::function<void(const planned_room&)>& tell, const kept_file* kept = nullptr);

// Throws usage_error for a manifest of operations.
void require_rooms(const manifest&, const std::string& file);

} // namespace roomctl
