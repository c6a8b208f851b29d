// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/impl/sansio/happy_eyeballs.hpp>

#include <array>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL std::vector<std::size_t> interleave(const std::vector<bool>& is_v6)
{
    const auto count = is_v6.size();
    std::vector<std::size_t> order;
    order.reserve(count);
    const auto find = [&](bool family, std::size_t from) {
        while (from < count && is_v6[from] != family)
            ++from;
        return from;
    };
    // Where each family's next address is, that of the first address first.
    const bool preferred = count > 0 && is_v6[0];
    std::array<std::size_t, 2> next{find(preferred, 0), find(!preferred, 0)};
    for (std::size_t turn = 0; order.size() < count; turn ^= 1) {
        if (next[turn] == count) continue;
        order.push_back(next[turn]);
        next[turn] = find(turn == 0 ? preferred : !preferred, next[turn] + 1);
    }
    return order;
}

WATCHERS_ROOMS_DECL happy_eyeballs::happy_eyeballs(std::size_t addresses, std::chrono::milliseconds delay)
    : under_way_(addresses, false)
    , delay_(delay)
{}

WATCHERS_ROOMS_DECL auto happy_eyeballs::begin(time_point now) -> step { return start_next(now); }

WATCHERS_ROOMS_DECL auto happy_eyeballs::on_time(time_point now) -> step
{
    const bool due = !connected_ && next_ < under_way_.size() && now >= wake_;
    return due ? start_next(now) : nothing_new();
}

WATCHERS_ROOMS_DECL auto happy_eyeballs::on_failed(std::size_t index, time_point now) -> step
{
    if (connected_ || index >= under_way_.size() || !under_way_[index]) return nothing_new();
    under_way_[index] = false;
    --connecting_;
    return start_next(now);
}

WATCHERS_ROOMS_DECL void happy_eyeballs::on_connected(std::size_t) { connected_ = true; }

WATCHERS_ROOMS_DECL auto happy_eyeballs::start_next(time_point now) -> step
{
    if (next_ == under_way_.size()) return nothing_new();
    wake_ = now + delay_;
    under_way_[next_] = true;
    ++connecting_;
    step s;
    s.start = next_++;
    if (next_ < under_way_.size()) s.wake = wake_;
    return s;
}

WATCHERS_ROOMS_DECL auto happy_eyeballs::nothing_new() const -> step
{
    step s;
    if (connected_) return s;
    if (next_ < under_way_.size())
        s.wake = wake_;
    else
        s.failed = connecting_ == 0;
    return s;
}

} // namespace watchers::rooms::detail
