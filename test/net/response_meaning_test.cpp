// SPDX-License-Identifier: BSL-1.0

// Rows 62, 63, 66, 67, 68 and 90 over real TLS.

#include "bulk.hpp"
#include "retries.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

fault no_project() { return fault::respond(404, R"({"statusCode":404,"message":"Project not found"})"); }

fault page(unsigned status)
{
    return fault::respond(status, "<!DOCTYPE html><html>sign\x1B[31m in</html>")
        .field("Content-Type", "text/html; charset=utf-8");
}

void quick_and_accepting(rooms::config& c)
{
    quick_retries(c);
    c.retry.accept_missing_on_delete = true;
}

template <class Op>
outcome call_with(const fault& f, void (*tweak)(rooms::config&) = nullptr)
{
    rig r(sandbox::options(), tweak);
    prepare<Op>(r.server, true);
    r.server.inject(f);
    outcome o = r.call<Op>();
    CHECK(r.client().stats().idle_connections == 1);
    return o;
}

template <class Op>
void check(const fault& f, errc expected, effect of_change)
{
    const outcome o = call_with<Op>(f);
    CAPTURE(to_string(Op::kind));
    CHECK(o.error == expected);
    CHECK(o.diagnostics.effect() == (Op::kind == rooms::operation_kind::get_room ? effect::none : of_change));
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(o.diagnostics.message().find('\x1B') == std::string::npos);
}

void check_all(const fault& f, errc expected, effect of_change, errc of_create)
{
    check<get_room>(f, expected, of_change);
    check<set_voice>(f, expected, of_change);
    check<set_status>(f, expected, of_change);
    check<delete_room>(f, expected, of_change);
    check<create_room>(f, of_create, of_change);
}

// Runs gets of rooms that are there, one after the other.
std::pair<bulk_end, std::vector<rooms::bulk_result>> run_gets(rig& r, int count, std::size_t in_flight = 1)
{
    for (int i = 0; i < count; ++i)
        r.server.put(sandbox::stored_room("r" + std::to_string(i), "Room", "About"));
    std::pair<bulk_end, std::vector<rooms::bulk_result>> end;
    rooms::bulk_options o;
    o.max_in_flight = in_flight;
    r.client().async_bulk(
        gets(count), [&](rooms::bulk_result&& b) { end.second.push_back(std::move(b)); }, o,
        end.first.handler());
    run_all(r.io);
    CHECK(end.first.completions == 1);
    return end;
}

} // namespace

TEST_CASE("fault_62_unknown_project")
{
    check_all(no_project(), errc::unknown_project, effect::none, errc::unknown_project);
}

TEST_CASE("fault_62_no_delete_succeeds_by_an_unknown_project")
{
    CHECK(call_with<delete_room>(no_project(), quick_and_accepting).error == errc::unknown_project);

    rig r(sandbox::options(), quick_and_accepting);
    r.server.put(sandbox::stored_room("r", "Room", "About"));
    r.server.inject(fault::respond(503).on(sandbox::operation::remove));
    r.server.inject(no_project().on(sandbox::operation::remove).times(100));
    const outcome o = r.call<delete_room>();
    CHECK(o.error == errc::unknown_project);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(r.server.room_count() == 1);
}

TEST_CASE("fault_62_confirmation_does_not_read_an_unknown_project_as_not_there")
{
    rig r(sandbox::options(), quick_retries);
    r.server.inject(fault::drop_after().on(sandbox::operation::create));
    r.server.inject(no_project().on(sandbox::operation::get).times(100));
    const outcome o = r.call<create_room>();
    CHECK(o.error == errc::outcome_unknown);
    CHECK(o.diagnostics.last_failure() == errc::unknown_project);
    CHECK(requests(r, sandbox::operation::create) == 1);
}

TEST_CASE("fault_62_63_provider_is_asked_once")
{
    for (const fault& refusal : {no_project(), fault::respond(403, R"({"error":"Forbidden"})"), page(403)}) {
        for (const unsigned times : {1U, 100U}) {
            CAPTURE(times);
            rig r;
            rooms::config c = config_for(r.server);
            int asked = 0;
            c.credential_provider = [&](rooms::credential_reply reply) {
                ++asked;
                reply(rooms::credentials("sandbox", "sandbox"));
            };
            r.own_client.emplace(r.io.get_executor(), c);
            r.server.put(sandbox::stored_room("r", "Room", "About"));
            r.server.inject(fault(refusal).times(times));
            const outcome o = r.call<set_voice>();
            CHECK(asked == 1);
            CHECK(o.diagnostics.attempts() == 2);
            CHECK(o.error.failed() == (times == 100));
            CHECK((!o.error || o.error == rooms::condition::credentials));
        }
    }
}

TEST_CASE("fault_62_bulk_run_stops")
{
    rig r;
    r.server.inject(no_project().nth(5).times(100));
    const auto [end, results] = run_gets(r, 20);
    CHECK(end.error == errc::unknown_project);
    CHECK(end.summary.succeeded == 4);
    CHECK(end.summary.failed == 1);
}

TEST_CASE("fault_63_403_of_a_firewall_does_not_stop_a_bulk_run_and_that_of_the_token_does")
{
    for (const bool of_token : {false, true}) {
        CAPTURE(of_token);
        rig r;
        r.server.inject(of_token ? fault::respond(403, R"({"message":"Bearer token is not valid"})").nth(5)
                                 : page(403).nth(5));
        const auto [end, results] = run_gets(r, 20);
        CHECK(end.error == (of_token ? rooms::error_code(errc::forbidden) : rooms::error_code()));
        CHECK(end.summary.failed == 1);
        CHECK(end.summary.succeeded == (of_token ? 4 : 19));
    }
}

TEST_CASE("fault_66_web_page_with_200")
{
    check_all(page(200), errc::not_the_service, effect::unknown, errc::not_the_service);
}

TEST_CASE("fault_66_create_whose_response_was_a_page_is_confirmed")
{
    for (const bool carried_out : {true, false}) {
        CAPTURE(carried_out);
        rig r(sandbox::options(), quick_retries);
        r.server.inject(page(201).on(sandbox::operation::create).apply(carried_out));
        const outcome o = r.call<create_room>();
        CHECK_FALSE(o.error);
        CHECK(o.diagnostics.confirmed() == carried_out);
        CHECK(r.server.creations("r") == 1);
        CHECK(r.client().stats().not_the_service == 1);
    }
}

TEST_CASE("fault_66_bulk_run_that_meets_only_pages_stops_and_one_page_does_not_stop_it")
{
    {
        rig r;
        r.server.inject(page(200).times(10'000));
        const auto [end, results] = run_gets(r, 20);
        CHECK(end.error == errc::not_the_service);
        CHECK(end.summary.failed == 3);
    }
    {
        rig r;
        r.server.inject(page(200).nth(5));
        const auto [end, results] = run_gets(r, 20);
        CHECK_FALSE(end.error);
        CHECK(end.summary.failed == 1);
        CHECK(results[4].diagnostics.note().find(r.server.base_url()) != std::string::npos);
    }
}

TEST_CASE("fault_67_404_and_405_that_are_not_the_services")
{
    check_all(page(404), errc::not_the_service, effect::none, errc::not_the_service);
    check_all(page(405), errc::not_the_service, effect::none, errc::not_the_service);
    check_all(fault::respond(404), errc::not_found, effect::none, errc::not_the_service);
    rig r;
    r.server.inject(page(404).nth(5));
    const auto [end, results] = run_gets(r, 20);
    CHECK(end.error == errc::not_the_service);
    CHECK(end.summary.succeeded == 4);
}

TEST_CASE("fault_68_400_to_a_create")
{
    const auto refusal = [](const char* body) {
        return call_with<create_room>(fault::respond(400, body)).error;
    };
    CHECK(refusal(R"({"message":"Room already exists"})") == errc::conflict);
    CHECK(refusal(R"({"message":["externalRoomId must be unique"]})") == errc::conflict);
    CHECK(refusal(R"({"message":"Project with this key does not exists"})") == errc::bad_request);
    CHECK(refusal(R"({"message":"name must not contain duplicate words"})") == errc::bad_request);
    CHECK(refusal(R"({"message":"no","about":"Room already exists"})") == errc::bad_request);
}

TEST_CASE("fault_90_redirects")
{
    for (const unsigned status : {307U, 308U})
        check<set_voice>(fault::respond(status), errc::unexpected_redirect, effect::none);
    for (const unsigned status : {301U, 302U, 303U})
        check<set_voice>(fault::respond(status), errc::unexpected_redirect, effect::unknown);
}
