// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;
using detail::attempt_result;
using detail::retry_step;

namespace {

constexpr kind create = kind::create_room;

// A create that was throttled, and then refused as a duplicate.
played_call refused_after_429(const retry_policy& p = {})
{
    played_call c(create, p);
    REQUIRE(c.ends(answered(create, 429)) == "send");
    REQUIRE(c.ends(answered(create, 409)) == "look");
    return c;
}

} // namespace

TEST_CASE("confirm_after_429_room_with_matching_members_is_a_confirmed_success")
{
    played_call c = refused_after_429();
    CHECK(c.fsm.effect() == effect::unknown);
    CHECK(c.ends(found(true)) == "success, effect applied, confirmed");
}

TEST_CASE("confirm_after_429_room_with_other_members_is_a_conflict_without_effect")
{
    played_call c = refused_after_429();
    const retry_step step = c.step_after(found(false));
    CHECK(played_call::tell(step) == "conflict, effect none");
    REQUIRE(step.note != nullptr);
    CHECK(std::string(step.note).find("lost") == std::string::npos); // no answer was
}

TEST_CASE("confirm_after_429_room_not_found_ends_with_the_refusal")
{
    for (const attempt_result& refusal : {answered(create, 409), answered(create, 400)}) {
        const std::string expected = std::string(roomctl::error_name(refusal.error)) + ", effect none";
        played_call c(create);
        CHECK(c.ends(answered(create, 429)) == "send");
        CHECK(c.ends(refusal) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == "send");
        CHECK(c.fsm.effect() == effect::none);
        CHECK(c.ends(refusal) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == expected);
    }
}

TEST_CASE("confirm_after_429_cut_short_ends_with_the_refusal")
{
    played_call settling = refused_after_429();
    settling.deadline = settling.now + 500ms;
    CHECK(settling.ends(not_there()) == "conflict, effect none");

    played_call late = refused_after_429();
    CHECK(late.ends(not_there()) == "look after 500 ms");
    late.now = late.deadline;
    CHECK(late.ends(not_there()) == "conflict, effect none");

    retry_policy p;
    p.budget = 10; // the 429's retry, the second look
    played_call poor = refused_after_429(p);
    CHECK(poor.ends(not_there()) == "look after 500 ms");
    CHECK(poor.ends(not_there()) == "conflict, effect none");
}

TEST_CASE("confirm_after_429_second_create_that_is_lost_counts_as_lost")
{
    played_call c = refused_after_429();
    c.ends(not_there());
    CHECK(c.ends(not_there()) == "send");
    CHECK(c.ends(unanswered(create)) == "look");
    CHECK(c.ends(not_there()) == "look after 500 ms");
    CHECK(c.ends(not_there()) == "outcome_unknown, effect unknown");
}

TEST_CASE("confirm_after_429_second_create_that_is_refused_ends_with_that_refusal")
{
    played_call c = refused_after_429();
    c.ends(not_there());
    CHECK(c.ends(not_there()) == "send");
    CHECK(c.ends(answered(create, 403)) == "forbidden, effect none");
}
