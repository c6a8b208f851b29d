// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/exchange_time.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using watchers::rooms::detail::clock;
using watchers::rooms::detail::exchange_time;

// One exchange after the other on a clock of its own.
class service
{
public:
    void serve(clock::duration takes, int times = 1)
    {
        for (int i = 0; i < times; ++i) {
            const auto began = now;
            e.begin(now);
            now += takes;
            e.completed(began, now);
        }
    }

    void cut(clock::duration after)
    {
        const auto began = now;
        e.begin(now);
        now += after;
        e.cut(began, now);
    }

    double ms() const { return std::chrono::duration<double, std::milli>(e.estimate(now)).count(); }

    exchange_time e;
    clock::time_point now{1000h};
};

} // namespace

TEST_CASE("fault_74_exchange_time_of_kinds_of_services")
{
    const struct
    {
        std::string_view name;
        std::vector<clock::duration> takes; // over and over
        double least;                       // of the estimate, in ms
        double most;
    } table[] = {
        {"steady", {300ms}, 300, 340},
        {"nearly steady", {295ms, 300ms, 305ms, 310ms}, 310, 350},
        {"very fast", {20us}, 0.02, 0.03},
        {"between 200 and 400 ms", {200ms, 300ms, 400ms, 250ms, 350ms}, 400, 460},
        {"one of two is long", {10ms, 300ms}, 300, 340},
        {"one of 20 is very long",
         {10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms,
          10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10ms, 10s},
         10,
         30},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        service s;
        for (int i = 0; i < 200; ++i)
            s.serve(row.takes[static_cast<std::size_t>(i) % row.takes.size()]);
        CHECK(s.ms() >= row.least);
        CHECK(s.ms() <= row.most);
    }
}

TEST_CASE("fault_74_exchange_time_needs_four_samples")
{
    service s;
    CHECK(s.ms() == 0);
    s.serve(300ms, 3);
    CHECK(s.ms() == 0);
    s.serve(300ms);
    CHECK(s.ms() >= 300);
}

TEST_CASE("fault_74_exchange_time_survives_one_outlier")
{
    service s;
    s.serve(10ms, 50);
    s.serve(10s);
    CHECK(s.ms() < 20);
    s.serve(10ms, 10);
    CHECK(s.ms() < 15);
}

TEST_CASE("fault_74_exchange_time_follows_a_service_that_becomes_slower_and_faster")
{
    service s;
    s.serve(10ms, 100);
    int needed = 0;
    for (; s.ms() < 300 && needed < 100; ++needed)
        s.serve(300ms);
    CHECK(needed <= 20);
    s.serve(300ms, 100);
    CHECK(s.ms() <= 340);
    for (needed = 0; s.ms() > 20 && needed < 200; ++needed)
        s.serve(10ms);
    CHECK(needed <= 64);
}

TEST_CASE("fault_74_exchange_time_learns_from_exchanges_that_were_cut")
{
    // Each is sent with just the time that the estimate asks for, and cut.
    service s;
    s.serve(10ms, 100);
    int cuts = 0;
    for (; s.ms() < 300 && cuts < 100; ++cuts)
        s.cut(s.e.estimate(s.now) + 1ms);
    CHECK(cuts <= 30);
}

TEST_CASE("fault_74_exchange_time_fades_while_nothing_is_under_way")
{
    service s;
    s.serve(800ms, 10);
    const double whole = s.ms();
    const auto last = s.now;
    const struct
    {
        clock::duration after;
        double part;
    } table[] = {{0ms, 1}, {999ms, 1}, {1s, 0.5}, {2s, 0.25}, {3500ms, 0.125}, {24h * 365, 0}};
    for (const auto& row : table) {
        CAPTURE(row.part);
        s.now = last + row.after;
        CHECK(s.ms() == doctest::Approx(whole * row.part).epsilon(0.001));
    }
}

TEST_CASE("fault_74_exchange_time_sends_one_call_to_find_out")
{
    // Setup
    service s;
    s.serve(800ms, 100);
    const double whole = s.ms();
    s.now += 2s;
    REQUIRE(s.ms() < 250);

    // Run: one is sent; as long as it is under way, the estimate is whole.
    const auto began = s.now;
    s.e.begin(s.now);
    CHECK(s.ms() == whole);

    SUBCASE("it is served fast: what was known before is forgotten")
    {
        s.now += 10ms;
        s.e.completed(began, s.now);
        CHECK(s.ms() == 0);
        s.serve(10ms, 3);
        CHECK(s.ms() < 20);
    }
    SUBCASE("it is cut: nothing is sent for another while")
    {
        s.now += 250ms;
        s.e.cut(began, s.now);
        CHECK(s.ms() > 500);
    }
    SUBCASE("it tells nothing: nothing is forgotten")
    {
        s.now += 250ms;
        s.e.abandoned(s.now);
        CHECK(s.ms() == whole);
    }
}

TEST_CASE("fault_74_exchange_time_does_not_fade_while_an_exchange_is_under_way")
{
    service s;
    s.serve(300ms, 10);
    const double whole = s.ms();
    s.e.begin(s.now);
    s.e.begin(s.now);
    s.now += 10s;
    s.e.abandoned(s.now);
    CHECK(s.ms() == whole);
    s.e.abandoned(s.now);
    CHECK(s.ms() == whole);
    s.now += 1s;
    CHECK(s.ms() == doctest::Approx(whole / 2).epsilon(0.001));
}

TEST_CASE("fault_74_exchange_time_learns_nothing_from_a_cut_after_less_than_the_mean")
{
    const struct
    {
        std::string_view name;
        int before; // exchanges of 300 ms
        clock::duration cut_after;
        int cuts;
        int after;
    } table[] = {
        {"the first, after a millisecond", 0, 1ms, 1, 4},
        {"the first ten", 0, 1ms, 10, 8},
        {"many, later", 10, 1ms, 100, 0},
        {"just below", 10, 299ms, 100, 0},
        {"between", 4, 50ms, 10, 4},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        service s;
        s.serve(300ms, row.before);
        for (int i = 0; i < row.cuts; ++i)
            s.cut(row.cut_after);
        s.serve(300ms, row.after);
        CHECK(s.ms() >= 300);
        CHECK(s.ms() <= 340);
    }
}

TEST_CASE("fault_74_exchange_time_learns_from_silent_connections_that_served_since_the_cut_before")
{
    const struct
    {
        std::string_view name;
        clock::duration idle_since; // after the cut before
        clock::duration sent;       // the same
        bool counts;
    } table[] = {
        {"it may have died with that one", -1ms, 10ms, false},
        {"it has served since", 0ms, 10ms, true},
        {"it has, and the request was sent soon", 1s, 9'999ms, true},
        {"it was idle for long", 1s, 10'001ms, false},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        service s;
        for (int i = 0; i < 10; ++i) {
            const auto before = s.now;
            s.now += row.sent;
            const auto began = s.now;
            s.e.begin(began);
            s.now += 200ms;
            // The first is in any case one that may have died.
            s.e.cut_in_silence(began, before + row.idle_since, s.now);
        }
        CHECK((s.ms() > 0) == row.counts);
    }
}

TEST_CASE("fault_74_exchange_time_forgets_within_ten_seconds")
{
    const struct
    {
        clock::duration after;
        double least; // of the estimate while the next exchange is under way, in ms
    } table[] = {{9'999ms, 800}, {10s, 0}, {24h * 365, 0}};
    for (const auto& row : table) {
        CAPTURE(row.after.count());
        service s;
        s.serve(800ms, 10);
        s.now += row.after;
        CHECK(s.ms() < 2);
        s.e.begin(s.now);
        CHECK((s.ms() > 0) == (row.least > 0));
        CHECK(s.ms() >= row.least);
    }
}
