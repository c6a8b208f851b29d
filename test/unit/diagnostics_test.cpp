// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/diagnostics.hpp>

#include <doctest/doctest.h>

#include <boost/system/errc.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <string>

using namespace watchers::rooms;

TEST_CASE("diagnostics_in_one_line")
{
    const error_code cause = make_error_code(boost::system::errc::connection_reset);
    const struct
    {
        diagnostics d;
        std::string expected;
    } rows[] = {
        {diagnostics(), ""},
        {diagnostics().set_message("base_url: must be good"), "base_url: must be good"},
        {diagnostics().set_operation(operation_kind::get_room),
         "get_room: effect none, phase validation, attempts 0"},
        {diagnostics()
             .set_operation(operation_kind::create_room)
             .set_effect(effect::unknown)
             .set_phase(phase::wait)
             .set_attempts(2)
             .set_cause(cause),
         "create_room: effect unknown, phase wait, attempts 2, cause: " + cause.message()},
        {diagnostics()
             .set_operation(operation_kind::delete_room)
             .set_phase(phase::answered)
             .set_attempts(1)
             .set_http_status(429)
             .set_retry_after(std::chrono::seconds(30))
             .set_message("slow down"),
         "delete_room: effect none, phase answered, attempts 1, HTTP 429, retry after 30 s, message: slow "
         "down"},
        {diagnostics()
             .set_operation(operation_kind::get_room)
             .set_effect(effect::applied)
             .set_phase(phase::answered)
             .set_attempts(1)
             .set_http_status(200)
             .set_note("isSpeak: not a boolean"),
         "get_room: effect applied, phase answered, attempts 1, HTTP 200, note: isSpeak: not a boolean"},
        {diagnostics()
             .set_operation(operation_kind::create_room)
             .set_effect(effect::applied)
             .set_phase(phase::answered)
             .set_attempts(2)
             .set_confirmed(true)
             .set_last_failure(errc::connection_lost)
             .set_http_status(200),
         "create_room: effect applied, phase answered, attempts 2, confirmed, last failure: " +
             make_error_code(errc::connection_lost).message() + ", HTTP 200"},
        {diagnostics()
             .set_operation(operation_kind::set_status)
             .set_effect(effect::unknown)
             .set_phase(phase::backoff)
             .set_attempts(3)
             .set_last_failure(errc::server_error)
             .set_http_status(503)
             .set_retry_after(std::chrono::seconds(7))
             .set_note("not tried again"),
         "set_status: effect unknown, phase backoff, attempts 3, last failure: " +
             make_error_code(errc::server_error).message() +
             ", HTTP 503, retry after 7 s, note: not tried again"},
        {diagnostics().set_last_failure(errc::connect_failed).set_message("why"),
         "last failure: " + make_error_code(errc::connect_failed).message() + ", why"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.expected);
        CHECK(row.d.to_string() == row.expected);
    }
}

TEST_CASE("diagnostics_names_of_enumerators")
{
    CHECK(to_string(operation_kind::create_room) == "create_room");
    CHECK(to_string(operation_kind::get_room) == "get_room");
    CHECK(to_string(operation_kind::set_voice) == "set_voice");
    CHECK(to_string(operation_kind::set_status) == "set_status");
    CHECK(to_string(operation_kind::delete_room) == "delete_room");
    CHECK(to_string(effect::none) == "none");
    CHECK(to_string(effect::applied) == "applied");
    CHECK(to_string(effect::unknown) == "unknown");
    const char* const phases[] = {"validation", "turn",  "credentials", "throttle", "backoff",
                                  "confirm",    "queue", "resolve",     "connect",  "handshake",
                                  "write",      "wait",  "read",        "answered"};
    CHECK(static_cast<std::size_t>(phase::answered) + 1 == std::size(phases));
    for (unsigned char i = 0; i < std::size(phases); ++i)
        CHECK(to_string(static_cast<phase>(i)) == phases[i]);
}

TEST_CASE("diagnostics_of_a_call_without_failures_tells_of_none")
{
    const diagnostics d;
    CHECK_FALSE(d.confirmed());
    CHECK_FALSE(d.last_failure().failed());
}

TEST_CASE("error_tells_code_and_diagnostics")
{
    const error e(errc::conflict, diagnostics().set_http_status(409).set_message("Room exists"));

    CHECK(e.code() == errc::conflict);
    CHECK(e.diagnostics().http_status() == 409);
    const std::string what = e.what();
    CHECK(what == make_error_code(errc::conflict).message() + ": HTTP 409, Room exists");
}
