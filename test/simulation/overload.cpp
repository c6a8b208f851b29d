// SPDX-License-Identifier: BSL-1.0
// Invariants of calls that have little time, and a service that takes its own.
#include "checker.hpp"

#include <algorithm>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

// What is true of every sound estimate: it is not shorter than the shortest of the samples that it is made
// of. They begin anew after a second without an exchange of that kind, since the client may forget its
// samples then.
void checker::check_time_left(exchange& x)
{
    recent_exchanges& r = recent_[static_cast<std::size_t>(x.kind)];
    if (r.under_way++ == 0 && world_.now() - r.ended >= 1s) r = {.under_way = 1};
    if (!plan_.only_overload || network_.healthy() || r.samples < 4) return;
    x.foreseeable = r.samples >= 16;
    const auto left = x.by->deadline - world_.now();
    require(left >= std::min(r.shortest, x.by->attempt_timeout), "sent_in_vain", *x.by,
            "has less time left than any request of its kind has taken of late");
}

void checker::note_duration(const exchange& x)
{
    const duration took = x.over_at - x.sent;
    longest_ = std::max(longest_, took);
    const bool cut = x.status == 0 && x.by != nullptr && x.over_at == x.by->deadline;
    if (x.foreseeable) ++foreseeable_;
    if (x.foreseeable && cut) ++cut_;

    recent_exchanges& r = recent_[static_cast<std::size_t>(x.kind)];
    --r.under_way;
    r.ended = x.over_at;
    if (x.status == 0 && !cut) return;
    const duration sample = cut ? 2 * took : took;
    r.shortest = r.shortest == duration::zero() ? sample : std::min(r.shortest, sample);
    if (!cut) ++r.samples; // the client need not learn from the others
}

// Of the requests of which the client could know how long they take. Before that most are cut that have too
// little time, and in so short a life as a world's this is the greater part of all cuts. The bound is not
// that of row 74: one response in three comes in pieces here, with gaps as long as what the service takes.
void checker::check_cuts() const
{
    if (!plan_.only_overload) return;
    world_.note("overload", foreseeable_, cut_, plan_.settings.max_connections, plan_.places,
                plan_.service_time.count());
    if (plan_.places < plan_.settings.max_connections) return; // a burst of calls makes it slower in no time
    if (cut_ > few_cuts + foreseeable_ / 20)
        world_.violate("cut_by_deadlines", std::to_string(cut_) + " of " + std::to_string(foreseeable_) +
                                               " requests under overload");
}

// Whether a call could be given up before its deadline, since it could not have been finished.
bool checker::lacked_time(const caller& c) const
{
    // What an exchange takes is estimated as an eighth more than the longest one at most, or than twice the
    // time after which one was cut.
    const auto where = c.diagnostics.phase();
    return (where == phase::queue || where == phase::confirm) &&
           c.deadline - c.ended <= std::min(longest_estimate(), c.attempt_timeout);
}

duration checker::longest_estimate() const { return longest_ * 9 / 4; }

} // namespace watchers::rooms::sim
