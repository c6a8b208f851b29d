// SPDX-License-Identifier: BSL-1.0

// Credentials that are asked for: at the first call, and when the service refuses those in use.

#include "dialects.hpp"
#include "retries.hpp"

#include <watchers/rooms/awaitable_credentials.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

using namespace net;
using rooms::credential_reply;
using rooms::credentials;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

struct asked_rig : rig
{
    explicit asked_rig(rooms::credential_provider p, bool from_the_start = false, mode m = mode::plain,
                       const dialect_case& d = vendor_dialect)
        : rig(speaking(d))
        , how(d)
    {
        rooms::config c = net::config_for(server, m);
        quick_retries(c);
        c.credential_provider = std::move(p);
        if (from_the_start) c.credentials = credentials();
        own_client.emplace(executor_for(io, m), c);
        server.put(sandbox::stored_room("r", "Room", "About"));
    }

    std::uint64_t refused() const { return server.counters().responses(how.token_status); }

    const dialect_case& how;
};

credentials renewed() { return {"sandbox", "renewed"}; }

// Keeps questions until the test answers them.
struct held_questions
{
    rooms::credential_provider provider()
    {
        return [this](credential_reply r) {
            ++count;
            last.emplace(std::move(r));
        };
    }

    int count = 0;
    std::optional<credential_reply> last;
};

// How a call ends whose credentials are refused, and whose provider is this.
outcome refused_with(rooms::credential_provider p)
{
    asked_rig r(std::move(p));
    r.server.set_credentials("sandbox", "renewed");
    return r.call<create_room>();
}

void check_failed(const outcome& o, rooms::error_code cause)
{
    CHECK(o.error == errc::credentials_failed);
    CHECK(o.diagnostics.cause() == cause);
    CHECK(o.diagnostics.phase() == rooms::phase::credentials);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(o.diagnostics.last_failure() == vendor_dialect.token_error);
}

} // namespace

// Row 63.
TEST_CASE("renewal_asks_once_for_all_calls_and_sends_each_once_more")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        held_questions questions;
        asked_rig r(questions.provider(), false, m);
        r.server.set_credentials("sandbox", "renewed");
        std::array<outcome, 8> calls;
        for (outcome& o : calls)
            start<get_room>(r.client(), o);
        run_until(r.io, [&] { return questions.count == 1 && r.refused() == calls.size(); });

        CHECK(r.client().stats().credentials_asked == 1);
        (*questions.last)(renewed());
        run_all(r.io);

        for (const outcome& o : calls) {
            CHECK(o.completions == 1);
            CHECK(!o.error);
            CHECK(o.diagnostics.attempts() == 2);
            CHECK(o.diagnostics.last_failure() == vendor_dialect.token_error);
        }
        CHECK(questions.count == 1);
        CHECK(r.refused() == calls.size());
        CHECK(requests(r, sandbox::operation::get) == 2 * calls.size());
        CHECK(!r.call<get_room>().error);
        CHECK(r.refused() == calls.size()); // the new ones stay
    }
}

TEST_CASE("renewal_serves_each_operation")
{
    for (const dialect_case* const d : all_dialects) {
        CAPTURE(d->name);
        for (const op o : {op::create, op::get, op::voice, op::status, op::remove}) {
            CAPTURE(static_cast<int>(o));
            asked_rig r([](const credential_reply& reply) { reply(renewed()); }, false, mode::plain, *d);
            if (o == op::create) r.server.clear();
            r.server.set_credentials("sandbox", "renewed");

            const outcome told = call(r, o);

            CHECK(!told.error);
            CHECK_FALSE(told.diagnostics.confirmed());
            CHECK(told.diagnostics.attempts() == 2);
            CHECK(told.diagnostics.last_failure() == d->token_error);
            CHECK(requests(r, sandbox::operation::any) == 2);
            CHECK(r.server.creations("r") == (o == op::create ? 1 : 0));
        }
    }
}

TEST_CASE("renewal_happens_in_a_confirmation_too")
{
    for (const unsigned status : {401U, 403U}) {
        CAPTURE(status);
        asked_rig r([](const credential_reply& reply) { reply(credentials("sandbox", "sandbox")); });
        r.server.clear();
        r.server.inject(fault::drop_after().on(sandbox::operation::create));
        r.server.inject(fault::respond(status).on(sandbox::operation::get));

        const outcome o = r.call<create_room>();

        CHECK(!o.error);
        CHECK(o.diagnostics.confirmed());
        CHECK(r.server.creations("r") == 1);
        CHECK(requests(r, sandbox::operation::create) == 1);
    }
}

// Row 62: a confirmation that gets "project not found" does not take the room for missing.
TEST_CASE("renewal_of_the_api_key")
{
    SUBCASE("of each operation")
    {
        for (const op o : {op::create, op::get, op::voice, op::status, op::remove}) {
            CAPTURE(static_cast<int>(o));
            asked_rig r([](const credential_reply& reply) { reply(credentials("renewed", "sandbox")); });
            if (o == op::create) r.server.clear();
            r.server.set_credentials("renewed", "sandbox");

            const outcome told = call(r, o);

            CHECK(!told.error);
            CHECK(told.diagnostics.attempts() == 2);
            CHECK(told.diagnostics.last_failure() == errc::unknown_project);
            CHECK(told.diagnostics.note().empty());
        }
    }
    SUBCASE("in a confirmation")
    {
        asked_rig r([](const credential_reply& reply) { reply(credentials("sandbox", "sandbox")); });
        r.server.clear();
        r.server.inject(fault::drop_after().on(sandbox::operation::create));
        r.server.inject(fault::respond(404, R"({"statusCode":404,"message":"Project not found"})")
                            .on(sandbox::operation::get));

        const outcome o = r.call<create_room>();

        CHECK(!o.error);
        CHECK(o.diagnostics.confirmed());
        CHECK(requests(r, sandbox::operation::create) == 1);
        CHECK(requests(r, sandbox::operation::get) == 2);
    }
}

// Rows 62 and 63.
TEST_CASE("second_refusal_of_the_credentials_is_final")
{
    for (const dialect_case* const d : all_dialects) {
        CAPTURE(d->name);
        for (const bool wrong_key : {false, true}) {
            CAPTURE(wrong_key);
            int questions = 0;
            asked_rig r(
                [&](const credential_reply& reply) {
                    ++questions;
                    reply(wrong_key ? credentials("still wrong", "renewed")
                                    : credentials("sandbox", "still wrong"));
                },
                false, mode::plain, *d);
            r.server.set_credentials("sandbox", "renewed");

            const outcome o = r.call<set_voice>();

            CHECK(o.error == (wrong_key ? d->key_error : d->token_error));
            CHECK(o.error == rooms::condition::credentials);
            CHECK(o.diagnostics.effect() == effect::none);
            CHECK(o.diagnostics.attempts() == 2);
            CHECK(questions == 1);
            CHECK(requests(r, sandbox::operation::voice) == 2);
        }
    }
}

TEST_CASE("provider_that_gives_no_credentials_fails_the_calls_that_wait")
{
    SUBCASE("says why")
    {
        check_failed(refused_with([](const credential_reply& reply) {
                         reply(rooms::error_code(asio::error::host_unreachable));
                     }),
                     asio::error::host_unreachable);
    }
    SUBCASE("throws")
    {
        check_failed(refused_with([](const credential_reply&) { throw std::runtime_error("vault is shut"); }),
                     errc::credentials_failed);
    }
    SUBCASE("forgets")
    {
        check_failed(refused_with([](const credential_reply&) {}), errc::credentials_failed);
    }
    SUBCASE("gives some that cannot be sent")
    {
        check_failed(
            refused_with([](const credential_reply& reply) { reply(credentials("a\r\nX-Evil: 1", "b")); }),
            errc::invalid_argument);
    }
}

TEST_CASE("provider_that_failed_is_asked_again_by_the_next_call")
{
    int questions = 0;
    asked_rig r([&](const credential_reply& reply) {
        if (++questions == 1)
            reply(rooms::error_code(asio::error::timed_out));
        else
            reply(renewed());
    });
    r.server.set_credentials("sandbox", "renewed");
    CHECK(r.call<get_room>().error == errc::credentials_failed);
    CHECK(!r.call<get_room>().error);
    CHECK(questions == 2);
}

TEST_CASE("provider_that_does_not_answer_in_time_has_failed")
{
    held_questions questions;
    asked_rig r(questions.provider());
    rooms::config c = net::config_for(r.server);
    quick_retries_of_short_attempts(c);
    c.credential_provider = questions.provider();
    r.own_client.emplace(r.io.get_executor(), c);
    r.server.set_credentials("sandbox", "renewed");

    check_failed(r.call<create_room>(), make_error_code(boost::system::errc::timed_out));

    const credential_reply late = *questions.last;
    late(renewed()); // is thrown away
    outcome next;
    start<get_room>(r.client(), next);
    run_until(r.io, [&] { return questions.count == 2; });
    (*questions.last)(renewed());
    run_all(r.io);
    CHECK(!next.error);
}

TEST_CASE("deadline_ends_a_call_that_waits_for_credentials")
{
    held_questions questions;
    asked_rig r(questions.provider());
    r.server.set_credentials("sandbox", "renewed");

    const outcome o = r.call<set_voice>(100ms);

    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::credentials);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.last_failure() == vendor_dialect.token_error);
}

TEST_CASE("destroyed_client_ends_calls_that_wait_for_credentials")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        held_questions questions;
        asked_rig r(questions.provider(), true, m);
        outcome o;
        start<get_room>(r.client(), o);
        run_until(r.io, [&] { return questions.count == 1; });
        r.own_client.reset();
        run_all(r.io);
        CHECK(o.completions == 1);
        CHECK(o.error == errc::shutting_down);
        CHECK(o.diagnostics.phase() == rooms::phase::credentials);
        (*questions.last)(renewed()); // to nobody
        run_all(r.io);
    }
}

// A configuration without credentials of its own.
TEST_CASE("credentials_from_a_provider_only_are_asked_for_before_the_first_request")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        sandbox::server server;
        asio::io_context io;
        held_questions questions;
        rooms::config c(questions.provider());
        c.base_url = server.base_url();
        c.trust = rooms::trust::ca_pem(server.ca_pem());
        if (m == mode::plain) c.threading = rooms::threading::single;
        rooms::client client(executor_for(io, m), c);
        std::array<outcome, 4> calls;
        for (outcome& o : calls)
            client.async_get_room("none", o.diagnostics, o.handler());
        run_until(io, [&] { return questions.count == 1; });
        CHECK(server.counters().connections_accepted == 0);

        (*questions.last)(credentials("sandbox", "sandbox"));
        run_all(io);

        for (const outcome& o : calls) {
            CHECK(o.error == errc::not_found);
            CHECK(o.diagnostics.attempts() == 1);
        }
        CHECK(questions.count == 1);
        CHECK(server.counters().responses(vendor_dialect.token_status) == 0);
    }
}

TEST_CASE("credentials_from_a_provider_only_that_fails_send_nothing")
{
    asked_rig r([](const credential_reply& reply) { reply(rooms::error_code(asio::error::no_permission)); },
                true);
    const outcome o = r.call<create_room>();
    CHECK(o.error == errc::credentials_failed);
    CHECK(o.diagnostics.cause() == asio::error::no_permission);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(r.server.counters().connections_accepted == 0);
}

// Providers that are coroutines

namespace {

asio::awaitable<credentials> give_renewed()
{
    co_await asio::post(asio::use_awaitable);
    co_return renewed();
}

outcome refused_with_coroutine(const std::function<void()>& thrower)
{
    asked_rig r([](const credential_reply&) {});
    rooms::config c = net::config_for(r.server);
    quick_retries(c);
    const auto body = [thrower]() -> asio::awaitable<credentials> {
        co_await asio::post(asio::use_awaitable);
        thrower();
        co_return renewed();
    };
    c.credential_provider = rooms::awaitable_credentials(r.io.get_executor(), body);
    r.own_client.emplace(r.io.get_executor(), c);
    r.server.set_credentials("sandbox", "renewed");
    return r.call<set_voice>();
}

} // namespace

TEST_CASE("provider_that_is_a_coroutine_is_asked_once_for_each_question")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        int questions = 0;
        std::string token = "second";
        asked_rig r([](const credential_reply&) {}, false, m);
        rooms::config c = net::config_for(r.server, m);
        // What it captures lives until it has ended, though each question has a coroutine of its own.
        const std::string key = "a key that is too long for the small string optimisation";
        const auto body = [&questions, &token, key]() -> asio::awaitable<credentials> {
            ++questions;
            co_await asio::post(asio::use_awaitable);
            co_return credentials(key, token);
        };
        c.credential_provider = rooms::awaitable_credentials(r.io.get_executor(), body);
        r.own_client.emplace(executor_for(r.io, m), c);
        for (const char* next : {"second", "third"}) {
            token = next;
            r.server.set_credentials(key, token);
            std::array<outcome, 3> calls;
            for (outcome& o : calls)
                start<get_room>(r.client(), o);
            run_all(r.io);
            for (const outcome& o : calls)
                CHECK(!o.error);
        }
        CHECK(questions == 2);
    }
}

TEST_CASE("provider_that_is_a_coroutine_runs_on_the_executor_it_was_given")
{
    asio::thread_pool pool(1);
    asked_rig r(rooms::awaitable_credentials(pool.get_executor(), &give_renewed));
    r.server.set_credentials("sandbox", "renewed");
    CHECK(!r.call<get_room>().error);
    pool.join();
}

TEST_CASE("exception_of_a_provider_that_is_a_coroutine_is_the_cause")
{
    check_failed(
        refused_with_coroutine([] { throw boost::system::system_error(asio::error::connection_refused); }),
        asio::error::connection_refused);
    check_failed(refused_with_coroutine(
                     [] { throw std::system_error(std::make_error_code(std::errc::permission_denied)); }),
                 make_error_code(boost::system::errc::permission_denied));
    check_failed(refused_with_coroutine([] { throw rooms::error(errc::not_found); }), errc::not_found);
    check_failed(refused_with_coroutine([] { throw std::runtime_error("vault is shut"); }),
                 errc::credentials_failed);
    check_failed(refused_with_coroutine([] { throw 7; }), errc::credentials_failed);
    CHECK(!refused_with_coroutine([] {}).error);
}

TEST_CASE("provider_that_is_a_coroutine_dies_with_its_io_context")
{
    asio::io_context elsewhere; // is never run
    auto provider = rooms::awaitable_credentials(elsewhere.get_executor(), &give_renewed);
    asked_rig r(std::move(provider));
    r.server.set_credentials("sandbox", "renewed");
    outcome o;
    start<get_room>(r.client(), o, rooms::call_options().timeout(100ms));
    run_all(r.io);
    CHECK(o.error == errc::deadline_exceeded);
    CHECK(o.diagnostics.phase() == rooms::phase::credentials);
    r.own_client.reset();
}
