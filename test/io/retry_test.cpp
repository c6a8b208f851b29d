// SPDX-License-Identifier: BSL-1.0
// Calls that are tried again, and creates that are confirmed.
#include "support/retrying.hpp"

#include <watchers/rooms/observer.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using boost::asio::cancellation_type;
using rig = watchers::rooms::test::rig;

// A random number that makes a first wait of half the base.
constexpr std::uint64_t half_base = 50'000'000;

class retry_log final : public observer
{
public:
    void on_attempt_end(const attempt_end& a) override
    {
        lines.push_back(std::string(a.confirmation ? "look " : "attempt ") + std::to_string(a.attempt) + ' ' +
                        std::to_string(a.http_status));
    }
    void on_retry(const retry_planned& p) override
    {
        lines.push_back(
            std::string(p.confirmation ? "confirm " : "retry ") +
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(p.delay).count()));
    }
    void on_call_end(const call_end& c) override { lines.push_back("end " + c.error.message()); }

    std::vector<std::string> lines;
};

// Begins a call in each hook, some times.
class busy_observer final : public observer
{
public:
    void on_call_start(const call_start&) override { begin(); }
    void on_attempt_end(const attempt_end&) override { begin(); }
    void on_retry(const retry_planned&) override { begin(); }
    void on_call_end(const call_end&) override { begin(); }

    rig* client = nullptr;
    int left = 0;

private:
    void begin()
    {
        if (left == 0) return;
        --left;
        client->voice("r", left % 2 == 0);
    }
};

} // namespace

TEST_CASE("retry waits_and_succeeds")
{
    // Setup
    rig r(retrying());
    r.sim.next_random = half_base;
    call_record& call = r.voice("r", true);
    r.open_all();

    // Run
    r.newest().answer(unavailable());
    CHECK(requests(r) == 1);
    CHECK(r.stats().busy_connections == 0); // the wait holds none
    r.sim.advance(49ms);
    CHECK(requests(r) == 1);
    r.sim.advance(1ms);
    REQUIRE(requests(r) == 2);
    serve(r, r.newest());

    // Check
    CHECK(call.ending() == success());
    CHECK(call.diagnostics.attempts() == 2);
    CHECK(call.diagnostics.last_failure() == errc::server_error);
    CHECK(call.diagnostics.message().empty());
    CHECK(r.stats().retries == 1);
    CHECK(at_rest(r));
}

TEST_CASE("retry interrupted_while_it_waits")
{
    const std::string_view first_answers[] = {"503", "429"};
    for (const auto status : first_answers) {
        CAPTURE(status);
        for (int how = 0; how < 4; ++how) {
            CAPTURE(how);
            // Setup
            rig r(retrying());
            r.sim.next_random = half_base;
            call_record& call = r.voice("r", true);
            r.open_all();
            r.newest().answer(status == "503" ? unavailable("Retry-After: 20\r\n")
                                              : throttled("Retry-After: 20\r\n"));
            call_record& drained = r.drain();

            // Run
            if (how == 0) r.cancel(call);
            if (how == 1) r.cancel(call, cancellation_type::total);
            if (how == 2) r.stop();
            if (how == 3) r.abandon();
            r.sim.poll();

            // Check
            const auto told = status == "503" ? effect::unknown : effect::none;
            if (how == 0) CHECK(call.ending() == ending(errc::cancelled, told, phase::backoff));
            if (how == 1) {
                CHECK_FALSE(call.done()); // a request was sent
                r.sim.advance(21s);
                serve(r, r.newest());
                CHECK(call.ending() == success());
            }
            if (how == 2) CHECK(call.ending() == ending(errc::shutting_down, told, phase::backoff));
            if (how == 3) {
                CHECK_FALSE(call.done());
                CHECK_FALSE(call.handler_lives());
                continue;
            }
            CHECK(drained.done());
            CHECK(call.handler_calls == 1);
            CHECK(at_rest(r));
        }
    }
}

TEST_CASE("retry denied_by_the_budget_is_counted")
{
    config c = retrying();
    c.retry.budget = 5;
    rig r(c);
    call_record& call = r.get("r");
    r.open_all();
    r.newest().answer(unavailable());
    r.newest().answer(unavailable());
    r.sim.poll();
    CHECK(call.error == errc::server_error);
    CHECK_FALSE(call.diagnostics.note().empty());
    CHECK(r.stats().retries == 1);
    CHECK(r.stats().retries_denied == 1);
}

TEST_CASE("retry by_a_policy_of_the_call")
{
    // Setup
    rig r(retrying());
    retry_policy wrong;
    wrong.unsent_attempts = 0;

    // Run
    call_record& once = r.get("1", call_options().retry(retry_policy::none()));
    call_record& refused = r.get("2", call_options().retry(wrong));
    r.open_all();
    r.newest().answer(unavailable());
    r.sim.poll();

    // Check
    CHECK(once.ending() == ending(errc::server_error, effect::none, phase::answered));
    CHECK(refused.error == errc::invalid_argument);
    CHECK(refused.diagnostics.message().find("unsent_attempts") != std::string::npos);
    CHECK(at_rest(r));
    // The next call, on the same object, has the client's again.
    call_record& next = r.get("3");
    r.newest().answer(unavailable());
    CHECK_FALSE(next.done());
    serve(r, r.newest());
    CHECK(next.ending() == success(effect::none));
}

TEST_CASE("retry told_to_the_observer")
{
    // Setup
    const auto log = std::make_shared<retry_log>();
    config c = retrying(1);
    c.observer = log;
    rig r(c);
    r.sim.next_random = half_base;
    call_record& call = r.create("r");

    // Run
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.sim.advance(50ms);
    r.open_all();
    r.newest().answer(unavailable()); // a look follows at once
    r.newest().answer(not_there());
    r.sim.advance(500ms);
    r.newest().answer(created("r"));
    r.sim.poll();

    // Check
    CHECK(call.ending() == success());
    CHECK(call.diagnostics.confirmed());
    CHECK(call.room.confirmed());
    const std::vector<std::string> expected{
        "attempt 1 0", "retry 50",    "attempt 1 503", "confirm 0",
        "look 2 404",  "confirm 500", "look 3 200",    "end " + error_code().message()};
    CHECK(log->lines == expected);
    CHECK(r.stats().confirmations == 1);
}

TEST_CASE("retry observer_whose_hooks_begin_calls")
{
    // Setup
    const auto busy = std::make_shared<busy_observer>();
    config c = retrying(2);
    c.observer = busy;
    rig r(c);
    busy->client = &r;
    busy->left = 30;

    // Run
    r.create("r");
    for (std::size_t n = 0; n < 200 && r.stats().calls > 0; ++n) {
        r.open_all();
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport(i);
            if (t.at() != scripted_transport::stage::ready || t.requests().size() == t.answered) continue;
            ++t.answered;
            t.answer(n % 3 == 0 ? unavailable() : created("r"));
        }
        r.sim.advance(100ms);
    }
    r.sim.poll();

    // Check
    CHECK(r.calls().size() == 31);
    for (const call_record& call : r.calls()) {
        CHECK(call.handler_calls == 1);
        CHECK_FALSE(call.error);
    }
    CHECK(at_rest(r));
}

TEST_CASE("confirm that_cannot_be_had_leaves_the_outcome_unknown")
{
    // What stops the look is told as the last failure.
    SUBCASE("no connection in time")
    {
        config c = retrying(1);
        c.pool_timeout = 1s;
        rig r(c);
        call_record& call = r.create("r");
        call_record& other = r.get("other");
        r.open_all();
        r.newest().answer(unavailable()); // the other call takes the connection
        r.sim.advance(2s);
        CHECK(call.ending() == ending(errc::outcome_unknown, effect::unknown, phase::confirm));
        CHECK(call.diagnostics.last_failure() == errc::pool_timeout);
        CHECK_FALSE(other.done());
    }
    SUBCASE("a pause that outlasts the call")
    {
        rig r(retrying());
        call_record& call = r.create("r", call_options().timeout(5s));
        call_record& other = r.get("other", call_options().timeout(5s));
        r.open_all();
        r.transport(1).answer(throttled("Retry-After: 9\r\n"));
        r.transport(0).answer(unavailable());
        r.sim.poll();
        CHECK(other.error == errc::rate_limited);
        CHECK(call.ending() == ending(errc::outcome_unknown, effect::unknown, phase::confirm));
        CHECK(call.diagnostics.last_failure() == errc::rate_limited);
        CHECK(at_rest(r));
    }
    SUBCASE("no credentials")
    {
        config c = retrying();
        c.credential_provider = [](const credential_reply& reply) { reply(errc::forbidden); };
        rig r(c);
        call_record& call = r.create("r");
        r.open_all();
        r.newest().answer(unavailable());
        r.newest().answer(unauthorized());
        r.sim.poll();
        CHECK(call.ending() == ending(errc::outcome_unknown, effect::unknown, phase::confirm));
        CHECK(call.diagnostics.last_failure() == errc::credentials_failed);
        CHECK(call.diagnostics.cause() == errc::forbidden);
        CHECK(at_rest(r));
    }
}

TEST_CASE("confirm that_finds_no_room_explains_nothing")
{
    // Setup
    rig r(retrying());
    call_record& c = r.create("r");
    r.open_all();

    // Run
    r.newest().answer(unavailable());
    r.newest().answer(not_there());
    r.sim.poll();
    CHECK(requests(r) == 2);
    r.cancel(c); // while it waits to look again
    r.sim.poll();

    // Check
    CHECK(c.ending() == ending(errc::cancelled, effect::unknown, phase::confirm));
    CHECK(c.diagnostics.last_failure() == errc::server_error);
    CHECK(c.diagnostics.http_status() == 503);
    CHECK(c.diagnostics.message() == "later");
    CHECK(at_rest(r));
}

TEST_CASE("confirm by_an_answer_that_names_no_room_is_none")
{
    for (const char* const body :
         {"{}", R"({"data":{"roomId":"r","name":"a name"}})", R"({"isSpeak":false})"}) {
        CAPTURE(body);
        // Setup
        rig r(retrying());
        const call_record& c = r.create("r");
        r.open_all();
        r.transport(0).reset();
        r.open_all();

        // Run
        r.newest().answer(ok(body));
        r.sim.poll();

        // Check
        CHECK(c.ending() == ending(errc::outcome_unknown, effect::unknown, phase::confirm));
        CHECK(c.diagnostics.last_failure() == errc::bad_body);
        CHECK(at_rest(r));
    }
}

TEST_CASE("confirm interrupted_at_each_stage")
{
    for (int stage = 0; stage < 4; ++stage) {
        CAPTURE(stage);
        for (const bool by_deadline : {false, true}) {
            // Setup
            rig r(retrying());
            call_record& call = r.create("r");
            r.open_all();
            r.newest().answer(unavailable());
            if (stage >= 1) r.newest().answer(not_there());              // settling
            if (stage >= 2) r.sim.advance(500ms);                        // looking again
            if (stage >= 3) r.newest().answer(answer("200 OK", "nope")); // over
            r.sim.poll();

            // Run
            if (by_deadline)
                r.sim.advance(1h);
            else
                r.cancel(call);

            // Check
            CHECK(call.handler_calls == 1);
            CHECK(call.diagnostics.effect() == effect::unknown);
            CHECK(call.diagnostics.phase() == phase::confirm);
            CHECK(at_rest(r));
        }
    }
}

TEST_CASE("retry of_ten_thousand_calls_that_fail_in_one_go")
{
    // Setup
    config c = retrying(2);
    c.retry.budget = 0;
    rig r(c);
    constexpr std::size_t many = 10'000;
    for (std::size_t i = 0; i < many; ++i)
        r.voice(i % 2 == 0 ? "same" : std::to_string(i), true, call_options().timeout(20s));

    // Run: nothing can be connected to, and then all deadlines pass at once.
    for (int i = 0; i < 20; ++i) {
        r.sim.resolved(boost::asio::error::host_not_found_try_again, {});
        r.sim.poll();
    }
    r.sim.advance(20s);

    // Check
    std::size_t completed = 0;
    for (const call_record& call : r.calls())
        completed += call.handler_calls == 1 && call.error && call.diagnostics.effect() == effect::none;
    CHECK(completed == many);
    r.sim.advance(1h);
    CHECK(at_rest(r));
}

TEST_CASE("retry replay_then_throttled_keeps_its_place_in_no_list")
{
    // Setup: a call whose dead connection is being replaced when the service asks for a pause.
    rig r(retrying(2));
    scripted_transport& dead = r.warm_up();
    call_record& replayed = r.voice("1", true);
    call_record& other = r.get("2");
    r.open_all();
    scripted_transport& alive = r.newest();
    REQUIRE(alive.requests().size() == 1);
    dead.reset();
    REQUIRE(r.stats().opening_connections == 1);

    // Run
    alive.answer(throttled("Retry-After: 2\r\n"));
    r.open_all();

    // Check
    CHECK(r.stats().idle_connections == 2);
    CHECK(r.stats().throttled_calls == 1);
    CHECK(requests(r) == 3);
    r.sim.advance(2s);
    CHECK(requests(r) == 5);
    for (std::size_t i = 0; i < r.sim.transports(); ++i)
        serve(r, r.transport(i));
    CHECK(replayed.ending() == success());
    CHECK(other.ending() == success(effect::none));
    CHECK(at_rest(r));
}
