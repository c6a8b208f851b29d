// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace watchers::rooms::detail {

// How many operations of a bulk run may be under way: additive increase, multiplicative decrease, as TCP
// does. It begins at the most, for that is what the caller asked for and most services can bear. A sign of
// overload lowers it to 0.7 of what it was, but only one for each round: what was begun before it was lowered
// tells nothing new. A round of answers without such a sign raises it by one.
class bulk_limit
{
public:
    // @param most at least 1.
    bulk_limit(std::size_t most, bool adaptive) noexcept
        : most_(static_cast<double>(most))
        , limit_(most_)
        , adaptive_(adaptive)
    {}

    std::size_t now() const noexcept { return static_cast<std::size_t>(limit_); }

    // To be remembered with each operation that begins.
    unsigned round() const noexcept { return round_; }

    // An operation ended.
    // @param round in which it began.
    void on_end(unsigned round, bool overloaded) noexcept
    {
        if (!adaptive_) return;
        if (!overloaded) {
            limit_ = std::min(most_, limit_ + 1 / limit_);
        } else if (round == round_) {
            limit_ = std::max(1.0, limit_ * 0.7);
            ++round_;
        }
    }

private:
    double most_;
    double limit_;
    unsigned round_ = 0;
    bool adaptive_;
};

} // namespace watchers::rooms::detail
