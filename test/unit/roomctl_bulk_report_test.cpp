// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/bulk_report.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace rooms = watchers::rooms;
using roomctl::bulk_outcome;
using roomctl::bulk_report;
using roomctl::exit_code;
using rooms::effect;
using rooms::errc;
using rooms::operation;

namespace {

rooms::bulk_result result(rooms::error_code ec, effect e)
{
    rooms::bulk_result r(0, operation::set_voice("match-1", true));
    r.error = ec;
    r.diagnostics.set_effect(e);
    return r;
}

const rooms::error_code success;

} // namespace

TEST_CASE("roomctl_bulk_report_code_is_the_gravest")
{
    struct
    {
        const char* context;
        std::vector<rooms::bulk_result> results;
        exit_code code;
    } const cases[] = {
        {"nothing", {}, exit_code::done},
        {"all done", {result(success, effect::applied)}, exit_code::done},
        {"stopped", {result(errc::stopped, effect::none)}, exit_code::not_reached},
        {"stopped, and in doubt since an earlier run",
         {result(errc::stopped, effect::unknown)},
         exit_code::unknown},
        {"skipped", {result(errc::skipped_after_failure, effect::none)}, exit_code::not_reached},
        {"skipped, and in doubt", {result(errc::skipped_after_failure, effect::unknown)}, exit_code::unknown},
        {"cancelled in doubt", {result(errc::cancelled, effect::unknown)}, exit_code::unknown},
        {"refused", {result(errc::not_found, effect::none)}, exit_code::rejected},
        {"refused, and another stopped",
         {result(errc::not_found, effect::none), result(errc::stopped, effect::none)},
         exit_code::rejected},
        {"refused, and another in doubt",
         {result(errc::not_found, effect::none), result(errc::stopped, effect::unknown)},
         exit_code::unknown},
        {"failed here", {result(errc::journal_failed, effect::none)}, exit_code::failed},
        {"failed here, another refused",
         {result(errc::not_found, effect::none), result(errc::journal_failed, effect::none)},
         exit_code::failed},
        {"not reached", {result(errc::connect_failed, effect::none)}, exit_code::not_reached},
        {"not reached, another done",
         {result(errc::connect_failed, effect::none), result(success, effect::applied)},
         exit_code::not_reached},
    };
    for (const auto& c : cases) {
        CAPTURE(c.context);
        bulk_report report;
        for (const rooms::bulk_result& r : c.results)
            report.add(r, 1);
        CHECK(report.code() == c.code);
    }
}

TEST_CASE("roomctl_bulk_report_counts_by_outcome")
{
    // Setup
    bulk_report report;
    rooms::bulk_result journaled = result(success, effect::applied);
    journaled.journaled = true;
    rooms::bulk_result confirmed = result(success, effect::applied);
    confirmed.diagnostics.set_confirmed(true).set_attempts(2);

    // Run
    report.add(result(success, effect::applied), 1);
    report.add(journaled, 2);
    report.add(confirmed, 3);
    report.add(result(errc::not_found, effect::none), 4);
    report.add(result(errc::not_found, effect::none), 5);
    report.add(result(errc::stopped, effect::unknown), 6);
    report.add(result(errc::stopped, effect::none), 7);
    report.add(result(errc::skipped_after_failure, effect::none), 8);

    // Check
    const roomctl::bulk_counts n = report.of(rooms::operation_kind::set_voice);
    CHECK(n.of(bulk_outcome::done) == 1);
    CHECK(n.of(bulk_outcome::journaled) == 1);
    CHECK(n.of(bulk_outcome::confirmed) == 1);
    CHECK(n.of(bulk_outcome::failed) == 2);
    CHECK(n.of(bulk_outcome::unknown) == 1);
    CHECK(n.of(bulk_outcome::stopped) == 1);
    CHECK(n.of(bulk_outcome::skipped) == 1);
    CHECK(n.succeeded() == 3);
    CHECK(n.total() == 8);
    CHECK(n.retried == 1);
    CHECK(report.of(rooms::operation_kind::create_room).total() == 0);

    // The first failure of each kind is kept; what was stopped or skipped is none.
    REQUIRE(report.failures().size() == 1);
    const roomctl::bulk_failure& f = report.failures().begin()->second;
    CHECK(f.count == 2);
    CHECK(f.line == 4);
    CHECK(f.room_id == "match-1");
}
