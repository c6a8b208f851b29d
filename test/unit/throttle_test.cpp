// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/throttle.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using watchers::rooms::detail::throttle;

namespace {

const steady_clock::time_point start{1000h};

// How many requests may be sent at this very moment.
int burst_at(throttle& t, steady_clock::time_point now)
{
    int sent = 0;
    for (; sent < 100'000 && t.open(now); ++sent)
        t.take(now);
    return sent;
}

} // namespace

TEST_CASE("throttle_without_limit_is_always_open")
{
    for (const double rate : {0.0, -0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CAPTURE(rate);
        throttle t(rate);
        CHECK_FALSE(t.limited());
        CHECK(burst_at(t, start) == 100'000);
        CHECK(t.next() <= start);
    }
}

TEST_CASE("throttle_burst_is_what_ten_milliseconds_allow")
{
    const struct
    {
        double per_second;
        int at_once; // the request that is due, and those of ten milliseconds
    } rows[] = {{0.5, 1}, {1, 1}, {10, 1}, {99, 1}, {100, 2}, {1000, 11}, {10'000, 101}, {1e6, 10'001}};
    for (const auto& row : rows) {
        CAPTURE(row.per_second);
        throttle t(row.per_second);
        CHECK(t.limited());
        CHECK(burst_at(t, start) == row.at_once);
        CHECK_FALSE(t.open(start));
    }
}

TEST_CASE("throttle_spaces_requests_evenly")
{
    throttle t(10);
    std::vector<steady_clock::duration> sent;

    for (int i = 0; i < 5; ++i) {
        const auto now = std::max(start, t.next());
        CHECK(t.open(now));
        if (now > start) CHECK_FALSE(t.open(now - 1ns));
        t.take(now);
        sent.push_back(now - start);
    }

    CHECK(sent == std::vector<steady_clock::duration>{0ms, 90ms, 190ms, 290ms, 390ms});
}

TEST_CASE("throttle_late_timers_do_not_lower_the_rate")
{
    throttle t(1000);
    int sent = 0;
    for (auto now = start; now < start + 1s; now += 5ms) // a timer of coarse grain
        for (; t.open(now); ++sent)
            t.take(now);

    CHECK(sent >= 1000);
    CHECK(sent <= 1011);
}

TEST_CASE("throttle_idle_time_is_not_saved_up")
{
    throttle t(100);
    CHECK(burst_at(t, start) == 2);
    CHECK(burst_at(t, start + 1h) == 2);
}

TEST_CASE("throttle_random_arrivals_never_exceed_the_rate")
{
    std::mt19937 random(3);
    throttle t(200);
    std::vector<steady_clock::time_point> sent;
    auto now = start;
    for (int i = 0; i < 20'000; ++i) {
        now += std::chrono::microseconds(random() % (i % 1000 < 500 ? 1'000 : 20'000));
        if (!t.open(now)) continue;
        t.take(now);
        sent.push_back(now);
    }
    REQUIRE(sent.size() > 1000);

    for (std::size_t first = 0, last = 0; last < sent.size(); ++last) {
        while (sent[last] - sent[first] >= 1s)
            ++first;
        REQUIRE(last - first + 1 <= 200 + 3); // the burst, and the request that is due
    }
}

TEST_CASE("throttle_tiny_rates_are_limits_too")
{
    for (const double rate : {1e-6, 1e-9, 1e-10, 1e-20, 1e-300, std::numeric_limits<double>::denorm_min()}) {
        CAPTURE(rate);
        throttle t(rate);
        CHECK(t.limited());
        CHECK(burst_at(t, start) == 1);
        CHECK(t.next() > start + 200h);
        CHECK_FALSE(t.open(start + 200h));

        const auto second = t.next();
        CHECK(t.open(second));
        t.take(second);
        CHECK(t.next() > second);
    }
}

TEST_CASE("throttle_pause_closes_until_its_end")
{
    for (const double rate : {0.0, 1000.0}) {
        CAPTURE(rate);
        throttle t(rate);
        CHECK(t.open(start));

        t.pause(start + 30s);

        CHECK(t.paused_until() == start + 30s);
        CHECK(t.next() == start + 30s);
        CHECK_FALSE(t.open(start));
        CHECK_FALSE(t.open(start + 30s - 1ns));
        CHECK(t.open(start + 30s));
    }
}

TEST_CASE("throttle_pause_is_never_shortened")
{
    throttle t(0);
    t.pause(start + 30s);

    t.pause(start + 10s);
    CHECK(t.paused_until() == start + 30s);

    t.pause(start + 40s);
    CHECK(t.paused_until() == start + 40s);
}

TEST_CASE("throttle_rate_holds_after_a_pause")
{
    throttle t(100);
    t.pause(start + 30s);
    CHECK(burst_at(t, start + 30s) == 2);
    CHECK(t.next() == start + 30s + 10ms);
}

TEST_CASE("throttle_next_is_the_later_of_pause_and_turn")
{
    throttle t(1);
    t.take(start);
    CHECK(t.next() == start + 990ms);
    t.pause(start + 500ms);
    CHECK(t.next() == start + 990ms);
    t.pause(start + 2s);
    CHECK(t.next() == start + 2s);
}
