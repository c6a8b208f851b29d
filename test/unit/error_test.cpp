// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/error.hpp>

#include <doctest/doctest.h>

#include <boost/system/errc.hpp>

#include <set>
#include <string>
#include <system_error>

using namespace watchers::rooms;

namespace {

constexpr errc first_errc = errc::invalid_argument;
constexpr errc last_errc = errc::journal_failed;

} // namespace

TEST_CASE("errc_messages_distinct_and_present")
{
    std::set<std::string> messages;
    for (int value = static_cast<int>(first_errc); value <= static_cast<int>(last_errc); ++value) {
        const error_code ec = static_cast<errc>(value);
        CAPTURE(value);
        CHECK(ec.failed());
        CHECK(ec.message() != "unknown error");
        CHECK(messages.insert(ec.message()).second);
    }
    CHECK(error_code(1000, rooms_category()).message() == "unknown error");
    CHECK(error_code(errc::not_found).message() == "there is no such room");
    CHECK(std::string(rooms_category().name()) == "watchers.rooms");
    CHECK(std::string(condition_category().name()) == "watchers.rooms.condition");
}

TEST_CASE("errc_conditions_of_each_value")
{
    // n not_reached, s tls, i interrupted, t timeout, r rejected, o overloaded, c credentials
    const struct
    {
        errc e;
        const char* groups;
    } rows[] = {
        {errc::invalid_argument, ""},
        {errc::pool_timeout, "nt"},
        {errc::pool_full, "n"},
        {errc::resource_exhausted, "n"},
        {errc::draining, ""},
        {errc::shutting_down, ""},
        {errc::resolve_failed, "n"},
        {errc::resolve_timeout, "nt"},
        {errc::connect_failed, "n"},
        {errc::connect_timeout, "nt"},
        {errc::tls_untrusted, "ns"},
        {errc::tls_expired, "ns"},
        {errc::tls_not_yet_valid, "ns"},
        {errc::tls_host_mismatch, "ns"},
        {errc::tls_weak_key, "ns"},
        {errc::tls_client_certificate, "ns"},
        {errc::tls_protocol, "ns"},
        {errc::tls_timeout, "nst"},
        {errc::tls_failed, "ns"},
        {errc::connection_lost, "i"},
        {errc::truncated_response, "i"},
        {errc::write_timeout, "it"},
        {errc::response_timeout, "it"},
        {errc::malformed_response, ""},
        {errc::response_too_large, ""},
        {errc::unexpected_encoding, ""},
        {errc::unexpected_redirect, "r"},
        {errc::bad_request, "r"},
        {errc::unauthorized, "rc"},
        {errc::forbidden, "rc"},
        {errc::unknown_project, "rc"},
        {errc::not_found, "r"},
        {errc::conflict, "r"},
        {errc::request_timeout, "rt"},
        {errc::misdirected_request, "r"},
        {errc::rate_limited, "ro"},
        {errc::server_error, "o"},
        {errc::not_the_service, ""},
        {errc::bad_body, ""},
        {errc::cancelled, ""},
        {errc::deadline_exceeded, "t"},
        {errc::outcome_unknown, ""},
        {errc::credentials_failed, "c"},
        {errc::skipped_after_failure, ""},
        {errc::stopped, ""},
        {errc::callback_failed, ""},
        {errc::journal_failed, ""},
    };
    CHECK(std::size(rows) == static_cast<std::size_t>(last_errc));
    const struct
    {
        condition c;
        char letter;
    } conditions[] = {
        {condition::not_reached, 'n'}, {condition::tls, 's'},      {condition::interrupted, 'i'},
        {condition::timeout, 't'},     {condition::rejected, 'r'}, {condition::overloaded, 'o'},
        {condition::credentials, 'c'},
    };
    for (const auto& row : rows) {
        const error_code ec = row.e;
        CAPTURE(ec.message());
        for (const auto& c : conditions) {
            CAPTURE(c.letter);
            CHECK((ec == c.c) == (std::string(row.groups).find(c.letter) != std::string::npos));
        }
    }
    CHECK(boost::system::error_condition(condition::tls).message() == "no secure connection to the service");
}

TEST_CASE("errc_generic_conditions")
{
    namespace generic = boost::system::errc;
    CHECK(error_code(errc::cancelled) == generic::operation_canceled);
    CHECK(error_code(errc::cancelled) != generic::timed_out);
    for (const errc e :
         {errc::pool_timeout, errc::resolve_timeout, errc::connect_timeout, errc::tls_timeout,
          errc::write_timeout, errc::response_timeout, errc::request_timeout, errc::deadline_exceeded}) {
        CAPTURE(error_code(e).message());
        CHECK(error_code(e) == generic::timed_out);
        CHECK(std::error_code(error_code(e)) == std::errc::timed_out);
    }
    CHECK(error_code(errc::connect_failed) != generic::timed_out);
    CHECK(error_code(errc::not_found).default_error_condition().category() == rooms_category());
}

TEST_CASE("conditions_ignore_values_of_other_categories")
{
    const error_code other(static_cast<int>(errc::not_found), boost::system::system_category());
    CHECK(other != condition::rejected);
    CHECK(error_code() != condition::rejected);
    CHECK(error_code(errc::not_found) != boost::system::error_condition(1000, condition_category()));
}
