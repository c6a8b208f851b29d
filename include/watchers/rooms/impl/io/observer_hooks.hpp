// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/counter.hpp>
#include <watchers/rooms/observer.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace watchers::rooms::detail {

// The caller's observer. This is the only place that calls its hooks: an exception of a hook ends here and is
// counted, so that it can neither take a call's completion away nor leave the engine in the middle of a step.
class observer_hooks
{
public:
    explicit observer_hooks(std::shared_ptr<observer> o) noexcept : observer_(std::move(o)) {}

    // Without an observer nothing is measured.
    bool wanted() const noexcept { return observer_ != nullptr; }

    void on_call_start(const call_start& e) noexcept { call(&observer::on_call_start, e); }
    void on_attempt_end(const attempt_end& e) noexcept { call(&observer::on_attempt_end, e); }
    void on_retry(const retry_planned& e) noexcept { call(&observer::on_retry, e); }
    void on_call_end(const call_end& e) noexcept { call(&observer::on_call_end, e); }

    std::uint64_t exceptions() const noexcept { return exceptions_.read(); } // any thread

private:
    template <class Event>
    void call(void (observer::*hook)(const Event&), const Event& e) noexcept
    {
        try {
            (observer_.get()->*hook)(e);
        } catch (...) {
            exceptions_.add(1);
        }
    }

    std::shared_ptr<observer> observer_;
    counter exceptions_;
};

} // namespace watchers::rooms::detail
