// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::attempt_result;

// "table_retries_..." are the cells of the table "Retries, operation by operation" in the list of faults.

namespace {

// What a call with the default policy does after its first attempt ended so.
std::string first(kind k, const attempt_result& r) { return played_call(k).ends(r); }

// The cells of a row about lost answers.
void check_lost(kind k, std::initializer_list<errc> errors, const char* expected)
{
    for (const errc e : errors) {
        CAPTURE(make_error_code(e).message());
        CHECK(first(k, unanswered(k, e)) == expected);
    }
}

// The cells of a row about an answer.
void check_answer(kind k, std::initializer_list<unsigned> statuses, const char* expected)
{
    for (const unsigned status : statuses) {
        CAPTURE(status);
        CHECK(first(k, answered(k, status)) == expected);
    }
}

constexpr std::initializer_list<errc> no_complete_response = {errc::connection_lost,
                                                              errc::truncated_response};
constexpr std::initializer_list<errc> timed_out_after_sending = {errc::write_timeout, errc::response_timeout};
constexpr std::initializer_list<unsigned> load = {500, 502, 503, 504};

} // namespace

TEST_CASE("table_retries_no_byte_written_get_is_retried")
{
    CHECK(first(kind::get_room, unsent()) == "send");
}

TEST_CASE("table_retries_no_byte_written_delete_is_retried")
{
    CHECK(first(kind::delete_room, unsent()) == "send");
}

TEST_CASE("table_retries_no_byte_written_set_is_retried")
{
    CHECK(first(kind::set_voice, unsent()) == "send");
    CHECK(first(kind::set_status, unsent()) == "send");
}

TEST_CASE("table_retries_no_byte_written_create_is_retried")
{
    CHECK(first(kind::create_room, unsent()) == "send");
}

TEST_CASE("table_retries_no_complete_response_get_is_retried")
{
    check_lost(kind::get_room, no_complete_response, "send");
}

TEST_CASE("table_retries_no_complete_response_delete_is_retried")
{
    check_lost(kind::delete_room, no_complete_response, "send");
}

TEST_CASE("table_retries_no_complete_response_set_is_retried")
{
    check_lost(kind::set_voice, no_complete_response, "send");
    check_lost(kind::set_status, no_complete_response, "send");
}

TEST_CASE("table_retries_no_complete_response_create_is_confirmed")
{
    check_lost(kind::create_room, no_complete_response, "look");
}

TEST_CASE("table_retries_timed_out_after_sending_get_is_retried")
{
    check_lost(kind::get_room, timed_out_after_sending, "send");
}

TEST_CASE("table_retries_timed_out_after_sending_delete_is_retried")
{
    check_lost(kind::delete_room, timed_out_after_sending, "send");
}

TEST_CASE("table_retries_timed_out_after_sending_set_is_retried")
{
    check_lost(kind::set_voice, timed_out_after_sending, "send");
    check_lost(kind::set_status, timed_out_after_sending, "send");
}

TEST_CASE("table_retries_timed_out_after_sending_create_is_confirmed")
{
    check_lost(kind::create_room, timed_out_after_sending, "look");
}

TEST_CASE("table_retries_408_421_get_is_retried") { check_answer(kind::get_room, {408, 421}, "send"); }

TEST_CASE("table_retries_408_421_delete_is_retried") { check_answer(kind::delete_room, {408, 421}, "send"); }

TEST_CASE("table_retries_408_421_set_is_retried")
{
    check_answer(kind::set_voice, {408, 421}, "send");
    check_answer(kind::set_status, {408, 421}, "send");
}

TEST_CASE("table_retries_421_create_is_retried") { check_answer(kind::create_room, {421}, "send"); }

TEST_CASE("table_retries_408_create_is_confirmed") { check_answer(kind::create_room, {408}, "look"); }

TEST_CASE("table_retries_429_get_is_retried") { check_answer(kind::get_room, {429}, "send"); }

TEST_CASE("table_retries_429_delete_is_retried") { check_answer(kind::delete_room, {429}, "send"); }

TEST_CASE("table_retries_429_set_is_retried")
{
    check_answer(kind::set_voice, {429}, "send");
    check_answer(kind::set_status, {429}, "send");
}

TEST_CASE("table_retries_429_create_is_retried") { check_answer(kind::create_room, {429}, "send"); }

TEST_CASE("table_retries_429_then_409_or_400_create_is_confirmed")
{
    for (const unsigned status : {409U, 400U}) {
        CAPTURE(status);
        played_call c(kind::create_room);
        CHECK(c.ends(answered(kind::create_room, 429)) == "send");
        CHECK(c.ends(answered(kind::create_room, status)) == "look");
    }
}

TEST_CASE("table_retries_5xx_get_is_retried") { check_answer(kind::get_room, load, "send"); }

TEST_CASE("table_retries_5xx_delete_is_retried") { check_answer(kind::delete_room, load, "send"); }

TEST_CASE("table_retries_5xx_set_is_retried")
{
    check_answer(kind::set_voice, load, "send");
    check_answer(kind::set_status, load, "send");
}

TEST_CASE("table_retries_5xx_create_is_confirmed") { check_answer(kind::create_room, load, "look"); }

TEST_CASE("table_retries_409_get_is_an_error")
{
    check_answer(kind::get_room, {409}, "bad_request, effect none"); // no get is answered so
}

TEST_CASE("table_retries_409_delete_is_an_error")
{
    check_answer(kind::delete_room, {409}, "bad_request, effect none");
}

TEST_CASE("table_retries_409_set_is_an_error")
{
    check_answer(kind::set_voice, {409}, "bad_request, effect none");
    check_answer(kind::set_status, {409}, "bad_request, effect none");
}

TEST_CASE("table_retries_409_create_without_doubt_is_a_conflict")
{
    check_answer(kind::create_room, {409}, "conflict, effect none");
    CHECK(first(kind::create_room, answered(kind::create_room, 400, "already exists")) ==
          "conflict, effect none");
}

TEST_CASE("table_retries_409_create_after_an_ambiguous_attempt_is_confirmed")
{
    for (const unsigned status : {409U, 400U}) {
        CAPTURE(status);
        played_call c(kind::create_room);
        CHECK(c.ends(unanswered(kind::create_room)) == "look");
        CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(not_there()) == "send");
        CHECK(c.ends(answered(kind::create_room, status)) == "look");
    }
}

TEST_CASE("table_retries_401_403_other_4xx_are_final")
{
    const struct
    {
        unsigned status;
        const char* expected;
    } rows[] = {
        {401, "unauthorized, effect none"}, {403, "forbidden, effect none"},
        {400, "bad_request, effect none"},  {402, "bad_request, effect none"},
        {405, "bad_request, effect none"},  {410, "bad_request, effect none"},
        {413, "bad_request, effect none"},  {422, "bad_request, effect none"},
        {431, "bad_request, effect none"},  {451, "bad_request, effect none"},
        {499, "bad_request, effect none"},
    };
    for (const auto& row : rows) {
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            check_answer(k, {row.status}, row.expected);
        }
    }
    for (const kind k : every_kind) {
        const bool creates = k == kind::create_room; // Row 67: it needs no room that could be missing
        check_answer(k, {404}, creates ? "not_the_service, effect none" : "not_found, effect none");
    }
}

TEST_CASE("table_retries_malformed_get_is_final")
{
    check_lost(kind::get_room, {errc::malformed_response}, "malformed_response, effect none");
}

TEST_CASE("table_retries_malformed_delete_is_final")
{
    check_lost(kind::delete_room, {errc::malformed_response}, "malformed_response, effect unknown");
}

TEST_CASE("table_retries_malformed_set_is_final")
{
    check_lost(kind::set_voice, {errc::malformed_response}, "malformed_response, effect unknown");
    check_lost(kind::set_status, {errc::malformed_response}, "malformed_response, effect unknown");
}

TEST_CASE("table_retries_malformed_create_is_confirmed")
{
    check_lost(kind::create_room, {errc::malformed_response, errc::response_too_large}, "look");
}
