// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::attempt_result;

namespace {

constexpr kind repeatable[] = {kind::get_room, kind::set_voice, kind::set_status, kind::delete_room};

attempt_result with_other_credentials(attempt_result r)
{
    r.other_credentials = true;
    return r;
}

// How often a call goes on when every attempt ends in the same way.
int steps_before_the_end(played_call& c, const attempt_result& r)
{
    int steps = 0;
    while (steps < 1000 && c.step_after(r).what != detail::retry_step::action::finish)
        ++steps;
    return steps;
}

std::string note_of(const detail::retry_step& s) { return s.note == nullptr ? "" : s.note; }

} // namespace

TEST_CASE("retry_fsm_success_ends_the_call_with_the_effect_of_the_answer")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        const bool changes = k != kind::get_room;
        played_call c(k);
        CHECK(c.ends(answered(k, 200)) == (changes ? "success, effect applied" : "success, effect none"));
    }
}

TEST_CASE("retry_fsm_success_after_a_lost_attempt_is_a_success")
{
    played_call c(kind::set_status);
    CHECK(c.ends(unanswered(kind::set_status)) == "send");
    CHECK(c.ends(answered(kind::set_status, 200)) == "success, effect applied");
}

TEST_CASE("retry_fsm_limits_count_attempts_of_each_way_apart")
{
    retry_policy p;
    p.unsent_attempts = 2;
    p.ambiguous_attempts = 3;
    p.throttled_attempts = 4;
    for (const kind k : repeatable) {
        CAPTURE(to_string(k));
        const std::string unknown = k == kind::get_room ? "none" : "unknown";
        played_call c(k, p);
        CHECK(c.ends(answered(k, 429)) == "send");
        CHECK(c.ends(unsent()) == "send");
        CHECK(c.ends(unanswered(k)) == "send");
        CHECK(c.ends(answered(k, 429)) == "send");
        CHECK(c.ends(answered(k, 503)) == "send");
        CHECK(c.ends(answered(k, 429)) == "send");
        CHECK(c.ends(answered(k, 408)) == "request_timeout, effect " + unknown);
    }
}

TEST_CASE("retry_fsm_limits_of_each_way")
{
    for (const unsigned limit : {1U, 2U, 4U, 100U}) {
        CAPTURE(limit);
        retry_policy p;
        p.budget = 0;
        p.unsent_attempts = p.ambiguous_attempts = p.throttled_attempts = limit;
        REQUIRE(check(p) == "");
        for (const kind k : repeatable) {
            CAPTURE(to_string(k));
            const attempt_result failures[] = {
                unsent(),
                answered(k, 421),
                answered(k, 429),
                unanswered(k),
                unanswered(k, errc::response_timeout),
                answered(k, 408),
                answered(k, 500),
            };
            for (const attempt_result& r : failures) {
                CAPTURE(roomctl::error_name(r.error));
                played_call c(k, p);
                CHECK(steps_before_the_end(c, r) == static_cast<int>(limit) - 1);
            }
        }
    }
}

TEST_CASE("retry_fsm_421_counts_as_unsent")
{
    retry_policy p;
    p.unsent_attempts = 2;
    played_call c(kind::create_room, p);
    CHECK(c.ends(unsent()) == "send");
    CHECK(c.ends(answered(kind::create_room, 421)) == "misdirected_request, effect none");
}

TEST_CASE("retry_fsm_failure_without_limits_left_has_its_own_error_and_effect")
{
    const retry_policy once = retry_policy::none();
    const kind k = kind::set_voice;
    CHECK(played_call(k, once).ends(unsent(errc::tls_timeout)) == "tls_timeout, effect none");
    CHECK(played_call(k, once).ends(unanswered(k)) == "connection_lost, effect unknown");
    CHECK(played_call(k, once).ends(answered(k, 503)) == "server_error, effect unknown");
    CHECK(played_call(k, once).ends(answered(k, 429)) == "rate_limited, effect none");
}

TEST_CASE("retry_fsm_earlier_lost_attempt_makes_the_effect_of_any_failure_unknown")
{
    for (const kind k : {kind::set_voice, kind::set_status, kind::delete_room}) {
        CAPTURE(to_string(k));
        for (const attempt_result& last :
             {unsent(errc::tls_expired), answered(k, 403), answered(k, 400), answered(k, 401)}) {
            played_call c(k);
            CHECK(c.ends(unanswered(k)) == "send");
            CHECK(c.ends(last) == std::string(roomctl::error_name(last.error)) + ", effect unknown");
        }
    }
}

TEST_CASE("retry_fsm_get_never_has_an_effect")
{
    const kind k = kind::get_room;
    played_call c(k);
    CHECK(c.ends(unanswered(k)) == "send");
    CHECK(c.finds_dead_connection() == "send at once");
    c.fsm.on_interrupted();
    CHECK(c.fsm.effect() == effect::none);
    CHECK(c.ends(answered(k, 404)) == "not_found, effect none");
}

TEST_CASE("retry_fsm_none_sends_every_operation_once")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        const auto none = retry_policy::none();
        for (const attempt_result& r :
             {unsent(), unanswered(k), unanswered(k, errc::write_timeout), answered(k, 408), answered(k, 421),
              answered(k, 429), answered(k, 503)}) {
            CAPTURE(roomctl::error_name(r.error));
            played_call c(k, none);
            const bool unknown = k != kind::get_room && r.effect == effect::unknown;
            CHECK(c.ends(r) ==
                  std::string(roomctl::error_name(r.error)) + ", effect " + (unknown ? "unknown" : "none"));
            CHECK(c.budget.tokens() == 500);
        }
        CHECK(played_call(k, none).finds_dead_connection() == "success, effect none"); // no replay
    }
}

TEST_CASE("retry_fsm_operation_that_is_not_idempotent_is_not_sent_again_once_sent")
{
    for (const kind k : repeatable) {
        CAPTURE(to_string(k));
        retry_policy p;
        p.idempotent.erase(k);
        const std::string unknown = k == kind::get_room ? "none" : "unknown";
        CHECK(played_call(k, p).ends(unanswered(k)) == "connection_lost, effect " + unknown);
        CHECK(played_call(k, p).ends(answered(k, 503)) == "server_error, effect " + unknown);
        CHECK(played_call(k, p).ends(answered(k, 408)) == "request_timeout, effect " + unknown);
        CHECK(played_call(k, p).finds_dead_connection() == "success, effect none");

        CHECK(played_call(k, p).ends(unsent()) == "send");
        CHECK(played_call(k, p).ends(answered(k, 421)) == "send");
        CHECK(played_call(k, p).ends(answered(k, 429)) == "send");
        for (const kind other : repeatable)
            if (other != k) CHECK(played_call(other, p).ends(unanswered(other)) == "send");
    }
}

TEST_CASE("retry_fsm_replay_on_a_dead_connection_is_once_and_not_counted")
{
    retry_policy p;
    p.ambiguous_attempts = 2;
    for (const kind k : repeatable) {
        CAPTURE(to_string(k));
        const std::string unknown = k == kind::get_room ? "none" : "unknown";
        played_call c(k, p);

        CHECK(c.finds_dead_connection() == "send at once");
        CHECK(c.budget.tokens() == 500);
        CHECK(to_string(c.fsm.effect()) == unknown);

        CHECK(c.finds_dead_connection() == "success, effect none"); // no second one
        CHECK(c.ends(unanswered(k)) == "send");
        CHECK(c.ends(unanswered(k)) == "connection_lost, effect " + unknown);
    }
}

TEST_CASE("retry_fsm_replay_can_be_switched_off")
{
    retry_policy p;
    p.replay_on_dead_connection = false;
    played_call c(kind::get_room, p);
    CHECK(c.finds_dead_connection() == "success, effect none");
    CHECK(c.ends(unanswered(kind::get_room)) == "send");
}

TEST_CASE("retry_fsm_refusal_after_a_replay_has_an_unknown_effect")
{
    played_call c(kind::set_status);
    CHECK(c.finds_dead_connection() == "send at once");
    CHECK(c.ends(answered(kind::set_status, 403)) == "forbidden, effect unknown");
}

TEST_CASE("retry_fsm_401_is_asked_about_once")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        played_call c(k);
        const attempt_result refused = with_other_credentials(answered(k, 401));
        CHECK(c.ends(refused) == "ask");
        CHECK(c.budget.tokens() == 500);
        CHECK(c.ends(refused) == "unauthorized, effect none");
    }
}

TEST_CASE("retry_fsm_401_without_other_credentials_is_final")
{
    CHECK(played_call(kind::get_room).ends(answered(kind::get_room, 401)) == "unauthorized, effect none");
}

TEST_CASE("retry_fsm_401_is_asked_about_under_the_policy_none_too")
{
    played_call c(kind::create_room, retry_policy::none());
    CHECK(c.ends(with_other_credentials(answered(kind::create_room, 401))) == "ask");
    CHECK(c.ends(answered(kind::create_room, 200)) == "success, effect applied");
}

TEST_CASE("retry_fsm_401_after_a_lost_attempt_has_an_unknown_effect")
{
    const kind k = kind::delete_room;
    played_call c(k);
    CHECK(c.ends(unanswered(k)) == "send");
    CHECK(c.ends(with_other_credentials(answered(k, 401))) == "ask");
    CHECK(c.fsm.effect() == effect::unknown);
    CHECK(c.ends(with_other_credentials(answered(k, 401))) == "unauthorized, effect unknown");
}

TEST_CASE("retry_fsm_delete_404_at_first_is_not_found")
{
    played_call c(kind::delete_room);
    CHECK(c.ends(answered(kind::delete_room, 404)) == "not_found, effect none");
}

TEST_CASE("retry_fsm_delete_404_after_attempts_that_did_nothing_is_not_found")
{
    played_call c(kind::delete_room);
    CHECK(c.ends(unsent()) == "send");
    CHECK(c.ends(answered(kind::delete_room, 429)) == "send");
    CHECK(c.ends(answered(kind::delete_room, 421)) == "send");
    CHECK(c.ends(answered(kind::delete_room, 404)) == "not_found, effect none");
}

TEST_CASE("retry_fsm_delete_404_after_a_lost_attempt_is_success_with_a_note")
{
    const kind k = kind::delete_room;
    for (const attempt_result& lost : {unanswered(k), answered(k, 503), answered(k, 408)}) {
        played_call c(k);
        CHECK(c.ends(lost) == "send");
        const auto step = c.step_after(answered(k, 404, no_such_room));
        CHECK(played_call::tell(step) == "success, effect applied");
        CHECK(note_of(step).find("the room is gone") == 0);
        CHECK(c.budget.tokens() == 500);
    }
    played_call replayed(k);
    CHECK(replayed.finds_dead_connection() == "send at once");
    CHECK(replayed.ends(answered(k, 404, no_such_room)) == "success, effect applied");
}

TEST_CASE("retry_fsm_delete_404_may_be_accepted")
{
    retry_policy p;
    p.accept_missing_on_delete = true;
    played_call c(kind::delete_room, p);
    const auto step = c.step_after(answered(kind::delete_room, 404, no_such_room));
    CHECK(played_call::tell(step) == "success, effect none");
    CHECK(note_of(step) == "there was no such room");

    for (const kind other : {kind::get_room, kind::set_voice, kind::set_status, kind::create_room})
        CHECK(played_call(other, p).ends(answered(other, 404)) ==
              (other == kind::create_room ? "not_the_service, effect none" : "not_found, effect none"));
}

TEST_CASE("retry_fsm_404_of_another_operation_after_a_lost_attempt_is_not_found")
{
    played_call c(kind::set_voice);
    CHECK(c.ends(unanswered(kind::set_voice)) == "send");
    CHECK(c.ends(answered(kind::set_voice, 404)) == "not_found, effect unknown");
}

TEST_CASE("retry_fsm_interruption_of_an_attempt_makes_the_effect_unknown")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        played_call c(k);
        CHECK(c.fsm.effect() == effect::none);
        CHECK(c.ends(unsent()) == "send");
        CHECK(c.ends(answered(k, 429)) == "send");
        CHECK(c.fsm.effect() == effect::none);

        c.fsm.on_interrupted();
        CHECK(c.fsm.effect() == (k == kind::get_room ? effect::none : effect::unknown));
    }
}

TEST_CASE("retry_fsm_begin_forgets_the_call_before")
{
    played_call c(kind::delete_room);
    c.finds_dead_connection();
    for (int i = 0; i < 3; ++i)
        c.ends(unanswered(kind::delete_room));
    c.ends(with_other_credentials(answered(kind::delete_room, 401)));

    c.fsm.begin(kind::delete_room);

    CHECK(c.fsm.effect() == effect::none);
    CHECK(c.finds_dead_connection() == "send at once");
    c.fsm.begin(kind::delete_room);
    CHECK(c.ends(with_other_credentials(answered(kind::delete_room, 401))) == "ask");
    for (int i = 0; i < 3; ++i)
        CHECK(c.ends(unanswered(kind::delete_room)) == "send");
    CHECK(c.ends(unanswered(kind::delete_room)) == "connection_lost, effect unknown");
    c.fsm.begin(kind::delete_room);
    CHECK(c.ends(answered(kind::delete_room, 404)) == "not_found, effect none");
}
