// SPDX-License-Identifier: BSL-1.0
#include "pool_owner.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

using namespace watchers::rooms::test;

namespace {

// The rules once more, in the simplest form there is: lists that are searched.
class model
{
public:
    struct connection
    {
        state at = state::closed;
        pool_core::ticket* reserved_for = nullptr;
        clock::time_point idle_since;
        clock::time_point expires_at;
    };

    std::size_t count(state s) const
    {
        std::size_t n = 0;
        for (const auto& [slot, c] : connections)
            n += c.at == s ? 1 : 0;
        return n;
    }
    std::size_t reserved() const
    {
        std::size_t n = 0;
        for (const auto& [slot, c] : connections)
            n += c.reserved_for != nullptr ? 1 : 0;
        return n;
    }
    pool_core::ticket* pop_waiter()
    {
        if (waiters.empty()) return nullptr;
        auto* t = waiters.front();
        waiters.erase(waiters.begin());
        return t;
    }
    pool_core::ticket* next_for(connection& c)
    {
        if (c.reserved_for != nullptr) return std::exchange(c.reserved_for, nullptr);
        return pop_waiter();
    }

    std::map<pool_core::slot*, connection> connections;
    std::vector<pool_core::slot*> idle; // the back was used last
    std::vector<pool_core::ticket*> waiters;
    std::map<pool_core::slot*, pool_core::ticket*> users;
};

} // namespace

TEST_CASE("pool_core agrees_with_a_naive_model")
{
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        const std::size_t most = 1 + random() % 5;
        const std::size_t waiting = random() % 6;
        const clock::duration idle_timeout = std::chrono::seconds(random() % 4 == 0 ? 0 : 20);
        pool_core pool(pool_limits{most, waiting, idle_timeout});
        std::vector<std::unique_ptr<place>> places;
        std::vector<wish> wishes(16);
        std::set<pool_core::ticket*> used; // waiting or with a connection
        model m;
        auto now = start;

        const auto pick = [&](state s) -> pool_core::slot* {
            std::vector<pool_core::slot*> some;
            for (const auto& p : places)
                if (m.connections[p.get()].at == s) some.push_back(p.get());
            return some.empty() ? nullptr : some[random() % some.size()];
        };
        const auto assign = [&](pool_core::slot* s, pool_core::ticket* t) {
            m.connections[s].at = state::busy;
            m.users[s] = t;
        };

        for (int step = 0; step < 2000; ++step) {
            CAPTURE(step);
            switch (random() % 9) {
            case 0:
            case 1: { // a call comes
                wish& w = wishes[random() % wishes.size()];
                if (used.count(&w) != 0) break;
                const auto got = pool.acquire(w);
                const std::size_t without_reserved = m.count(state::opening) - m.reserved();
                const std::size_t can_open =
                    most - m.count(state::idle) - m.count(state::busy) - m.count(state::opening);
                if (!m.idle.empty()) {
                    REQUIRE(got.result == outcome::assigned);
                    REQUIRE(got.connection == m.idle.back());
                    m.idle.pop_back();
                    assign(got.connection, &w);
                    used.insert(&w);
                } else if (m.waiters.size() >= waiting + without_reserved + can_open) {
                    REQUIRE(got.result == outcome::full);
                } else {
                    REQUIRE(got.result == outcome::queued);
                    m.waiters.push_back(&w);
                    used.insert(&w);
                }
                break;
            }
            case 2: { // a waiting call goes
                wish& w = wishes[random() % wishes.size()];
                if (!w.waiting()) break;
                pool.withdraw(w);
                used.erase(&w);
                std::erase(m.waiters, &w);
                for (auto& [s, c] : m.connections)
                    if (c.reserved_for == &w) c.reserved_for = nullptr;
                break;
            }
            case 3: { // a connection is open
                pool_core::slot* s = pick(state::opening);
                if (s == nullptr) break;
                const auto expires = now + std::chrono::seconds(random() % 60);
                model::connection& c = m.connections[s];
                pool_core::ticket* const expected = m.next_for(c);
                REQUIRE(pool.opened(*s, now, expires) == expected);
                c.expires_at = expires;
                if (expected != nullptr) {
                    assign(s, expected);
                } else {
                    c.at = state::idle;
                    c.idle_since = now;
                    m.idle.push_back(s);
                }
                break;
            }
            case 4: { // or not
                pool_core::slot* s = pick(state::opening);
                if (s == nullptr) break;
                pool_core::ticket* const expected = m.next_for(m.connections[s]);
                REQUIRE(pool.open_failed(*s) == expected);
                if (expected != nullptr) used.erase(expected);
                m.connections[s].at = state::closed;
                break;
            }
            case 5:
            case 6: { // a call is done
                pool_core::slot* s = pick(state::busy);
                if (s == nullptr) break;
                const bool reusable = random() % 4 != 0;
                used.erase(m.users[s]);
                model::connection& c = m.connections[s];
                const bool lives = reusable && now < c.expires_at;
                pool_core::ticket* const next = lives ? m.pop_waiter() : nullptr;
                const bool keep = lives && (next != nullptr || idle_timeout > 0s);
                const auto got = pool.release(*s, now, reusable);
                REQUIRE(got.next == next);
                REQUIRE(got.close == !keep);
                if (next != nullptr) {
                    assign(s, next);
                } else if (keep) {
                    c.at = state::idle;
                    c.idle_since = now;
                    m.idle.push_back(s);
                } else {
                    c.at = state::closed;
                }
                break;
            }
            case 7: { // a connection in use is lost, and replaced; or an idle one is lost
                if (pool_core::slot* s = pick(state::busy); s != nullptr && random() % 2 == 0) {
                    pool.replace(*s, *m.users[s]);
                    m.connections[s].at = state::opening;
                    m.connections[s].reserved_for = m.users[s];
                } else if (pool_core::slot* i = pick(state::idle); i != nullptr) {
                    pool.evict(*i);
                    m.connections[i].at = state::closed;
                    std::erase(m.idle, i);
                }
                break;
            }
            default: { // time passes
                now += std::chrono::seconds(random() % 15);
                std::optional<clock::time_point> next;
                std::vector<pool_core::slot*> old;
                for (pool_core::slot* s : m.idle) {
                    const auto& c = m.connections[s];
                    const auto expiry = std::min(c.expires_at, c.idle_since + idle_timeout);
                    if (!next || expiry < *next) next = expiry;
                    if (expiry <= now) old.push_back(s);
                }
                const bool old_back = !old.empty() && old.back() == m.idle.back();
                REQUIRE(pool.next_expiry() == next);
                REQUIRE(pool.next_idle() == (m.idle.empty() ? nullptr : m.idle.back()));
                REQUIRE(pool.stale(now) == (!m.idle.empty() && old_back));
                std::size_t n = 0;
                for (; pool_core::slot* s = pool.evict_expired(now); ++n) {
                    REQUIRE(std::find(old.begin(), old.end(), s) != old.end());
                    m.connections[s].at = state::closed;
                    std::erase(m.idle, s);
                }
                REQUIRE(n == old.size());
                break;
            }
            }

            // The owner then opens the connections that should be open.
            while (pool.should_open()) {
                if (!pool.has_closed()) {
                    REQUIRE(places.size() < most);
                    places.push_back(std::make_unique<place>());
                    pool.add(*places.back());
                    m.connections[places.back().get()] = {};
                }
                auto& s = pool.take_closed();
                REQUIRE(m.connections[&s].at == state::closed);
                m.connections[&s].at = state::opening;
            }

            for (const auto& p : places)
                REQUIRE(p->state() == m.connections[p.get()].at);
            REQUIRE(pool.idle() == m.count(state::idle));
            REQUIRE(pool.busy() == m.count(state::busy));
            REQUIRE(pool.opening() == m.count(state::opening));
            REQUIRE(pool.waiting() == m.waiters.size() + m.reserved());
            // Nobody waits while there is something to be had, and nobody is without hope.
            if (!m.waiters.empty()) {
                REQUIRE(m.idle.empty());
                const std::size_t for_them = m.count(state::opening) - m.reserved();
                REQUIRE((for_them >= m.waiters.size() || m.count(state::closed) == 0));
                REQUIRE((for_them >= m.waiters.size() || places.size() == most));
            }
        }
    }
}
