// SPDX-License-Identifier: BSL-1.0
#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/retry_rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::attempt_result;
using detail::classify_failure;
using detail::failure;
using detail::react;
using detail::reaction;

// "row_NN_..." are the rows of the list of faults; the cells of its table of retries are in
// retry_table_test.cpp.

namespace {

// The letter that the list of faults has for the retries of a failure.
std::string letter(failure f)
{
    const reaction create = react(kind::create_room, f, false);
    const reaction others = react(kind::get_room, f, false);
    for (const kind k : {kind::set_voice, kind::set_status, kind::delete_room})
        if (react(k, f, false) != others) return "differs";
    if (create == reaction::ask_credentials && others == reaction::ask_credentials) return "credentials";
    if (others == reaction::retry) {
        if (create == reaction::retry) return "A";
        return create == reaction::confirm ? "I" : "create is given up";
    }
    if (others != reaction::give_up) return "differs";
    if (create == reaction::give_up) return "N";
    return create == reaction::confirm ? "N, create: confirm" : "create is retried";
}

std::string letter_of_unsent(errc e, bool name_unknown = false)
{
    return letter(classify_failure(e, name_unknown, false, 0));
}
std::string letter_of_unanswered(errc e) { return letter(classify_failure(e, false, true, 0)); }

// The same for the answers to all operations, which must agree.
std::string letter_of_status(unsigned status, std::string_view body = {})
{
    const std::string of_create = letter(answered(kind::create_room, status, body).how);
    for (const kind k : every_kind)
        if (letter(answered(k, status, body).how) != of_create) return "differs";
    return of_create;
}

// What a call with the default policy does after its first attempt ended so.
std::string first(kind k, const attempt_result& r) { return played_call(k).ends(r); }

} // namespace

TEST_CASE("row_01_name_that_does_not_exist_is_not_retried")
{
    CHECK(letter_of_unsent(errc::resolve_failed, true) == "N");
}

TEST_CASE("row_01_resolver_that_fails_for_now_is_asked_again")
{
    CHECK(letter_of_unsent(errc::resolve_failed) == "A");
}

TEST_CASE("row_02_resolver_that_stalls_is_asked_again")
{
    CHECK(letter_of_unsent(errc::resolve_timeout) == "A");
}

TEST_CASE("fault_88_demanded_client_certificate_is_final")
{
    CHECK(letter_of_unsent(errc::tls_client_certificate) == "N");
    CHECK(letter_of_unanswered(errc::tls_client_certificate) == "N"); // TLS 1.3
}

TEST_CASE("row_03_connection_refused_is_retried") { CHECK(letter_of_unsent(errc::connect_failed) == "A"); }

TEST_CASE("row_04_syn_that_goes_nowhere_is_retried")
{
    CHECK(letter_of_unsent(errc::connect_timeout) == "A");
}

TEST_CASE("row_05_reset_before_anything_was_written_is_retried")
{
    CHECK(letter_of_unsent(errc::connection_lost) == "A");
}

TEST_CASE("row_06_reset_after_bytes_were_written_is_retried_if_idempotent")
{
    CHECK(letter_of_unanswered(errc::connection_lost) == "I");
}

TEST_CASE("row_07_reset_in_the_middle_of_a_response_is_retried_if_idempotent")
{
    CHECK(letter_of_unanswered(errc::truncated_response) == "I");
}

TEST_CASE("row_08_dead_idle_connection_is_replayed_if_idempotent")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        const bool creates = k == kind::create_room;
        played_call c(k);
        CHECK((c.finds_dead_connection() == "send at once") == !creates);
        if (creates) CHECK(c.ends(unanswered(k)) == "look");
    }
}

TEST_CASE("row_09_half_close_before_the_response_is_as_row_6")
{
    CHECK(letter_of_unanswered(errc::connection_lost) == "I");
}

TEST_CASE("row_10_response_that_trickles_is_retried_if_idempotent")
{
    CHECK(classify_failure(errc::response_timeout, false, true, 0) == failure::timed_out);
    CHECK(letter_of_unanswered(errc::response_timeout) == "I");
}

TEST_CASE("row_11_peer_that_stops_reading_is_retried_if_idempotent")
{
    CHECK(classify_failure(errc::write_timeout, false, true, 0) == failure::timed_out);
    CHECK(letter_of_unanswered(errc::write_timeout) == "I");
}

TEST_CASE("row_12_and_13_body_that_ends_early_is_retried_if_idempotent")
{
    CHECK(letter_of_unanswered(errc::truncated_response) == "I");
}

TEST_CASE("row_14_pool_timeout_and_pool_full_are_not_retried")
{
    CHECK(letter_of_unsent(errc::pool_timeout) == "N");
    CHECK(letter_of_unsent(errc::pool_full) == "N");
}

TEST_CASE("row_15_untrusted_certificate_is_not_retried")
{
    CHECK(letter_of_unsent(errc::tls_untrusted) == "N");
    CHECK(letter_of_unsent(errc::tls_weak_key) == "N");
    CHECK(letter_of_unsent(errc::tls_failed) == "N");
}

TEST_CASE("row_16_expired_certificate_is_not_retried")
{
    CHECK(letter_of_unsent(errc::tls_expired) == "N");
    CHECK(letter_of_unsent(errc::tls_not_yet_valid) == "N");
}

TEST_CASE("row_17_certificate_for_another_host_is_not_retried")
{
    CHECK(letter_of_unsent(errc::tls_host_mismatch) == "N");
}

TEST_CASE("row_18_old_tls_version_is_not_retried") { CHECK(letter_of_unsent(errc::tls_protocol) == "N"); }

TEST_CASE("row_19_handshake_that_stalls_is_retried") { CHECK(letter_of_unsent(errc::tls_timeout) == "A"); }

TEST_CASE("row_20_eof_framed_body_without_close_notify_is_retried_if_idempotent")
{
    CHECK(letter_of_unanswered(errc::truncated_response) == "I");
}

TEST_CASE("row_21_garbage_inside_the_tls_stream_is_retried_if_idempotent")
{
    CHECK(letter_of_unanswered(errc::connection_lost) == "I");
}

TEST_CASE("row_22_malformed_response_is_not_retried_and_a_create_confirmed")
{
    CHECK(letter_of_unanswered(errc::malformed_response) == "N, create: confirm");
}

TEST_CASE("row_23_status_out_of_range_is_not_retried_and_a_create_confirmed")
{
    for (const unsigned status : {99U, 199U, 600U, 999U}) {
        CAPTURE(status);
        CHECK(letter_of_status(status) == "N, create: confirm");
    }
}

TEST_CASE("row_24_response_too_large_is_not_retried_and_a_create_confirmed")
{
    CHECK(letter_of_unanswered(errc::response_too_large) == "N, create: confirm");
}

TEST_CASE("row_39_redirect_is_not_retried")
{
    for (const unsigned status : {300U, 301U, 302U, 303U, 304U, 307U, 308U, 399U}) {
        CAPTURE(status);
        CHECK(letter_of_status(status) == "N");
    }
}

TEST_CASE("row_40_429_is_retried")
{
    CHECK(letter_of_status(429) == "A");
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        CHECK(first(k, after(std::chrono::seconds(3), answered(k, 429))) == "send after 3000 ms");
    }
}

TEST_CASE("row_41_retry_after_that_is_huge_fails_now")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        CHECK(first(k, after(std::chrono::seconds(61), answered(k, 429))) == "rate_limited, effect none");
        CHECK(first(k, after(std::chrono::seconds(2'147'483'647), answered(k, 429))) ==
              "rate_limited, effect none");
    }
}

TEST_CASE("row_41_retry_after_that_is_garbage_leaves_the_own_backoff")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        played_call c(k);
        c.random = 40'000'000;
        CHECK(c.ends(answered(k, 429)) == "send after 40 ms");
    }
}

TEST_CASE("row_42_5xx_about_load_is_retried_if_idempotent")
{
    for (const unsigned status : {500U, 502U, 503U, 504U}) {
        CAPTURE(status);
        CHECK(letter_of_status(status) == "I");
    }
}

TEST_CASE("row_43_status_counts_whatever_the_body_is")
{
    CHECK(letter_of_status(502, "<html>already exists</html>") == "I");
    CHECK(letter_of_status(429, "slow down: room exists") == "A");
}

TEST_CASE("row_44_content_encoding_is_not_retried_and_a_create_confirmed")
{
    CHECK(letter_of_unanswered(errc::malformed_response) == "N, create: confirm");
}

TEST_CASE("row_45_unusable_body_of_a_get_is_not_retried")
{
    CHECK(classify_failure(errc::bad_body, false, true, 200) == failure::refused);
    CHECK(letter(classify_failure(errc::bad_body, false, true, 200)) == "N");
}

TEST_CASE("row_60_out_of_descriptors_is_retried")
{
    CHECK(letter_of_unsent(errc::resource_exhausted) == "A");
}

TEST_CASE("retry_rules_other_5xx_are_not_retried_and_a_create_confirmed")
{
    for (const unsigned status : {501U, 505U, 511U, 599U}) {
        CAPTURE(status);
        CHECK(letter_of_status(status) == "N, create: confirm");
    }
}
