// SPDX-License-Identifier: BSL-1.0
// Invariants of calls that have little time, and a service that takes its own.
#include "checker.hpp"

#include <algorithm>

namespace watchers::rooms::sim {

// Only where every request takes the service the same time can it be said that one came too late.
void checker::check_time_left(const exchange& x)
{
    if (!plan_.only_overload || network_.healthy() || answered_ < 4 * plan_.settings.max_connections) return;
    require(x.by->deadline - world_.now() >= plan_.service_time, "sent_in_vain", *x.by,
            "has less time left than any request has taken");
}

void checker::note_duration(const exchange& x)
{
    longest_ = std::max(longest_, x.over_at - x.sent);
    if (x.status != 0) ++answered_;
    if (x.status == 0 && x.by != nullptr && x.over_at == x.by->deadline) ++cut_;
}

// Whether a call could be given up before its deadline, since it could not have been finished.
bool checker::lacked_time(const caller& c) const
{
    // What an exchange takes is estimated as an eighth more than the longest one at most, or than twice the
    // time after which one was cut.
    const auto where = c.diagnostics.phase();
    return (where == phase::queue || where == phase::confirm) && c.deadline - c.ended <= longest_estimate();
}

duration checker::longest_estimate() const
{
    return std::min<duration>(longest_ * 9 / 4, plan_.settings.attempt_timeout);
}

} // namespace watchers::rooms::sim
