// SPDX-License-Identifier: BSL-1.0

// Rows 62, 63, 66 and 67 in a client and in bulk runs: credentials, diagnostics, and when a run stops.

#include "support/bulk_rig.hpp"
#include "support/exchange.hpp"
#include "support/retrying.hpp"
#include "support/scratch_folder.hpp"

#include <watchers/rooms/journal.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

namespace {

std::string no_project()
{
    return answer("404 Not Found", R"({"statusCode":404,"message":"Project not found"})");
}
std::string forbidden(std::string_view body = R"({"error":"Forbidden"})")
{
    return answer("403 Forbidden", body);
}
std::string page(std::string_view status = "200 OK")
{
    return answer(status, "<html>sign\x1B[31m in</html>", "Content-Type: text/html; charset=utf-8\r\n");
}

std::vector<operation> gets(std::size_t n)
{
    std::vector<operation> all;
    for (std::size_t i = 0; i < n; ++i)
        all.push_back(operation::get("room-" + std::to_string(i)));
    return all;
}

std::vector<operation> creates(std::size_t n)
{
    std::vector<operation> all;
    for (std::size_t i = 0; i < n; ++i)
        all.push_back(operation::create(new_room("room-" + std::to_string(i), "a name", "about it")));
    return all;
}

bulk_options in_flight(std::size_t n)
{
    bulk_options o;
    o.max_in_flight = n;
    return o;
}

} // namespace

TEST_CASE("fault_62_63_credentials_are_asked_for_once")
{
    for (const std::string& refusal : {no_project(), forbidden(), page("403 Forbidden")}) {
        for (const bool accepted : {true, false}) {
            CAPTURE(refusal);
            CAPTURE(accepted);
            // Setup
            std::vector<credential_reply> questions;
            config c = retrying(1);
            c.credential_provider = [&](credential_reply q) { questions.push_back(std::move(q)); };
            exchange e(operation_kind::set_voice, c);

            // Run
            e.t().answer(refusal);
            e.r.sim.poll();
            REQUIRE(questions.size() == 1);
            CHECK_FALSE(e.call.done());
            questions.front()(credentials("KEY-2", "TOKEN-2"));
            e.r.sim.poll();
            REQUIRE(e.t().requests().size() == 2);
            CHECK(e.t().requests().back().find("KEY-2") != std::string::npos);
            e.t().answer(accepted ? ok() : refusal);
            e.r.sim.poll();

            // Check
            const bool of_project = refusal == no_project();
            const errc error = of_project ? errc::unknown_project : errc::forbidden;
            CHECK(questions.size() == 1);
            CHECK(e.call.ending() == (accepted ? ending(error_code(), effect::applied, phase::answered)
                                               : ending(error, effect::none, phase::answered)));
            CHECK(e.call.diagnostics.last_failure() == error);
            CHECK(e.call.diagnostics.note().empty() ==
                  (accepted || refusal.find("<html>") == std::string::npos));
            CHECK(at_rest(e.r));
        }
    }
}

TEST_CASE("fault_63_page_of_a_firewall_is_escaped_and_noted")
{
    exchange e(operation_kind::create_room);
    e.t().answer(page("403 Forbidden"));
    e.r.sim.poll();
    CHECK(e.call.ending() == ending(errc::forbidden, effect::none, phase::answered));
    CHECK(e.call.diagnostics.message().find('\x1B') == std::string::npos);
    CHECK(e.call.diagnostics.note().find("firewall") != std::string::npos);
    CHECK(e.call.diagnostics.web_page());
    CHECK_FALSE(e.call.diagnostics.credentials_refused());
    CHECK(fate_of(e.t()) == fate::kept);
}

TEST_CASE("fault_66_67_page_is_counted_and_names_base_url")
{
    for (const std::string_view status : {"200 OK", "404 Not Found", "405 Method Not Allowed"}) {
        for (const auto kind : all_kinds) {
            CAPTURE(status);
            exchange e(kind);
            e.t().answer(page(status));
            e.r.sim.poll();
            const effect expected = status == "200 OK" ? unless_get(kind, effect::unknown) : effect::none;
            CHECK(e.call.ending() == ending(errc::not_the_service, expected, phase::answered));
            CHECK(fate_of(e.t()) == fate::kept);
            CHECK(e.r.stats().not_the_service == 1);
            CHECK(e.call.diagnostics.note().find("base_url, https://") != std::string::npos);
            CHECK(e.call.diagnostics.note().find("example: https://chatbackend.watchers.io") !=
                  std::string::npos);
            CHECK(e.call.diagnostics.message().find("sign") != std::string::npos);
        }
    }
}

TEST_CASE("fault_66_create_whose_response_was_a_page_is_looked_up")
{
    exchange e(operation_kind::create_room, retrying(1));
    e.t().answer(page());
    e.r.sim.poll();
    REQUIRE(e.t().requests().size() == 2);
    CHECK(e.t().requests().back().starts_with("GET "));
    e.t().answer(created("r"));
    e.r.sim.poll();
    CHECK(e.call.ending() == ending(error_code(), effect::applied, phase::answered));
    CHECK(e.call.diagnostics.confirmed());
    CHECK(e.call.diagnostics.note() == "");
    CHECK(e.call.diagnostics.message() == "");
}

TEST_CASE("fault_62_bulk_run_stops_at_once")
{
    bulk_rig b(with_connections(1));
    diagnostics d;
    bulk_options o = in_flight(1);
    o.diagnostics = &d;
    b.start(gets(50), o);
    b.serve_all([n = 0](const std::string&) mutable { return ++n < 10 ? ok() : no_project(); });
    CHECK(b.error == errc::unknown_project);
    CHECK(b.served.size() == 10);
    CHECK(d.message() == "Project not found");
}

TEST_CASE("fault_63_firewall_that_refuses_one_room_does_not_stop_a_bulk_run")
{
    for (const std::string& refusal : {forbidden(), page("403 Forbidden")}) {
        for (const std::size_t which : {std::size_t(0), std::size_t(20)}) {
            CAPTURE(refusal);
            CAPTURE(which);
            bulk_rig b(with_connections(4));
            b.start(gets(50), in_flight(4));
            const std::string victim = "room-" + std::to_string(which) + " ";
            b.serve_all([&](const std::string& r) { return r.find(victim) != r.npos ? refusal : ok(); });
            CHECK_FALSE(b.error);
            CHECK(b.summary.failed == 1);
            CHECK(b.summary.succeeded == 49);
        }
    }
}

TEST_CASE("fault_63_403_to_everything_stops_before_more_is_begun")
{
    bulk_rig b(with_connections(4));
    b.start(gets(50), in_flight(4));
    b.serve_all([](const std::string&) { return forbidden(); });
    CHECK(b.error == errc::forbidden);
    CHECK(b.served.size() == 4);
    CHECK(b.summary.failed == 4);
    CHECK(b.ended == 1);
}

TEST_CASE("fault_63_403_of_the_token_stops_a_bulk_run")
{
    bulk_rig b(with_connections(1));
    b.start(gets(50), in_flight(1));
    b.serve_all([n = 0](const std::string&) mutable {
        return ++n < 10 ? ok() : forbidden(R"({"statusCode":403,"message":"Bearer token is not valid"})");
    });
    CHECK(b.error == errc::forbidden);
    CHECK(b.served.size() == 10);
}

TEST_CASE("fault_66_bulk_run_that_meets_only_web_pages_stops")
{
    bulk_rig b(with_connections(1));
    config c = retrying(1);
    SUBCASE("gets") { b.start(gets(10'000), in_flight(1)); }
    SUBCASE("creates") { b.start(creates(10'000), in_flight(1)); }
    b.serve_all([](const std::string&) { return page(); });
    CHECK(b.error == errc::not_the_service);
    CHECK(b.summary.succeeded == 0);
    CHECK(b.summary.failed == 3);
}

TEST_CASE("fault_66_page_in_the_middle_does_not_stop_a_bulk_run")
{
    bulk_rig b(with_connections(2));
    b.start(gets(50), in_flight(2));
    b.serve_all([n = 0](const std::string&) mutable { return ++n % 10 == 5 ? page() : ok(); });
    CHECK_FALSE(b.error);
    CHECK(b.summary.failed == 5);
    CHECK(b.summary.operations == 50);
}

TEST_CASE("fault_67_bulk_run_stops_where_the_service_is_not_there")
{
    for (const std::string& response : {page("404 Not Found"), answer("404 Not Found", "")}) {
        bulk_rig b(with_connections(1));
        b.start(creates(50), in_flight(1));
        b.serve_all([&](const std::string&) { return response; });
        CHECK(b.error == errc::not_the_service);
        CHECK(b.served.size() == 1);
        CHECK(b.summary.unknown == 0);
    }
}
