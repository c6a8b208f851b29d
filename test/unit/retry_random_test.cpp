// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <iterator>
#include <random>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using namespace std::chrono_literals;
using detail::attempt_result;
using detail::request_role;
using detail::retry_step;

// Whatever the service does, a call ends, and says "none" only if no attempt may have been carried out.
TEST_CASE("retry_fsm_random_calls_end_and_tell_the_effect_truly")
{
    constexpr kind create = kind::create_room;
    constexpr kind get = kind::get_room;
    std::mt19937_64 random(20'260'102);
    const errc no_answer[] = {errc::connection_lost, errc::truncated_response, errc::write_timeout,
                              errc::response_timeout, errc::malformed_response};
    const unsigned statuses[] = {200, 302, 400, 401, 403, 404, 408, 409, 421, 429, 500, 501, 503};

    for (int call = 0; call < 60'000; ++call) {
        CAPTURE(call);
        retry_policy p;
        p.unsent_attempts = p.ambiguous_attempts = p.throttled_attempts =
            1 + static_cast<unsigned>(random() % 5);
        p.budget = random() % 4 == 0 ? 20 : 0;
        p.confirm_creates = random() % 5 != 0;
        p.accept_missing_on_delete = random() % 5 == 0;
        p.confirm_conflicts = random() % 4 == 0;
        const kind k = every_kind[random() % std::size(every_kind)];
        played_call c(k, p);
        const auto favourite = random(); // most failures of a call are alike
        bool may_be_carried_out = false;
        int creates = 0;
        int steps = 0;
        retry_step step;
        step.what = retry_step::action::send;

        while (step.what != retry_step::action::finish) {
            REQUIRE(++steps < 60);
            const bool operation = c.fsm.role() == request_role::operation;
            const kind asked = operation ? k : get;
            const auto choice = random() % 3 == 0 ? random() : favourite;
            attempt_result r;
            if (choice % 10 == 0)
                r = unsent();
            else if (choice % 10 < 4)
                r = unanswered(asked, no_answer[choice / 10 % std::size(no_answer)]);
            else
                r = answered(asked, statuses[choice / 10 % std::size(statuses)]);
            if (r.error == errc::rate_limited && random() % 4 == 0) r.retry_after = 1s;
            r.other_credentials = random() % 2 == 0;
            r.matches = random() % 2 == 0;
            c.random = random();
            if (random() % 100 == 0) c.now = c.deadline;

            const bool sent = r.how != detail::failure::unsent || !r.error;
            if (operation && sent && k != get && r.effect != effect::none) may_be_carried_out = true;
            if (operation && k == create && r.effect == effect::unknown) ++creates;

            if (r.error == errc::connection_lost && random() % 3 == 0) {
                const retry_step replay = c.fsm.on_dead_connection(p);
                if (replay.what == retry_step::action::send) {
                    REQUIRE((replay.role == request_role::confirmation || k != create));
                    step = replay;
                    continue;
                }
            }
            step = c.step_after(r);
            if (step.what == retry_step::action::finish) break;
            REQUIRE(step.role == c.fsm.role());
            REQUIRE(step.delay >= detail::clock::duration::zero());
            REQUIRE(step.delay < c.deadline - c.now + 1ns);
            if (may_be_carried_out) REQUIRE(c.fsm.effect() == effect::unknown);
        }

        CAPTURE(to_string(k));
        CAPTURE(played_call::tell(step));
        REQUIRE(creates <= 2);
        if (k == get) REQUIRE(step.effect == effect::none);
        if (may_be_carried_out) REQUIRE(step.effect != effect::none);
        if (step.confirmed) REQUIRE((k == create && !step.error && step.effect == effect::applied));
        if (step.effect == effect::applied) REQUIRE(!step.error);
        if (k == create) REQUIRE((step.error != errc::not_found || steps == 1 || !may_be_carried_out));
        if (step.error == errc::outcome_unknown) REQUIRE((k == create && step.effect == effect::unknown));
    }
}
