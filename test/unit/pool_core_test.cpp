// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/pool_core.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using watchers::rooms::detail::clock;
using watchers::rooms::detail::pool_core;
using watchers::rooms::detail::pool_limits;
using state = pool_core::slot_state;
using outcome = pool_core::outcome;

constexpr clock::time_point start{1000s};
constexpr auto never = clock::time_point::max();

class place final : public pool_core::slot
{};

class wish final : public pool_core::ticket
{};

// A pool with its owner, who does what the pool asks for.
class owner
{
public:
    explicit owner(std::size_t connections, std::size_t waiting = 100, clock::duration idle = 30s)
        : pool(pool_limits{connections, waiting, idle})
    {}

    // Begins to open all that should be; tells how many.
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

    // The one that was begun first is open.
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

std::string figures(const pool_core& p)
{
    return "idle " + std::to_string(p.idle()) + ", busy " + std::to_string(p.busy()) + ", opening " +
           std::to_string(p.opening()) + ", waiting " + std::to_string(p.waiting());
}

} // namespace

TEST_CASE("pool_core one_opening_for_each_waiter_within_the_bound")
{
    owner o(2);
    wish a, b, c;
    CHECK(o.pool.acquire(a).result == outcome::queued);
    CHECK(o.open_wanted() == 1);
    CHECK(o.open_wanted() == 0);
    CHECK(o.pool.acquire(b).result == outcome::queued);
    CHECK(o.pool.acquire(c).result == outcome::queued);
    CHECK(o.open_wanted() == 1);
    CHECK(figures(o.pool) == "idle 0, busy 0, opening 2, waiting 3");
    CHECK_FALSE(o.pool.may_grow());
}

TEST_CASE("pool_core waiters_are_served_in_their_order")
{
    owner o(2);
    wish a, b, c, d;
    for (wish* w : {&a, &b, &c, &d})
        o.acquire(*w);
    CHECK(o.opened() == &a);
    CHECK_FALSE(a.waiting());
    CHECK(b.waiting());
    auto& first = *o.last;
    CHECK(first.state() == state::busy);

    const auto step = o.pool.release(first, o.now, true);
    CHECK(step.next == &b);
    CHECK_FALSE(step.close);
    CHECK(first.state() == state::busy); // handed over, never idle in between
    CHECK(o.opened() == &c);
    CHECK(o.pool.release(first, o.now, true).next == &d);
    CHECK(figures(o.pool) == "idle 0, busy 2, opening 0, waiting 0");
}

TEST_CASE("pool_core idle_connections_are_taken_last_in_first_out")
{
    owner o(3);
    wish a, b, c;
    auto& x = o.busy(a);
    auto& y = o.busy(b);
    auto& z = o.busy(c);
    o.pool.release(y, o.now, true);
    o.pool.release(x, o.now, true);
    o.pool.release(z, o.now, true);
    CHECK(o.pool.any_idle() == &y);
    CHECK(o.acquire(a).connection == &z);
    CHECK(o.acquire(b).connection == &x);
    CHECK(o.acquire(c).connection == &y);
}

TEST_CASE("pool_core bound_on_waiters_leaves_out_those_for_whom_one_is_or_can_be_opened")
{
    class sample
    {
    public:
        std::size_t connections;
        std::size_t waiting;
        std::size_t taken; // before one is refused
    };
    const std::vector<sample> table{{1, 0, 1}, {3, 0, 3}, {1, 1, 2}, {2, 5, 7}};
    for (const sample& s : table) {
        CAPTURE(s.connections);
        CAPTURE(s.waiting);
        owner o(s.connections, s.waiting);
        std::vector<wish> wishes(s.taken + 1);
        for (std::size_t i = 0; i < s.taken; ++i)
            CHECK(o.acquire(wishes[i]).result == outcome::queued);
        CHECK(o.acquire(wishes.back()).result == outcome::full);
        CHECK_FALSE(wishes.back().waiting());

        // Whether it is opened already makes no difference.
        const auto served = o.opened();
        CHECK(served == &wishes[0]);
        CHECK(o.acquire(wishes.back()).result == outcome::full);
        o.pool.withdraw(wishes[s.taken - 1]);
        const bool gave_way = s.taken > 1;
        CHECK((o.acquire(wishes.back()).result == outcome::queued) == gave_way);
    }
}

TEST_CASE("pool_core withdrawn_waiter_is_passed_over")
{
    owner o(1);
    wish a, b, c;
    for (wish* w : {&a, &b, &c})
        o.acquire(*w);
    o.pool.withdraw(a);
    CHECK_FALSE(a.waiting());
    CHECK(o.opened() == &b);
    o.pool.withdraw(b); // not waiting: nothing
    o.pool.withdraw(c);
    CHECK(o.pool.release(*o.last, o.now, true).next == nullptr);
    CHECK(figures(o.pool) == "idle 1, busy 0, opening 0, waiting 0");
}

TEST_CASE("pool_core connection_opened_for_nobody_becomes_idle")
{
    owner o(1);
    wish a;
    o.acquire(a);
    o.pool.withdraw(a);
    CHECK(o.opened() == nullptr);
    CHECK(o.last->state() == state::idle);
    CHECK(o.acquire(a).connection == o.last);
}

TEST_CASE("pool_core open_failure_is_told_to_the_oldest_waiter")
{
    owner o(2);
    wish a, b, c;
    for (wish* w : {&a, &b, &c})
        o.acquire(*w);
    auto* second = o.opening.back();
    o.opening.pop_back();
    CHECK(o.pool.open_failed(*second) == &a);
    CHECK(second->state() == state::closed);
    CHECK(o.open_wanted() == 1); // b and c are left, one is being opened
    CHECK(figures(o.pool) == "idle 0, busy 0, opening 2, waiting 2");

    o.pool.withdraw(b), o.pool.withdraw(c);
    CHECK(o.pool.open_failed(*o.opening.front()) == nullptr);
    CHECK(o.open_wanted() == 0);
}

TEST_CASE("pool_core release_of_what_cannot_be_reused")
{
    class sample
    {
    public:
        bool reusable;
        clock::time_point expires_at;
        clock::duration idle_timeout;
    };
    const std::vector<sample> table{
        {false, never, 30s},
        {true, start, 30s}, // its lifetime ends now
        {true, start - 1s, 30s},
        {true, never, 0s}, // none is kept idle
    };
    for (const sample& s : table) {
        owner o(1, 100, s.idle_timeout);
        wish a, b;
        auto& x = o.busy(a, s.expires_at);
        const auto step = o.pool.release(x, o.now, s.reusable);
        CHECK(step.close);
        CHECK(step.next == nullptr);
        CHECK(x.state() == state::closed);
        CHECK(figures(o.pool) == "idle 0, busy 0, opening 0, waiting 0");
        o.acquire(b);
        CHECK(o.opening.front() == &x); // its place is used again
        CHECK(o.places.size() == 1);
    }
}

TEST_CASE("pool_core one_that_is_not_kept_idle_is_still_handed_over")
{
    owner o(1, 100, 0s);
    wish a, b;
    auto& x = o.busy(a);
    o.acquire(b);
    CHECK(o.pool.release(x, o.now, true).next == &b);
}

TEST_CASE("pool_core replacement_keeps_its_place_for_its_call")
{
    owner o(1);
    wish a, b;
    auto& x = o.busy(a);
    o.acquire(b);
    o.pool.replace(x, a);
    CHECK(a.waiting());
    CHECK(x.state() == state::opening);
    CHECK(figures(o.pool) == "idle 0, busy 0, opening 1, waiting 2");
    CHECK(o.open_wanted() == 0);

    SUBCASE("opened")
    {
        CHECK(o.pool.opened(x, o.now, never) == &a);
        CHECK(o.pool.release(x, o.now, true).next == &b);
    }
    SUBCASE("failed")
    {
        CHECK(o.pool.open_failed(x) == &a);
        CHECK_FALSE(a.waiting());
        CHECK(o.open_wanted() == 1);
        CHECK(o.opened() == &b);
    }
    SUBCASE("withdrawn, then opened for whoever waits")
    {
        o.pool.withdraw(a);
        CHECK(figures(o.pool) == "idle 0, busy 0, opening 1, waiting 1");
        CHECK(o.pool.opened(x, o.now, never) == &b);
    }
    SUBCASE("withdrawn, then failed")
    {
        o.pool.withdraw(a);
        CHECK(o.pool.open_failed(x) == &b);
    }
}

TEST_CASE("pool_core expiry_of_idle_connections")
{
    owner o(3);
    wish a, b, c;
    auto& x = o.busy(a);
    auto& y = o.busy(b, start + 50s);
    auto& z = o.busy(c, start + 25s);
    o.pool.release(x, start, true);
    o.pool.release(y, start + 10s, true);
    o.pool.release(z, start + 20s, true);
    CHECK(o.pool.next_expiry() == start + 25s);

    CHECK(o.pool.evict_expired(start + 24s) == nullptr);
    CHECK_FALSE(o.pool.stale(start + 24s));
    CHECK(o.pool.stale(start + 25s));
    CHECK(o.pool.evict_expired(start + 25s) == &z);
    CHECK(o.pool.next_expiry() == start + 30s);
    CHECK(o.pool.evict_expired(start + 30s) == &x);
    CHECK(o.pool.evict_expired(start + 39s) == nullptr);
    CHECK(o.pool.next_expiry() == start + 40s);
    CHECK(o.pool.evict_expired(start + 40s) == &y);
    CHECK_FALSE(o.pool.next_expiry().has_value());
    CHECK(o.pool.any_idle() == nullptr);
}

TEST_CASE("pool_core idle_for_too_long_is_stale_though_its_life_goes_on")
{
    owner o(1);
    wish a;
    auto& x = o.busy(a);
    o.pool.release(x, start, true);
    CHECK(o.pool.next_idle() == &x);
    CHECK(pool_core::idle_since(x) == start);
    CHECK_FALSE(o.pool.stale(start + 30s - 1ns));
    CHECK(o.pool.stale(start + 30s));
}

TEST_CASE("fault_70_ticket_takes_none_that_was_not_heard_from_since")
{
    // Setup: x is idle since 0 s, y since 5 s.
    owner o(4);
    wish a, b, c;
    auto& x = o.busy(a);
    auto& y = o.busy(b);
    o.pool.release(x, o.now, true);
    o.now += 5s;
    o.pool.release(y, o.now, true);
    CHECK_FALSE(y.taken_idle());

    // Run, Check
    c.distrust(o.now + 1ns);
    CHECK(o.acquire(c).result == outcome::queued);
    CHECK(figures(o.pool) == "idle 2, busy 0, opening 1, waiting 1");
    CHECK(o.acquire(a).connection == &y); // others take them
    CHECK(y.taken_idle());
    o.now += 1s;
    CHECK(o.pool.release(y, o.now, true).next == &c); // heard from now
    CHECK_FALSE(y.taken_idle());
    o.pool.release(y, o.now, true);
    CHECK(o.acquire(c).connection == &y); // and since
    c.trust_all();
    CHECK(o.acquire(c).connection == &x);
}

TEST_CASE("fault_70_connections_idle_since_before_a_moment_are_taken_out")
{
    owner o(4);
    wish a, b, c;
    auto& x = o.busy(a);
    auto& y = o.busy(b);
    auto& z = o.busy(c);
    o.pool.release(x, start, true);
    o.pool.release(y, start + 1s, true);
    o.pool.release(z, start + 2s, true);
    CHECK(o.pool.evict_idle_since(start - 1ns) == nullptr);
    CHECK(o.pool.evict_idle_since(start + 1s) == &x);
    CHECK(o.pool.evict_idle_since(start + 1s) == &y);
    CHECK(o.pool.evict_idle_since(start + 1s) == nullptr);
    CHECK(o.pool.any_idle() == &z);
    CHECK(x.state() == state::closed);
}

TEST_CASE("fault_70_idle_connection_makes_room_where_no_place_is_left")
{
    owner o(2);
    wish a, b, c;
    auto& x = o.busy(a);
    o.busy(b);
    o.pool.release(x, o.now, true);
    CHECK(o.pool.evict_distrusted() == nullptr); // nobody waits
    c.distrust(o.now + 1s);
    CHECK(o.acquire(c).result == outcome::queued);
    CHECK(figures(o.pool) == "idle 1, busy 1, opening 0, waiting 1");
    CHECK(o.pool.evict_distrusted() == &x);
    CHECK(o.pool.evict_distrusted() == nullptr);
    CHECK(o.open_wanted() == 1);
    CHECK(o.opened() == &c);
}

TEST_CASE("pool_core evicted_connection_leaves_its_place")
{
    owner o(1);
    wish a;
    auto& x = o.busy(a);
    o.pool.release(x, o.now, true);
    o.pool.evict(x);
    CHECK(x.state() == state::closed);
    CHECK(o.pool.has_closed());
    CHECK(o.acquire(a).result == outcome::queued);
    CHECK(o.opening.front() == &x);
}

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

            // What the owner does after each of these: open what should be.
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
