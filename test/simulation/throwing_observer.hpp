// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <watchers/rooms/observer.hpp>

#include <cstdint>
#include <stdexcept>

namespace watchers::rooms::sim {

// A user's observer that throws at times. The one behind it sees everything.
class throwing_observer final : public observer
{
public:
    throwing_observer(world& w, observer& behind, double how_often) noexcept
        : world_(w)
        , behind_(behind)
        , how_often_(how_often)
    {}

    std::uint64_t thrown() const noexcept { return thrown_; }

    void on_call_start(const call_start& e) override
    {
        behind_.on_call_start(e);
        perhaps_throw();
    }

    void on_attempt_end(const attempt_end& e) override
    {
        behind_.on_attempt_end(e);
        perhaps_throw();
    }

    void on_retry(const retry_planned& e) override
    {
        behind_.on_retry(e);
        perhaps_throw();
    }

    void on_call_end(const call_end& e) override
    {
        behind_.on_call_end(e);
        perhaps_throw();
    }

private:
    void perhaps_throw()
    {
        if (how_often_ == 0 || !world_.random().chance(how_often_)) return;
        ++thrown_;
        if (world_.random().one_in(2)) throw thrown_; // anything can be thrown
        throw std::runtime_error("the observer throws");
    }

    world& world_;
    observer& behind_;
    double how_often_;
    std::uint64_t thrown_ = 0;
};

} // namespace watchers::rooms::sim
