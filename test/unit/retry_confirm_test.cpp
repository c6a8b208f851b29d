// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;
using detail::attempt_result;
using detail::request_role;
using detail::retry_step;

namespace {

constexpr kind create = kind::create_room;
constexpr kind get = kind::get_room;

// Ways in which a create's outcome is not known.
std::vector<attempt_result> lost_creates()
{
    return {unanswered(create),
            unanswered(create, errc::truncated_response),
            unanswered(create, errc::write_timeout),
            unanswered(create, errc::response_timeout),
            unanswered(create, errc::malformed_response),
            unanswered(create, errc::response_too_large),
            answered(create, 408),
            answered(create, 500),
            answered(create, 501),
            answered(create, 502),
            answered(create, 503),
            answered(create, 504)};
}

// A create that was lost, and of which then no room was found twice.
played_call created_again(const retry_policy& p = {})
{
    played_call c(create, p);
    REQUIRE(c.ends(unanswered(create)) == "look");
    REQUIRE(c.ends(not_there()) == "look after 500 ms");
    REQUIRE(c.ends(not_there()) == "send");
    return c;
}

} // namespace

TEST_CASE("confirm_room_with_matching_members_is_a_confirmed_success")
{
    for (const attempt_result& lost : lost_creates()) {
        CAPTURE(roomctl::error_name(lost.error));
        played_call c(create);
        CHECK(c.ends(lost) == "look");
        CHECK(c.fsm.role() == request_role::confirmation);
        CHECK(c.ends(found(true)) == "success, effect applied, confirmed");
    }
}

TEST_CASE("confirm_room_with_other_members_is_a_conflict")
{
    for (const attempt_result& lost : lost_creates()) {
        CAPTURE(roomctl::error_name(lost.error));
        played_call c(create);
        CHECK(c.ends(lost) == "look");
        CHECK(c.ends(found(false)) == "conflict, effect unknown");
    }
}

TEST_CASE("confirm_room_not_found_twice_is_created_once_more")
{
    played_call c(create);
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.ends(not_there()) == "look after 500 ms");
    CHECK(c.fsm.role() == request_role::confirmation);
    CHECK(c.ends(not_there()) == "send");
    CHECK(c.fsm.role() == request_role::operation);
    CHECK(c.ends(answered(create, 200)) == "success, effect applied");
}

TEST_CASE("confirm_room_found_at_the_second_look")
{
    for (const bool matches : {true, false}) {
        played_call c(create);
        CHECK(c.ends(answered(create, 503)) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(found(matches)) ==
              (matches ? "success, effect applied, confirmed" : "conflict, effect unknown"));
    }
}

TEST_CASE("confirm_duplicate_of_the_second_create_is_looked_at")
{
    for (const attempt_result& duplicate :
         {answered(create, 409), answered(create, 400, "already exists"), answered(create, 400)}) {
        played_call matching = created_again();
        CHECK(matching.ends(duplicate) == "look");
        CHECK(matching.ends(found(true)) == "success, effect applied, confirmed");

        played_call other = created_again();
        CHECK(other.ends(duplicate) == "look");
        CHECK(other.ends(found(false)) == "conflict, effect unknown");
    }
}

TEST_CASE("confirm_create_is_never_sent_a_third_time")
{
    for (const attempt_result& last :
         {answered(create, 409), unanswered(create), answered(create, 503), answered(create, 408)}) {
        CAPTURE(roomctl::error_name(last.error));
        played_call c = created_again();
        CHECK(c.ends(last) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == "outcome_unknown, effect unknown");
    }
}

TEST_CASE("confirm_second_create_that_is_refused_leaves_the_outcome_unknown")
{
    for (const unsigned status : {401U, 403U, 404U, 422U, 302U}) {
        CAPTURE(status);
        played_call c = created_again();
        CHECK(c.ends(answered(create, status)) == "outcome_unknown, effect unknown");
    }
    played_call unreachable = created_again();
    CHECK(unreachable.ends(unsent(errc::tls_expired)) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_second_create_that_was_not_carried_out_is_retried")
{
    played_call c = created_again();
    CHECK(c.ends(unsent()) == "send");
    CHECK(c.ends(answered(create, 429)) == "send");
    CHECK(c.ends(answered(create, 421)) == "send");
    CHECK(c.ends(answered(create, 201)) == "success, effect applied");
}

TEST_CASE("confirm_second_create_that_never_gets_through_leaves_the_outcome_unknown")
{
    played_call c = created_again();
    for (int i = 0; i < 3; ++i)
        CHECK(c.ends(unsent()) == "send");
    CHECK(c.ends(unsent()) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_gets_are_retried_by_a_gets_rules")
{
    for (const attempt_result& failure :
         {unsent(), unanswered(get), unanswered(get, errc::response_timeout), answered(get, 503),
          answered(get, 408), answered(get, 421), answered(get, 429)}) {
        CAPTURE(roomctl::error_name(failure.error));
        played_call c(create);
        CHECK(c.ends(unanswered(create)) == "look");
        CHECK(c.ends(failure) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(failure) == "look");
        CHECK(c.ends(found(true)) == "success, effect applied, confirmed");
    }
}

TEST_CASE("confirm_gets_wait_as_long_as_the_service_asks")
{
    played_call c(create);
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.ends(after(7s, answered(get, 429))) == "look after 7000 ms");
    c.random = 150'000'000;
    CHECK(c.ends(answered(get, 503)) == "look after 150 ms");
}

TEST_CASE("confirm_gets_that_cannot_be_got_over_leave_the_outcome_unknown")
{
    for (const attempt_result& failure :
         {answered(get, 400), answered(get, 401), answered(get, 403), answered(get, 409), answered(get, 410),
          answered(get, 302), answered(get, 501), unanswered(get, errc::malformed_response),
          unanswered(get, errc::response_too_large), unsent(errc::tls_untrusted),
          unsent(errc::resolve_failed, true), unsent(errc::pool_full)}) {
        CAPTURE(roomctl::error_name(failure.error));
        played_call first(create);
        CHECK(first.ends(unanswered(create)) == "look");
        CHECK(first.ends(failure) == "outcome_unknown, effect unknown");

        played_call second(create);
        CHECK(second.ends(unanswered(create)) == "look");
        CHECK(second.ends(not_there()) == "look after 500 ms");
        CHECK(second.ends(failure) == "outcome_unknown, effect unknown");
    }
}

TEST_CASE("confirm_get_with_an_unusable_body_leaves_the_outcome_unknown")
{
    attempt_result unreadable = answered(get, 200);
    unreadable.error = errc::bad_body;
    unreadable.how = detail::classify_failure(errc::bad_body, false, true, 200);
    played_call c(create);
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.ends(unreadable) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_gets_have_limits")
{
    retry_policy p;
    p.ambiguous_attempts = 3;
    played_call c(create, p);
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.ends(answered(get, 503)) == "look");
    CHECK(c.ends(answered(get, 503)) == "look");
    CHECK(c.ends(answered(get, 503)) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_first_look_is_free_and_later_ones_cost")
{
    played_call c(create);
    c.ends(unanswered(create, errc::response_timeout));
    CHECK(c.budget.tokens() == 500);
    c.ends(not_there());
    CHECK(c.budget.tokens() == 495);
    c.ends(unanswered(get, errc::response_timeout));
    CHECK(c.budget.tokens() == 485);
    c.ends(not_there());
    CHECK(c.budget.tokens() == 480);
    c.ends(answered(create, 200));
    CHECK(c.budget.tokens() == 485);
}

TEST_CASE("confirm_success_gives_tokens_back")
{
    played_call at_once(create);
    at_once.budget.take(100);
    at_once.ends(unanswered(create));
    at_once.ends(found(true));
    CHECK(at_once.budget.tokens() == 401);

    played_call later(create);
    later.ends(unanswered(create));
    later.ends(not_there());
    later.ends(found(true));
    CHECK(later.budget.tokens() == 500);
}

TEST_CASE("confirm_spent_budget_leaves_the_outcome_unknown")
{
    retry_policy p;
    p.budget = 4;
    played_call first(create, p);
    CHECK(first.ends(unanswered(create)) == "look");
    CHECK(first.ends(not_there()) == "outcome_unknown, effect unknown");

    p.budget = 9;
    played_call second(create, p);
    CHECK(second.ends(unanswered(create)) == "look");
    CHECK(second.ends(not_there()) == "look after 500 ms");
    CHECK(second.ends(not_there()) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_first_look_follows_retry_after")
{
    played_call c(create);
    c.random = 30'000'000;
    CHECK(c.ends(after(2s, answered(create, 503))) == "look after 2030 ms");
}

TEST_CASE("confirm_retry_after_above_the_limit_leaves_the_outcome_unknown")
{
    played_call c(create);
    const retry_step step = c.step_after(after(61s, answered(create, 503)));
    CHECK(played_call::tell(step) == "outcome_unknown, effect unknown");
    REQUIRE(step.note != nullptr);
    CHECK(std::string(step.note).find("max_retry_after") != std::string::npos);
}

TEST_CASE("confirm_waits_that_outlast_the_deadline_leave_the_outcome_unknown")
{
    played_call at_once(create);
    at_once.deadline = at_once.now;
    CHECK(at_once.ends(unanswered(create)) == "outcome_unknown, effect unknown");

    played_call asked_to_wait(create);
    asked_to_wait.deadline = asked_to_wait.now + 5s;
    CHECK(asked_to_wait.ends(after(5s, answered(create, 503))) == "outcome_unknown, effect unknown");

    played_call settling(create);
    CHECK(settling.ends(unanswered(create)) == "look");
    settling.deadline = settling.now + 500ms;
    CHECK(settling.ends(not_there()) == "outcome_unknown, effect unknown");

    played_call again(create);
    CHECK(again.ends(unanswered(create)) == "look");
    CHECK(again.ends(not_there()) == "look after 500 ms");
    again.now = again.deadline;
    CHECK(again.ends(not_there()) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_settle_delay_is_the_policys")
{
    retry_policy p;
    p.settle_delay = 1234ms;
    played_call c(create, p);
    c.random = 77'777'777; // it has no jitter
    c.ends(unanswered(create));
    CHECK(c.ends(not_there()) == "look after 1234 ms");
}

TEST_CASE("confirm_switched_off_leaves_the_original_error")
{
    retry_policy p;
    p.confirm_creates = false;
    for (const attempt_result& lost : lost_creates()) {
        CAPTURE(roomctl::error_name(lost.error));
        played_call c(create, p);
        CHECK(c.ends(lost) == std::string(roomctl::error_name(lost.error)) + ", effect unknown");
    }
    played_call refused(create, p);
    CHECK(refused.ends(answered(create, 429)) == "send");
    CHECK(refused.ends(answered(create, 409)) == "conflict, effect none");
}

TEST_CASE("confirm_401_of_a_look_is_asked_about_once")
{
    attempt_result refused = answered(get, 401);
    refused.other_credentials = true;
    played_call c(create);
    CHECK(c.ends(unanswered(create)) == "look");
    const retry_step step = c.step_after(refused);
    CHECK(played_call::tell(step) == "ask");
    CHECK(step.role == request_role::confirmation);
    CHECK(c.ends(refused) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_look_on_a_dead_connection_is_replayed_once")
{
    played_call c(create);
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.finds_dead_connection() == "look at once");
    CHECK(c.finds_dead_connection() == "success, effect none"); // no second one
    CHECK(c.ends(unanswered(get)) == "look");
    CHECK(c.budget.tokens() == 495);
}

TEST_CASE("confirm_interruption_at_any_point_has_an_unknown_effect")
{
    played_call c(create);
    CHECK(c.fsm.effect() == effect::none);
    c.ends(unanswered(create));
    CHECK(c.fsm.effect() == effect::unknown);
    c.ends(not_there());
    CHECK(c.fsm.effect() == effect::unknown);
    c.ends(not_there());
    CHECK(c.fsm.role() == request_role::operation);
    CHECK(c.fsm.effect() == effect::unknown);
    c.ends(unsent());
    CHECK(c.fsm.effect() == effect::unknown);
}
