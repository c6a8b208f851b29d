// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/pool_core.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms::test {

using namespace std::chrono_literals;
using detail::clock;
using detail::pool_core;
using detail::pool_limits;
using state = pool_core::slot_state;
using outcome = pool_core::outcome;

inline constexpr clock::time_point start{1000s};
inline constexpr auto never = clock::time_point::max();

class place final : public pool_core::slot
{};

class wish final : public pool_core::ticket
{};

// A pool with its owner, which opens the connections that the pool asks for.
class owner
{
public:
    explicit owner(std::size_t connections, std::size_t waiting = 100, clock::duration idle = 30s)
        : pool(pool_limits{connections, waiting, idle})
    {}

    // Begins to open as many connections as the pool asks for. Returns their number.
    std::size_t open_wanted()
    {
        std::size_t n = 0;
        for (; pool.should_open(); ++n) {
            if (!pool.has_closed()) {
                REQUIRE(pool.may_grow());
                places.push_back(std::make_unique<place>());
                pool.add(*places.back());
            }
            auto& s = pool.take_closed();
            REQUIRE(s.state() == state::opening);
            opening.push_back(&s);
        }
        return n;
    }

    pool_core::acquisition acquire(wish& w)
    {
        const auto a = pool.acquire(w);
        open_wanted();
        return a;
    }

    // Opening has succeeded for the connection that was begun first.
    pool_core::ticket* opened(clock::time_point expires_at = never)
    {
        auto* s = std::exchange(opening.front(), nullptr);
        opening.pop_front();
        last = s;
        return pool.opened(*s, now, expires_at);
    }

    // A connection that is in use.
    pool_core::slot& busy(wish& w, clock::time_point expires_at = never)
    {
        const auto a = acquire(w);
        if (a.result == outcome::assigned) return *a.connection;
        REQUIRE(opened(expires_at) == &w);
        return *last;
    }

    pool_core pool;
    std::vector<std::unique_ptr<place>> places;
    std::deque<pool_core::slot*> opening;
    pool_core::slot* last = nullptr;
    clock::time_point now = start;
};

inline std::string figures(const pool_core& p)
{
    return "idle " + std::to_string(p.idle()) + ", busy " + std::to_string(p.busy()) + ", opening " +
           std::to_string(p.opening()) + ", waiting " + std::to_string(p.waiting());
}

} // namespace watchers::rooms::test
