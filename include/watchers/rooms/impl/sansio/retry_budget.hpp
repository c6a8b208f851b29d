// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>

namespace watchers::rooms::detail {

// The tokens that the retries of all calls of a client share, so that a service that is down is not asked
// several times as often.
class retry_budget
{
public:
    static constexpr unsigned retry_cost = 5;
    static constexpr unsigned timeout_cost = 10; // a retry after a timeout: the service may still be at work
    static constexpr unsigned success_gain = 1;

    // @param tokens zero: no limit.
    explicit retry_budget(unsigned tokens) noexcept : limit_(tokens), tokens_(tokens) {}

    bool take(unsigned cost) noexcept
    {
        if (limit_ == 0) return true;
        if (tokens_ < cost) return false;
        tokens_ -= cost;
        return true;
    }

    // A call succeeded.
    // @param last_cost of its last retry; zero if it made none.
    void give_back(unsigned last_cost) noexcept
    {
        tokens_ += std::min(limit_ - tokens_, last_cost > 0 ? last_cost : success_gain);
    }

    unsigned tokens() const noexcept { return tokens_; }

private:
    unsigned limit_;
    unsigned tokens_;
};

} // namespace watchers::rooms::detail
