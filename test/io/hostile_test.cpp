// SPDX-License-Identifier: BSL-1.0
// A server, or a network, that means harm: how much it can make a client send, wait and tell.
#include "support/retrying.hpp"

#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

enum class trick
{
    unavailable,
    throttled,
    misdirected,
    unauthorized,
    dead,
    garbage,
    missing,
    duplicate,
    found, // or done
    last = found,
};

bool ambiguous(trick t) { return t == trick::unavailable || t == trick::dead || t == trick::garbage; }

void play(trick t, scripted_transport& connection)
{
    switch (t) {
    case trick::unavailable: return connection.answer(unavailable("Retry-After: 0\r\n"));
    case trick::throttled: return connection.answer(throttled("Retry-After: 0\r\n"));
    case trick::misdirected: return connection.answer(answer("421 Misdirected Request", ""));
    case trick::unauthorized: return connection.answer(unauthorized());
    case trick::dead: return connection.reset();
    case trick::garbage: return connection.answer("HTTP/9 ok\r\n\r\n");
    case trick::missing: return connection.answer(not_there());
    case trick::duplicate: return connection.answer(answer("409 Conflict", ""));
    case trick::found: return connection.answer(created("r"));
    }
}

// The connection with a request that waits for its answer.
scripted_transport* asked(rig& r)
{
    for (std::size_t i = 0; i < r.sim.transports(); ++i) {
        scripted_transport& t = r.transport(i);
        if (!t.is_closed() && t.requests().size() > t.answered) return &t;
    }
    return nullptr;
}

// What became of one call.
class harm
{
public:
    std::size_t requests = 0;
    std::size_t creates_in_doubt = 0;
    std::size_t questions = 0; // to the credential provider
    bool changed_in_doubt = false;
    trick last{};
    ending end{{}, {}, {}};
};

// Plays tricks on a call until it ends. Other credentials are there whenever they are asked for.
harm torment(operation_kind kind, const std::function<trick(std::size_t)>& next)
{
    harm h;
    config c = retrying();
    c.timeout = 1h;
    c.credential_provider = [&h](const credential_reply& reply) {
        ++h.questions;
        reply(credentials("KEY-fresh", "TOKEN-fresh"));
    };
    rig r(c);
    r.warm_up().answered = 1;
    call_record& call = kind == operation_kind::create_room ? r.create("r") : r.voice("r", true);
    for (int idle = 0; !call.done() && idle < 100; ++idle) {
        r.sim.poll();
        r.open_all();
        scripted_transport* const t = asked(r);
        if (t == nullptr) {
            r.sim.advance(1s);
            continue;
        }
        idle = 0;
        ++t->answered;
        h.last = next(h.requests++);
        const bool changes = t->requests().back().starts_with("POST");
        if (changes && ambiguous(h.last)) {
            h.changed_in_doubt = true;
            h.creates_in_doubt += kind == operation_kind::create_room;
        }
        play(h.last, *t);
        r.sim.poll();
    }
    h.end = call.ending();
    CHECK(call.diagnostics.attempts() == h.requests);
    CHECK(at_rest(r));
    return h;
}

std::vector<trick> times(std::size_t n, trick t) { return std::vector<trick>(n, t); }

harm torment(operation_kind kind, const std::vector<std::vector<trick>>& parts)
{
    std::vector<trick> tricks;
    for (const auto& part : parts)
        tricks.insert(tricks.end(), part.begin(), part.end());
    return torment(kind, [&](std::size_t i) { return i < tricks.size() ? tricks[i] : trick::garbage; });
}

// By the default policy: three ways to fail, of 4, 4 and 6 attempts; a replay, and other credentials, once.
constexpr std::size_t most_of_a_change = 1 + 3 + 3 + 5 + 1 + 1;
// A create may be sent a second time, and is looked for twice, each time.
constexpr std::size_t most_of_a_create = most_of_a_change + 1 + 2 * 2;

} // namespace

TEST_CASE("hostile most_requests_of_one_call")
{
    const harm change =
        torment(operation_kind::set_voice,
                {times(1, trick::dead), times(3, trick::unavailable), times(3, trick::misdirected),
                 times(5, trick::throttled), times(1, trick::unauthorized), times(1, trick::unavailable)});
    CHECK(change.requests == most_of_a_change);
    CHECK(change.end == ending(errc::server_error, effect::unknown, phase::answered));
    CHECK(change.questions == 1);

    const harm create =
        torment(operation_kind::create_room,
                {times(3, trick::misdirected), times(5, trick::throttled), times(1, trick::unauthorized),
                 times(3, trick::unavailable), times(1, trick::dead), times(1, trick::unavailable),
                 times(2, trick::missing), times(1, trick::garbage), times(2, trick::missing)});
    CHECK(create.requests == most_of_a_create);
    CHECK(create.end == ending(errc::outcome_unknown, effect::unknown, phase::confirm));
    CHECK(create.creates_in_doubt == 2);
}

TEST_CASE("hostile whatever_is_answered_a_call_ends_within_its_bounds")
{
    std::mt19937 random(7);
    std::uniform_int_distribution<int> any(0, static_cast<int>(trick::last));
    std::size_t most_change = 0;
    std::size_t most_create = 0;
    for (int round = 0; round < 3000; ++round) {
        CAPTURE(round);
        const bool creates = round % 2 == 0;
        // A success ends all: it is to be rare.
        const auto pick = [&](std::size_t) {
            const auto t = static_cast<trick>(any(random));
            return t == trick::found || t == trick::garbage ? static_cast<trick>(any(random)) : t;
        };
        const harm h = torment(creates ? operation_kind::create_room : operation_kind::set_voice, pick);

        REQUIRE(h.end.handler_calls == 1);
        auto& most = creates ? most_create : most_change;
        most = std::max(most, h.requests);
        CHECK(h.creates_in_doubt <= 2);
        CHECK(h.questions <= 1);
        if (h.changed_in_doubt && h.end.error) CHECK(h.end.effect == effect::unknown);
        if (!h.end.error) CHECK(h.last == trick::found);
    }
    CHECK(most_change <= most_of_a_change);
    CHECK(most_create <= most_of_a_create);
    CHECK(most_create >= 8); // the tricks reach deep
}

TEST_CASE("hostile service_that_is_down_is_not_asked_much_more")
{
    for (const bool creates : {false, true}) {
        CAPTURE(creates);
        config c = retrying();
        c.timeout = 1h;
        rig r(c);
        constexpr std::size_t many = 1000;
        for (std::size_t i = 0; i < many; ++i)
            creates ? r.create(std::to_string(i)) : r.voice(std::to_string(i), true);

        while (r.stats().calls > 0) {
            r.open_all();
            scripted_transport* const t = asked(r);
            if (t == nullptr) {
                r.sim.advance(1s);
                continue;
            }
            ++t->answered;
            t->answer(unavailable("Retry-After: 1\r\n"));
            r.sim.poll();
        }

        // 500 tokens are 100 retries; a create's first look takes none.
        CHECK(requests(r) == (creates ? 2 * many : many) + 100);
        CHECK(r.stats().retries == 100);
        CHECK(at_rest(r));
    }
}

TEST_CASE("hostile pause_is_no_longer_than_the_policy_allows_however_often_it_is_asked_for")
{
    // Setup
    config c = retrying(4);
    c.timeout = 1h;
    rig r(c);
    for (int i = 0; i < 4; ++i)
        r.get(std::to_string(i));
    r.open_all();
    const auto began = r.sim.now();

    // Run: all in flight ask for a pause, one after the other, and for far more than is granted.
    for (std::size_t i = 0; i < 4; ++i) {
        r.transport(i).answer(throttled("Retry-After: 99999999999999999999\r\n"));
        r.sim.advance(10s);
    }
    call_record& patient = r.get("patient");
    while (requests(r) == 4 && r.sim.now() - began < 1h) {
        r.sim.advance(1s);
        r.open_all();
    }

    // Check: 60 s after the last of them, which was sent before the first.
    CHECK(r.sim.now() - began <= 30s + 60s);
    serve(r, r.newest());
    CHECK(patient.ending() == success(effect::none));
}

TEST_CASE("hostile room_that_is_never_answered_for_holds_up_no_other")
{
    // Setup
    rig r(retrying(2));
    call_record& stuck = r.voice("stuck", true);
    std::vector<call_record*> behind;
    for (int i = 0; i < 5; ++i)
        behind.push_back(&r.voice("stuck", i % 2 == 0));
    r.open_all();

    // Run
    for (int i = 0; i < 50; ++i) {
        call_record& other = r.voice(std::to_string(i), true);
        r.open_all();
        serve(r, r.newest());
        CHECK(other.ending() == success());
    }
    for (int i = 0; i < 40; ++i) {
        r.sim.advance(1s);
        r.open_all();
    }

    // Check
    CHECK(stuck.ending().effect == effect::unknown);
    for (const call_record* call : behind)
        CHECK(call->ending() == ending(errc::deadline_exceeded, effect::none, phase::turn));
    CHECK(at_rest(r));
}

TEST_CASE("hostile answer_that_repeats_the_credentials")
{
    const std::string key(rig::api_key);
    const std::string token(rig::token);
    std::string endless;
    while (endless.size() < 1'000'000)
        endless += token;
    const std::string bodies[] = {R"({"message":"bad key )" + key + R"( or token ')" + token + R"('"})",
                                  "GET / HTTP/1.1\r\nx-api-key: " + key + "\r\nAuthorization: Bearer " +
                                      token,
                                  std::string(505, 'x') + token, // would be cut within
                                  endless};
    for (const std::string& body : bodies) {
        rig r(retrying());
        call_record& call = r.get("r");
        r.open_all();
        r.newest().answer(answer("400 Bad Request", body));
        r.sim.poll();
        const std::string told = error(call.error, call.diagnostics).what();
        CHECK(call.error == errc::bad_request);
        CHECK(told.find(key) == told.npos);
        CHECK(told.find("TOKEN") == told.npos);
        CHECK(call.diagnostics.message().size() <= 512);
    }
}

TEST_CASE("hostile words_of_one_answer_are_not_told_of_another")
{
    rig r(retrying());
    call_record& call = r.get("r");
    r.open_all();
    r.newest().answer(unavailable("Retry-After: 1\r\n"));
    r.sim.advance(2s);
    r.newest().answer(ok("soon"));
    r.sim.poll();
    CHECK(call.ending() == ending(errc::bad_body, effect::none, phase::answered));
    CHECK(call.diagnostics.http_status() == 200);
    CHECK(call.diagnostics.message().empty());
    CHECK_FALSE(call.diagnostics.retry_after());
    CHECK(call.diagnostics.last_failure() == errc::server_error);
}

TEST_CASE("hostile cause_stays_on_the_line")
{
    class forged_category final : public boost::system::error_category
    {
    public:
        const char* name() const noexcept override { return "forged"; }
        std::string message(int) const override { return "no\r\nroot logged in\x1b[2J"; }
    };
    static const forged_category forged;
    config c = retrying();
    c.credentials = credentials();
    c.credential_provider = [](const credential_reply& reply) { reply(error_code(1, forged)); };
    rig r(c);
    call_record& call = r.get("r");
    r.sim.poll();
    CHECK(call.error == errc::credentials_failed);
    CHECK(call.diagnostics.cause() == error_code(1, forged));
    CHECK(call.diagnostics.to_string().find_first_of("\r\n\x1b") == std::string::npos);
}

TEST_CASE("hostile credentials_that_were_replaced_are_kept_nowhere")
{
    simulation sim;
    std::string why;
    const config c = rig::plain_config();
    const auto e = std::make_shared<detail::engine>(sim.make_environment(), c,
                                                    *detail::parse_origin(c.base_url, false, why));
    e->open();
    e->set_credentials(credentials("KEY-fresh", "TOKEN-fresh"));
    CHECK(e->settings().credentials.empty());
    CHECK(e->credentials_in_use().heads().common().find(rig::token) == std::string::npos);
    e->stop();
}
