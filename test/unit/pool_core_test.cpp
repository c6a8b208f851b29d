// SPDX-License-Identifier: BSL-1.0
#include "pool_owner.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using namespace watchers::rooms::test;

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
