// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "latency_histogram.hpp"

#include <watchers/rooms/observer.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace roomctl {

// Takes the durations of all calls, retries and waits included, and what was tried again last; passes
// everything on.
class latency_observer final : public watchers::rooms::observer
{
public:
    // @param next may be empty.
    explicit latency_observer(std::shared_ptr<watchers::rooms::observer> next) : next_(std::move(next)) {}

    const latency_histogram& of(watchers::rooms::operation_kind k) const noexcept
    {
        return histograms_[static_cast<std::size_t>(k)];
    }

    // That led to a retry; none if nothing was tried again.
    const watchers::rooms::error_code& last_failure() const noexcept { return last_failure_; }

    void clear() noexcept
    {
        histograms_ = {};
        last_failure_ = {};
    }

    void on_call_start(const watchers::rooms::call_start& c) override
    {
        if (next_) next_->on_call_start(c);
    }
    void on_attempt_end(const watchers::rooms::attempt_end& a) override
    {
        if (next_) next_->on_attempt_end(a);
    }
    void on_retry(const watchers::rooms::retry_planned& r) override
    {
        last_failure_ = r.failure;
        if (next_) next_->on_retry(r);
    }
    void on_call_end(const watchers::rooms::call_end& c) override
    {
        histograms_[static_cast<std::size_t>(c.operation)].add(c.duration);
        if (next_) next_->on_call_end(c);
    }

private:
    std::shared_ptr<watchers::rooms::observer> next_;
    std::array<latency_histogram, 5> histograms_;
    watchers::rooms::error_code last_failure_;
};

} // namespace roomctl
