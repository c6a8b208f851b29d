// SPDX-License-Identifier: BSL-1.0

// Row 80: something in between repeats a request; a copy is carried out, and the original refused.
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

attempt_result refused() { return answered(create, 409); }

played_call looking_create()
{
    retry_policy p;
    p.confirm_conflicts = true;
    played_call c(create, p);
    REQUIRE(c.ends(refused()) == "look");
    return c;
}

} // namespace

TEST_CASE("fault_80_first_conflict_is_taken_at_its_word_by_default")
{
    played_call c(create);
    CHECK(c.ends(refused()) == "conflict, effect none");
}

TEST_CASE("fault_80_first_conflict_leads_to_a_look_if_asked_for")
{
    struct
    {
        const char* what;
        kind of;
        attempt_result refusal;
        std::string next;
    } cases[] = {
        {"409", create, refused(), "look"},
        {"400 that says so", create, answered(create, 400, R"({"message":"the room already exists"})"),
         "look"},
        {"another 400", create, answered(create, 400, R"({"message":"name must be a string"})"),
         "bad_request, effect none"},
        {"403", create, answered(create, 403), "forbidden, effect none"},
        {"409 to a delete", kind::delete_room, answered(kind::delete_room, 409), "bad_request, effect none"},
        {"409 to a change", kind::set_status, answered(kind::set_status, 409), "bad_request, effect none"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        retry_policy p;
        p.confirm_conflicts = true;
        played_call played(c.of, p);
        CHECK(played.ends(c.refusal) == c.next);
    }
}

TEST_CASE("fault_80_look_after_a_first_conflict_decides")
{
    SUBCASE("the members asked for: this call's own request may have made the room")
    {
        played_call c = looking_create();
        CHECK(c.fsm.effect() == effect::unknown); // to whoever cancels now
        CHECK(c.ends(found(true)) == "success, effect applied, confirmed");
    }
    SUBCASE("other members: it is another's")
    {
        played_call c = looking_create();
        const retry_step step = c.step_after(found(false));
        CHECK(played_call::tell(step) == "conflict, effect none");
        REQUIRE(step.note != nullptr);
        CHECK(std::string(step.note).find("lost") == std::string::npos);
    }
    SUBCASE("gone by then: it is created once more, and not a third time")
    {
        played_call c = looking_create();
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == "send");
        CHECK(c.ends(refused()) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == "conflict, effect none");
    }
    SUBCASE("no look succeeds: nobody knows")
    {
        played_call c = looking_create();
        for (int i = 0; i < 3; ++i)
            REQUIRE(c.ends(answered(kind::get_room, 503)) == "look");
        CHECK(c.ends(answered(kind::get_room, 503)) == "outcome_unknown, effect unknown");
    }
}

TEST_CASE("fault_80_confirm_conflicts_needs_confirm_creates")
{
    retry_policy p;
    p.confirm_conflicts = true;
    p.confirm_creates = false;
    played_call c(create, p);
    CHECK(c.ends(refused()) == "conflict, effect none");
}

// The same of a delete, which a proxy may repeat: the second copy finds nothing.
TEST_CASE("fault_80_first_404_of_a_delete_is_taken_at_its_word_unless_it_is_accepted")
{
    played_call strict(kind::delete_room);
    CHECK(strict.ends(answered(kind::delete_room, 404)) == "not_found, effect none");

    retry_policy p;
    p.accept_missing_on_delete = true;
    played_call lenient(kind::delete_room, p);
    CHECK(lenient.ends(answered(kind::delete_room, 404, no_such_room)) == "success, effect none");
}
