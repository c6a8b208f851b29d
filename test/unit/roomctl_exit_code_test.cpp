// SPDX-License-Identifier: BSL-1.0
#include "../../src/roomctl/error_name.hpp"
#include "../../src/roomctl/exit_code.hpp"

#include <boost/system/errc.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace rooms = watchers::rooms;
using roomctl::exit_code;
using rooms::effect;
using rooms::errc;

namespace {

struct expected_code
{
    errc error;
    exit_code code; // of a call that changed nothing
    const char* name;
};

const std::vector<expected_code> table{
    {errc::invalid_argument, exit_code::usage, "invalid_argument"},
    {errc::pool_timeout, exit_code::not_reached, "pool_timeout"},
    {errc::pool_full, exit_code::not_reached, "pool_full"},
    {errc::resource_exhausted, exit_code::not_reached, "resource_exhausted"},
    {errc::draining, exit_code::not_reached, "draining"},
    {errc::shutting_down, exit_code::not_reached, "shutting_down"},
    {errc::resolve_failed, exit_code::not_reached, "resolve_failed"},
    {errc::resolve_timeout, exit_code::not_reached, "resolve_timeout"},
    {errc::connect_failed, exit_code::not_reached, "connect_failed"},
    {errc::connect_timeout, exit_code::not_reached, "connect_timeout"},
    {errc::tls_untrusted, exit_code::not_reached, "tls_untrusted"},
    {errc::tls_expired, exit_code::not_reached, "tls_expired"},
    {errc::tls_not_yet_valid, exit_code::not_reached, "tls_not_yet_valid"},
    {errc::tls_host_mismatch, exit_code::not_reached, "tls_host_mismatch"},
    {errc::tls_weak_key, exit_code::not_reached, "tls_weak_key"},
    {errc::tls_client_certificate, exit_code::not_reached, "tls_client_certificate"},
    {errc::tls_protocol, exit_code::not_reached, "tls_protocol"},
    {errc::tls_timeout, exit_code::not_reached, "tls_timeout"},
    {errc::tls_failed, exit_code::not_reached, "tls_failed"},
    {errc::connection_lost, exit_code::not_reached, "connection_lost"},
    {errc::truncated_response, exit_code::not_reached, "truncated_response"},
    {errc::write_timeout, exit_code::not_reached, "write_timeout"},
    {errc::response_timeout, exit_code::not_reached, "response_timeout"},
    {errc::malformed_response, exit_code::not_reached, "malformed_response"},
    {errc::response_too_large, exit_code::not_reached, "response_too_large"},
    {errc::unexpected_encoding, exit_code::not_reached, "unexpected_encoding"},
    {errc::unexpected_redirect, exit_code::rejected, "unexpected_redirect"},
    {errc::bad_request, exit_code::rejected, "bad_request"},
    {errc::unauthorized, exit_code::rejected, "unauthorized"},
    {errc::forbidden, exit_code::rejected, "forbidden"},
    {errc::unknown_project, exit_code::rejected, "unknown_project"},
    {errc::not_found, exit_code::rejected, "not_found"},
    {errc::conflict, exit_code::rejected, "conflict"},
    {errc::request_timeout, exit_code::rejected, "request_timeout"},
    {errc::misdirected_request, exit_code::rejected, "misdirected_request"},
    {errc::rate_limited, exit_code::rejected, "rate_limited"},
    {errc::server_error, exit_code::rejected, "server_error"},
    {errc::not_the_service, exit_code::not_reached, "not_the_service"},
    {errc::bad_body, exit_code::not_reached, "bad_body"},
    {errc::cancelled, exit_code::not_reached, "cancelled"},
    {errc::deadline_exceeded, exit_code::not_reached, "deadline_exceeded"},
    {errc::outcome_unknown, exit_code::unknown, "outcome_unknown"},
    {errc::credentials_failed, exit_code::not_reached, "credentials_failed"},
    {errc::skipped_after_failure, exit_code::not_reached, "skipped_after_failure"},
    {errc::stopped, exit_code::not_reached, "stopped"},
    {errc::callback_failed, exit_code::failed, "callback_failed"},
    {errc::journal_failed, exit_code::failed, "journal_failed"},
};

} // namespace

TEST_CASE("roomctl_exit_code_table_covers_every_errc")
{
    // Setup
    std::set<int> covered;

    // Run
    for (const auto& row : table)
        covered.insert(static_cast<int>(row.error));

    // Check: the values of errc are consecutive, and journal_failed is the last
    CHECK(covered.size() == static_cast<std::size_t>(errc::journal_failed));
    CHECK(*covered.begin() == 1);
    CHECK(*covered.rbegin() == static_cast<int>(errc::journal_failed));
}

TEST_CASE("roomctl_exit_code_follows_errc_without_effect")
{
    for (const auto& row : table) {
        CAPTURE(row.name);
        CHECK(roomctl::exit_code_of(row.error, effect::none) == row.code);
    }
}

TEST_CASE("roomctl_exit_code_is_unknown_with_an_effect")
{
    for (const auto& row : table) {
        CAPTURE(row.name);
        CHECK(roomctl::exit_code_of(row.error, effect::unknown) == exit_code::unknown);
        CHECK(roomctl::exit_code_of(row.error, effect::applied) == exit_code::unknown);
    }
}

TEST_CASE("roomctl_exit_code_agrees_with_conditions")
{
    for (const auto& row : table) {
        CAPTURE(row.name);
        const rooms::error_code ec = row.error;
        if (ec == rooms::condition::rejected) CHECK(row.code == exit_code::rejected);
        if (ec == rooms::condition::overloaded) CHECK(row.code == exit_code::rejected);
        if (ec == rooms::condition::not_reached) CHECK(row.code == exit_code::not_reached);
        if (ec == rooms::condition::tls) CHECK(row.code == exit_code::not_reached);
    }
}

TEST_CASE("roomctl_exit_code_of_success_and_foreign_errors")
{
    // Setup
    const rooms::error_code foreign = make_error_code(boost::system::errc::too_many_files_open);

    // Run, Check
    CHECK(roomctl::exit_code_of({}, effect::none) == exit_code::done);
    CHECK(roomctl::exit_code_of({}, effect::applied) == exit_code::done);
    CHECK(roomctl::exit_code_of(foreign, effect::none) == exit_code::failed);
    CHECK(roomctl::exit_code_of(rooms::error_code(9999, rooms::rooms_category()), effect::none) ==
          exit_code::failed);
}

TEST_CASE("roomctl_exit_code_values_are_as_documented")
{
    for (std::size_t i = 0; i < roomctl::exit_code_meanings.size(); ++i) {
        CHECK(static_cast<std::size_t>(roomctl::exit_code_meanings[i].code) == i);
        CHECK_FALSE(roomctl::exit_code_meanings[i].text.empty());
    }
}

TEST_CASE("roomctl_error_name_is_that_of_the_enumerator")
{
    std::set<std::string> names;
    for (const auto& row : table) {
        CHECK(roomctl::error_name(rooms::error_code(row.error)) == row.name);
        names.insert(row.name);
    }
    CHECK(names.size() == table.size());
    CHECK(roomctl::error_name(make_error_code(boost::system::errc::io_error)) == "failed");
}
