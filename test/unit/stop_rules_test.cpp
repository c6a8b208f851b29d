// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/stop_rules.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms;
using detail::stop_rules;
using verdict = stop_rules::verdict;

namespace {

bulk_result ended(error_code ec, unsigned status = 0)
{
    bulk_result r(0, operation::get("r"));
    r.error = ec;
    r.diagnostics.set_http_status(status);
    return r;
}

bulk_result succeeded() { return ended({}, 200); }
bulk_result page(unsigned status)
{
    bulk_result r = ended(status == 403 ? errc::forbidden : errc::not_the_service, status);
    r.diagnostics.set_response_kind(false, true, false);
    return r;
}
bulk_result forbidden(bool of_credentials)
{
    bulk_result r = ended(errc::forbidden, 403);
    r.diagnostics.set_response_kind(of_credentials, false, true);
    return r;
}
bulk_result not_found()
{
    bulk_result r = ended(errc::not_found, 404);
    r.diagnostics.set_response_kind(false, false, true);
    return r;
}

} // namespace

TEST_CASE("stop_rules_failures_that_do_not_pass_stop_at_once")
{
    for (const errc e : {errc::unauthorized, errc::unknown_project, errc::credentials_failed,
                         errc::shutting_down, errc::draining, errc::tls_untrusted, errc::tls_host_mismatch,
                         errc::tls_expired, errc::tls_client_certificate}) {
        for (const bool after_success : {false, true}) {
            stop_rules s;
            if (after_success) s.on_result(succeeded());
            CHECK(s.on_result(ended(e)) == verdict::stop);
        }
    }
}

TEST_CASE("stop_rules_failures_of_one_operation_do_not_stop")
{
    stop_rules s;
    for (int i = 0; i < 1000; ++i)
        for (const errc e :
             {errc::not_found, errc::bad_request, errc::conflict, errc::server_error, errc::outcome_unknown,
              errc::connection_lost, errc::stopped, errc::skipped_after_failure})
            REQUIRE(s.on_result(ended(e)) == verdict::go_on);
    CHECK_FALSE(s.succeeded());
}

TEST_CASE("fault_62_create_whose_confirmation_met_an_unknown_project_stops")
{
    bulk_result r = ended(errc::outcome_unknown, 404);
    r.diagnostics.set_last_failure(errc::unknown_project);
    CHECK(stop_rules().on_result(r) == verdict::stop);
    CHECK(stop_rules::cause_of(r) == errc::unknown_project);
}

TEST_CASE("fault_63_403_of_the_token_stops_also_after_success")
{
    stop_rules s;
    s.on_result(succeeded());
    CHECK(s.on_result(forbidden(true)) == verdict::stop);
}

TEST_CASE("fault_63_other_403_stops_only_if_nothing_succeeds")
{
    stop_rules s;
    CHECK(s.on_result(forbidden(false)) == verdict::hold);
    CHECK_FALSE(s.succeeded());
    CHECK(s.on_result(succeeded()) == verdict::go_on);
    CHECK(s.succeeded());
    for (int i = 0; i < 10'000; ++i)
        REQUIRE(s.on_result(forbidden(false)) == verdict::go_on);
}

TEST_CASE("fault_63_what_an_earlier_run_did_has_succeeded")
{
    stop_rules s;
    bulk_result done = ended({});
    done.journaled = true;
    s.on_result(done);
    CHECK(s.on_result(forbidden(false)) == verdict::go_on);
}

TEST_CASE("fault_63_page_of_a_firewall_stops_at_the_third_if_nothing_succeeded")
{
    stop_rules s;
    CHECK(s.on_result(page(403)) == verdict::go_on);
    CHECK(s.on_result(page(403)) == verdict::go_on);
    CHECK(s.on_result(page(403)) == verdict::stop);
}

TEST_CASE("fault_63_provider_without_others_leaves_a_403_what_it_is")
{
    bulk_result r = ended(errc::credentials_failed, 403);
    r.diagnostics.set_last_failure(errc::forbidden).set_response_kind(false, false, true);
    stop_rules s;
    s.on_result(succeeded());
    CHECK(s.on_result(r) == verdict::go_on);
    r.diagnostics.set_response_kind(true, false, true);
    CHECK(s.on_result(r) == verdict::stop);
}

TEST_CASE("fault_66_web_pages_stop_at_the_third_if_nothing_else_has_come")
{
    for (const bool of_creates : {false, true}) {
        CAPTURE(of_creates);
        const auto next = [&] {
            if (!of_creates) return page(200);
            bulk_result r = ended(errc::outcome_unknown, 200);
            r.diagnostics.set_last_failure(errc::not_the_service).set_response_kind(false, true, false);
            return r;
        };
        stop_rules s;
        CHECK(s.on_result(next()) == verdict::go_on);
        CHECK(s.on_result(ended(errc::connection_lost)) == verdict::go_on);
        CHECK(s.on_result(next()) == verdict::go_on);
        CHECK(s.on_result(next()) == verdict::stop);
    }
}

TEST_CASE("fault_66_web_pages_in_a_good_run_do_not_stop_it")
{
    for (const bulk_result& seen : {succeeded(), not_found()}) {
        stop_rules s;
        s.on_result(seen);
        for (int i = 0; i < 1000; ++i) {
            for (unsigned n = 1; n < stop_rules::most_pages_in_a_row; ++n)
                REQUIRE(s.on_result(page(200)) == verdict::go_on);
            REQUIRE(s.on_result(seen) == verdict::go_on);
        }
    }
}

TEST_CASE("fault_66_web_pages_without_end_stop_a_run_that_was_good")
{
    stop_rules s;
    s.on_result(succeeded());
    for (unsigned n = 1; n < stop_rules::most_pages_in_a_row; ++n)
        REQUIRE(s.on_result(page(200)) == verdict::go_on);
    CHECK(s.on_result(page(200)) == verdict::stop);
}

TEST_CASE("fault_67_404_and_405_that_are_not_the_services_stop")
{
    for (const unsigned status : {404U, 405U})
        for (const bool after_success : {false, true}) {
            stop_rules s;
            if (after_success) s.on_result(succeeded());
            CHECK(s.on_result(page(status)) == verdict::stop);
        }
}
