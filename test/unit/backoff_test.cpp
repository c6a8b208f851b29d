// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/backoff.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <random>

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using watchers::rooms::detail::backoff;

namespace {

constexpr auto largest = std::numeric_limits<std::uint64_t>::max();

// The longest delay that any random value gives.
nanoseconds bound_of(nanoseconds base, nanoseconds cap, unsigned retries)
{
    nanoseconds bound{};
    for (std::int64_t guess = std::int64_t{1} << 62; guess > 0; guess /= 2) {
        const nanoseconds candidate = bound + nanoseconds(guess);
        if (backoff(base, cap, retries, static_cast<std::uint64_t>(candidate.count())) == candidate)
            bound = candidate;
    }
    return bound;
}

} // namespace

TEST_CASE("backoff_doubles_up_to_the_cap")
{
    const struct
    {
        nanoseconds base;
        nanoseconds cap;
        unsigned retries;
        nanoseconds bound;
    } rows[] = {
        {100ms, 10s, 0, 100ms},
        {100ms, 10s, 1, 200ms},
        {100ms, 10s, 2, 400ms},
        {100ms, 10s, 6, 6400ms},
        {100ms, 10s, 7, 10s},
        {100ms, 10s, 8, 10s},
        {100ms, 10s, 1000, 10s},
        {100ms, 100ms, 0, 100ms},
        {100ms, 100ms, 9, 100ms},
        {2s, 1s, 0, 1s},
        {1ns, 1s, 3, 8ns},
        {1ms, 8760h, 4'000'000'000U, 8760h},
        {8760h, 8760h, 65'535, 8760h},
        {1ns, nanoseconds::max(), 200, nanoseconds::max()},
    };
    for (const auto& row : rows) {
        CAPTURE(row.base.count());
        CAPTURE(row.cap.count());
        CAPTURE(row.retries);

        CHECK(bound_of(row.base, row.cap, row.retries).count() == row.bound.count());
    }
}

TEST_CASE("backoff_of_any_random_value_lies_within_the_bound")
{
    CHECK(backoff(100ms, 10s, 0, 0) == 0ns);
    CHECK(backoff(100ms, 10s, 0, 100'000'000) == 100ms);
    CHECK(backoff(100ms, 10s, 0, 100'000'001) == 0ns);
    const auto most = backoff(100ms, 10s, 5, largest);
    CHECK(most >= 0ns);
    CHECK(most <= 3200ms);
}

TEST_CASE("backoff_is_uniform_from_zero")
{
    std::mt19937_64 random(7);
    constexpr int drawn = 20'000;
    int quarters[4] = {};

    for (int i = 0; i < drawn; ++i) {
        const auto delay = backoff(100ms, 10s, 2, random());
        REQUIRE(delay >= 0ms);
        REQUIRE(delay <= 400ms);
        ++quarters[delay / 100'000'001ns];
    }

    for (const int count : quarters) {
        CHECK(count > drawn / 4 - 400);
        CHECK(count < drawn / 4 + 400);
    }
}
