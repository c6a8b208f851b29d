// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/happy_eyeballs.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using watchers::rooms::detail::happy_eyeballs;
using watchers::rooms::detail::interleave;

constexpr auto delay = 300ms;
constexpr happy_eyeballs::time_point origin{1000s};

happy_eyeballs::time_point at(std::chrono::milliseconds t) { return origin + t; }

// "start 1, wake 300", in milliseconds since the origin; or "failed", or "nothing".
std::string text(const happy_eyeballs::step& s)
{
    std::string t;
    if (s.start) t += "start " + std::to_string(*s.start);
    if (s.wake) {
        if (!t.empty()) t += ", ";
        const auto when = std::chrono::duration_cast<std::chrono::milliseconds>(*s.wake - origin);
        t += "wake " + std::to_string(when.count());
    }
    if (s.failed) t += "failed";
    return t.empty() ? "nothing" : t;
}

} // namespace

TEST_CASE("interleave families_take_turns")
{
    class sample
    {
    public:
        std::vector<bool> is_v6;
        std::vector<std::size_t> expected;
    };
    const std::vector<sample> table{
        {{}, {}},
        {{true}, {0}},
        {{false}, {0}},
        {{true, true, true}, {0, 1, 2}},
        {{false, false}, {0, 1}},
        {{true, false}, {0, 1}},
        {{false, true}, {0, 1}},
        {{true, true, false, false}, {0, 2, 1, 3}},
        {{false, false, true, true}, {0, 2, 1, 3}},
        {{true, true, true, false}, {0, 3, 1, 2}},
        {{false, true, true, true}, {0, 1, 2, 3}},
        {{true, true, true, false, false, true}, {0, 3, 1, 4, 2, 5}},
    };
    for (const sample& s : table) {
        CAPTURE(s.is_v6.size());
        CHECK(interleave(s.is_v6) == s.expected);
    }
}

TEST_CASE("happy_eyeballs no_address_fails_at_once")
{
    happy_eyeballs race(0, delay);
    CHECK(text(race.begin(at(0ms))) == "failed");
}

TEST_CASE("happy_eyeballs one_address")
{
    happy_eyeballs race(1, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0");
    CHECK(text(race.on_time(at(300ms))) == "nothing");
    CHECK(text(race.on_failed(0, at(400ms))) == "failed");
}

TEST_CASE("happy_eyeballs silent_addresses_start_one_by_one") // 4
{
    happy_eyeballs race(3, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0, wake 300");
    CHECK(text(race.on_time(at(299ms))) == "wake 300"); // woken too early
    CHECK(text(race.on_time(at(300ms))) == "start 1, wake 600");
    CHECK(text(race.on_time(at(650ms))) == "start 2");
    CHECK(text(race.on_time(at(2000ms))) == "nothing");
    CHECK(text(race.on_failed(1, at(2001ms))) == "nothing");
    CHECK(text(race.on_failed(0, at(2002ms))) == "nothing");
    CHECK(text(race.on_failed(2, at(2003ms))) == "failed");
}

TEST_CASE("happy_eyeballs refused_address_starts_the_next_at_once") // 3
{
    happy_eyeballs race(3, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0, wake 300");
    CHECK(text(race.on_failed(0, at(10ms))) == "start 1, wake 310");
    CHECK(text(race.on_time(at(300ms))) == "wake 310"); // the delay counts from the latest start
    CHECK(text(race.on_failed(1, at(305ms))) == "start 2");
    CHECK(text(race.on_failed(2, at(306ms))) == "failed");
}

TEST_CASE("happy_eyeballs earlier_address_fails_while_a_later_one_is_under_way")
{
    happy_eyeballs race(4, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0, wake 300");
    CHECK(text(race.on_time(at(300ms))) == "start 1, wake 600");
    CHECK(text(race.on_failed(0, at(400ms))) == "start 2, wake 700");
    CHECK(text(race.on_time(at(700ms))) == "start 3");
}

TEST_CASE("happy_eyeballs winner_ends_the_race")
{
    happy_eyeballs race(3, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0, wake 300");
    CHECK(text(race.on_time(at(300ms))) == "start 1, wake 600");
    race.on_connected(0);
    CHECK(text(race.on_time(at(600ms))) == "nothing");
    CHECK(text(race.on_failed(1, at(601ms))) == "nothing");
}

TEST_CASE("happy_eyeballs failure_told_twice_counts_once")
{
    happy_eyeballs race(2, delay);
    CHECK(text(race.begin(at(0ms))) == "start 0, wake 300");
    CHECK(text(race.on_failed(1, at(1ms))) == "wake 300"); // was never started
    CHECK(text(race.on_failed(1'000'000'000, at(1ms))) == "wake 300");
    CHECK(text(race.on_failed(0, at(2ms))) == "start 1");
    CHECK(text(race.on_failed(0, at(3ms))) == "nothing");
    CHECK(text(race.on_failed(1, at(4ms))) == "failed");
}

TEST_CASE("happy_eyeballs without_delay_each_wake_starts_one")
{
    happy_eyeballs race(2, 0ms);
    CHECK(text(race.begin(at(5ms))) == "start 0, wake 5");
    CHECK(text(race.on_time(at(5ms))) == "start 1");
}
