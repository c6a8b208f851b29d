// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace watchers::rooms::detail {

// The order in which to try a host's addresses (RFC 8305, 4): the families take turns, beginning with that of
// the first address; within a family the resolver's order stays. Returns indices.
std::vector<std::size_t> interleave(const std::vector<bool>& is_v6);

// When to begin connecting to which of a list of addresses (RFC 8305, 5): the next one starts when the one
// before has failed or has not answered within the delay; the earlier ones go on. Whoever drives it connects,
// and closes what is left when one has won.
class happy_eyeballs
{
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct step
    {
        std::optional<std::size_t> start; // begin connecting to this address now
        std::optional<time_point> wake;   // call on_time then; takes the place of any earlier one
        bool failed = false;              // none is left, none under way
    };

    happy_eyeballs(std::size_t addresses, std::chrono::milliseconds delay);

    step begin(time_point now);
    step on_time(time_point now);
    step on_failed(std::size_t index, time_point now);
    void on_connected(std::size_t index);

private:
    step start_next(time_point now);
    step nothing_new() const;

    std::vector<bool> under_way_;
    std::chrono::milliseconds delay_;
    std::size_t next_ = 0;
    std::size_t connecting_ = 0;
    time_point wake_;
    bool connected_ = false;
};

} // namespace watchers::rooms::detail
