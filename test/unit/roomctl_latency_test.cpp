// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/latency_histogram.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using roomctl::latency_histogram;
using std::chrono::nanoseconds;

TEST_CASE("roomctl_latency_of_nothing_is_zero")
{
    const latency_histogram h;
    CHECK(h.count() == 0);
    CHECK(h.percentile(50) == nanoseconds(0));
    CHECK(h.max() == nanoseconds(0));
}

TEST_CASE("roomctl_latency_of_one_is_itself")
{
    for (const std::int64_t value : {0LL, 1LL, 31LL, 32LL, 63LL, 64LL, 65LL, 1'000'003LL, 30'000'000'000LL}) {
        latency_histogram h;
        h.add(nanoseconds(value));
        for (const double p : {0.0, 1.0, 50.0, 99.9, 100.0})
            CHECK(h.percentile(p) == nanoseconds(value));
    }
}

TEST_CASE("roomctl_latency_percentiles_are_at_most_a_32nd_too_great")
{
    // Setup
    latency_histogram h;
    constexpr std::int64_t n = 100'000;
    for (std::int64_t i = 1; i <= n; ++i)
        h.add(nanoseconds(i * 37));

    // Run, Check
    CHECK(h.count() == n);
    for (const double p : {0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
        const double exact = p / 100 * n * 37;
        const auto told = static_cast<double>(h.percentile(p).count());
        CAPTURE(p);
        CHECK(told >= exact);
        CHECK(told <= exact * 33 / 32 + 1);
    }
    CHECK(h.max() == nanoseconds(n * 37));
}

TEST_CASE("roomctl_latency_takes_any_duration")
{
    latency_histogram h;
    h.add(nanoseconds(-1));
    h.add(nanoseconds(std::numeric_limits<std::int64_t>::max()));
    CHECK(h.count() == 2);
    CHECK(h.percentile(50) == nanoseconds(0));
    CHECK(h.max().count() == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("roomctl_latency_histograms_add_up")
{
    latency_histogram a;
    latency_histogram b;
    a.add(nanoseconds(10));
    b.add(nanoseconds(20));
    b.add(nanoseconds(30));
    a.add(b);
    CHECK(a.count() == 3);
    CHECK(a.percentile(50) == nanoseconds(20));
    CHECK(a.max() == nanoseconds(30));
}
