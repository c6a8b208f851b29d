// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/retry_budget.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

using watchers::rooms::detail::retry_budget;

TEST_CASE("retry_budget_costs")
{
    CHECK(retry_budget::retry_cost == 5);
    CHECK(retry_budget::timeout_cost == 10);
    CHECK(retry_budget::success_gain == 1);
}

TEST_CASE("retry_budget_taken_until_too_few_are_left")
{
    retry_budget b(12);
    CHECK(b.tokens() == 12);

    CHECK(b.take(5));
    CHECK(b.take(5));
    CHECK_FALSE(b.take(5));

    CHECK(b.tokens() == 2);
    CHECK(b.take(2));
    CHECK(b.tokens() == 0);
    CHECK_FALSE(b.take(1));
}

TEST_CASE("retry_budget_a_refused_retry_takes_nothing")
{
    retry_budget b(9);
    CHECK_FALSE(b.take(10));
    CHECK(b.tokens() == 9);
    CHECK(b.take(5));
}

TEST_CASE("retry_budget_success_gives_back_the_last_cost_or_one")
{
    retry_budget b(100);
    for (int i = 0; i < 10; ++i)
        CHECK(b.take(10));
    CHECK(b.tokens() == 0);

    b.give_back(0);
    CHECK(b.tokens() == 1);
    b.give_back(5);
    CHECK(b.tokens() == 6);
    b.give_back(10);
    CHECK(b.tokens() == 16);
}

TEST_CASE("retry_budget_never_above_its_limit")
{
    retry_budget b(20);
    b.give_back(0);
    CHECK(b.tokens() == 20);
    CHECK(b.take(5));
    b.give_back(10);
    CHECK(b.tokens() == 20);
}

TEST_CASE("retry_budget_zero_is_no_limit")
{
    retry_budget b(0);
    for (int i = 0; i < 10'000; ++i)
        REQUIRE(b.take(10));
    b.give_back(0);
    b.give_back(10);
    CHECK(b.take(10));
}

TEST_CASE("retry_budget_of_the_largest_number_does_not_overflow")
{
    constexpr unsigned largest = std::numeric_limits<unsigned>::max();
    retry_budget b(largest);

    b.give_back(0);
    b.give_back(10);
    CHECK(b.tokens() == largest);

    CHECK(b.take(5));
    b.give_back(10);
    CHECK(b.tokens() == largest);
}

TEST_CASE("retry_budget_random_use_keeps_between_zero_and_the_limit")
{
    std::mt19937 random(11);
    retry_budget b(50);
    unsigned expected = 50;
    for (int i = 0; i < 10'000; ++i) {
        const unsigned amount = random() % 3 == 0 ? 10 : 5;
        if (random() % 2 == 0) {
            REQUIRE(b.take(amount) == (expected >= amount));
            if (expected >= amount) expected -= amount;
        } else {
            const unsigned last_cost = random() % 2 == 0 ? 0 : amount;
            b.give_back(last_cost);
            expected += last_cost == 0 ? 1 : last_cost;
            if (expected > 50) expected = 50;
        }
        REQUIRE(b.tokens() == expected);
    }
}
