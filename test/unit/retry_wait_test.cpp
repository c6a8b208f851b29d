// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;
using detail::attempt_result;

namespace {

std::string note_of(const detail::retry_step& s) { return s.note == nullptr ? "" : s.note; }

} // namespace

TEST_CASE("retry_fsm_backoff_doubles_with_each_retry_up_to_the_cap")
{
    retry_policy p;
    p.backoff_cap = 300ms;
    p.throttled_attempts = 10;
    played_call c(kind::get_room, p);
    c.random = 100'000'000;
    CHECK(c.ends(answered(kind::get_room, 429)) == "send after 100 ms");
    c.random = 200'000'000;
    CHECK(c.ends(unsent()) == "send after 200 ms");
    c.random = 300'000'000;
    CHECK(c.ends(answered(kind::get_room, 429)) == "send after 300 ms");
    CHECK(c.ends(answered(kind::get_room, 429)) == "send after 300 ms");
    c.random = 300'000'001;
    CHECK(c.ends(answered(kind::get_room, 429)) == "send");
}

TEST_CASE("retry_fsm_retry_after_counts_if_it_is_longer")
{
    const kind k = kind::get_room;
    played_call c(k);
    c.random = 100'000'000; // the longest delay at first, and the longest spread
    CHECK(c.ends(after(2s, answered(k, 503))) == "send after 2100 ms");
    CHECK(c.ends(after(0s, answered(k, 429))) == "send after 100 ms");
    c.random = 400'000'000;
    CHECK(c.ends(after(0s, answered(k, 429))) == "send after 400 ms");
}

TEST_CASE("retry_fsm_retry_after_has_a_spread_of_up_to_backoff_base")
{
    const kind k = kind::get_room;
    const struct
    {
        std::uint64_t random;
        const char* expected;
    } rows[] = {{0, "send after 5000 ms"},
                {70'000'000, "send after 5070 ms"},
                {100'000'000, "send after 5100 ms"},
                {100'000'001, "send after 5000 ms"}};
    for (const auto& row : rows) {
        CAPTURE(row.random);
        played_call c(k);
        c.random = row.random;
        CHECK(c.ends(after(5s, answered(k, 429))) == row.expected);
    }
}

TEST_CASE("retry_fsm_retry_after_above_the_limit_is_final")
{
    const struct
    {
        std::chrono::milliseconds limit;
        std::chrono::seconds asked;
        bool final;
    } rows[] = {{60s, 60s, false}, {60s, 61s, true},   {60s, 2'147'483'647s, true}, {0s, 0s, false},
                {0s, 1s, true},    {1500ms, 2s, true}, {1500ms, 1s, false}};
    for (const auto& row : rows) {
        CAPTURE(row.limit.count());
        CAPTURE(row.asked.count());
        retry_policy p;
        p.max_retry_after = row.limit;
        for (const unsigned status : {429U, 503U}) {
            played_call c(kind::get_room, p);
            const auto step = c.step_after(after(row.asked, answered(kind::get_room, status)));
            CHECK((step.what == detail::retry_step::action::finish) == row.final);
            CHECK((note_of(step).find("max_retry_after") != std::string::npos) == row.final);
            CHECK(c.budget.tokens() == (row.final ? 500 : 495));
        }
    }
}

TEST_CASE("retry_fsm_retry_after_of_a_final_failure_is_not_waited_for")
{
    played_call c(kind::get_room);
    CHECK(c.ends(after(1s, answered(kind::get_room, 403))) == "forbidden, effect none");
}

TEST_CASE("retry_fsm_wait_that_outlasts_the_deadline_is_final")
{
    const kind k = kind::set_status;
    const struct
    {
        std::chrono::milliseconds left;
        const char* expected;
    } rows[] = {{3001ms, "send after 3000 ms"},
                {3000ms, "server_error, effect unknown"},
                {1ms, "server_error, effect unknown"},
                {0ms, "server_error, effect unknown"},
                {-5ms, "server_error, effect unknown"}};
    for (const auto& row : rows) {
        CAPTURE(row.left.count());
        played_call c(k);
        c.deadline = c.now + row.left;
        const auto step = c.step_after(after(3s, answered(k, 503)));
        CHECK(played_call::tell(step) == row.expected);
        const bool final = step.what == detail::retry_step::action::finish;
        CHECK((note_of(step).find("timeout") != std::string::npos) == final);
        CHECK(c.budget.tokens() == (final ? 500 : 495));
    }
}

TEST_CASE("retry_fsm_backoff_that_outlasts_the_deadline_is_final")
{
    played_call c(kind::get_room);
    c.deadline = c.now + 50ms;
    c.random = 50'000'000;
    CHECK(c.ends(unsent()) == "connect_failed, effect none");
}

TEST_CASE("retry_fsm_retry_costs_five_tokens_or_ten_after_a_timeout")
{
    const kind k = kind::delete_room;
    const struct
    {
        attempt_result failure;
        unsigned cost;
    } rows[] = {
        {unsent(), 5},
        {unanswered(k), 5},
        {answered(k, 421), 5},
        {answered(k, 429), 5},
        {answered(k, 503), 5},
        {answered(k, 408), 10},
        {unanswered(k, errc::write_timeout), 10},
        {unanswered(k, errc::response_timeout), 10},
    };
    for (const auto& row : rows) {
        CAPTURE(roomctl::error_name(row.failure.error));
        played_call c(k);
        CHECK(c.ends(row.failure) == "send");
        CHECK(c.budget.tokens() == 500 - row.cost);

        CHECK(c.ends(answered(k, 200)) == "success, effect applied");
        CHECK(c.budget.tokens() == 500);
    }
}

TEST_CASE("retry_fsm_success_gives_back_the_last_cost_alone")
{
    const kind k = kind::get_room;
    played_call c(k);
    c.ends(unanswered(k, errc::response_timeout));
    c.ends(unsent());
    CHECK(c.budget.tokens() == 485);

    c.ends(answered(k, 200));
    CHECK(c.budget.tokens() == 490);

    c.fsm.begin(k);
    c.ends(answered(k, 200));
    CHECK(c.budget.tokens() == 491);
}

TEST_CASE("retry_fsm_failure_gives_nothing_back")
{
    played_call c(kind::get_room);
    c.ends(unsent());
    c.ends(answered(kind::get_room, 404));
    CHECK(c.budget.tokens() == 495);
}

TEST_CASE("retry_fsm_spent_budget_is_final")
{
    retry_policy p;
    p.budget = 9;
    const kind k = kind::set_voice;
    played_call c(k, p);
    CHECK(c.ends(unanswered(k)) == "send");
    const auto step = c.step_after(unanswered(k));
    CHECK(played_call::tell(step) == "connection_lost, effect unknown");
    CHECK(note_of(step).find("budget") != std::string::npos);
    CHECK(c.budget.tokens() == 4);
}
