// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/retry.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <limits>
#include <string>

using namespace watchers::rooms;
using namespace std::chrono;
using kind = operation_kind;

namespace {

constexpr milliseconds a_year = hours(24 * 365);

} // namespace

TEST_CASE("retry_policy_members_checked")
{
    using set = void (*)(retry_policy&);
    const struct
    {
        set change;
        const char* expected; // the beginning of the text
    } rows[] = {
        {[](retry_policy&) {}, ""},
        {[](retry_policy& p) { p.unsent_attempts = 0; }, "retry.unsent_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.unsent_attempts = 1; }, ""},
        {[](retry_policy& p) { p.unsent_attempts = 100; }, ""},
        {[](retry_policy& p) { p.unsent_attempts = 101; }, "retry.unsent_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.ambiguous_attempts = 0; }, "retry.ambiguous_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.ambiguous_attempts = 100; }, ""},
        {[](retry_policy& p) { p.ambiguous_attempts = 101; }, "retry.ambiguous_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.ambiguous_attempts = std::numeric_limits<unsigned>::max(); },
         "retry.ambiguous_attempts: "},
        {[](retry_policy& p) { p.throttled_attempts = 0; }, "retry.throttled_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.throttled_attempts = 100; }, ""},
        {[](retry_policy& p) { p.throttled_attempts = 256; }, "retry.throttled_attempts: must be 1 to 100"},
        {[](retry_policy& p) { p.backoff_base = 0ms; }, "retry.backoff_base: must be more than zero"},
        {[](retry_policy& p) { p.backoff_base = -1ms; }, "retry.backoff_base: "},
        {[](retry_policy& p) { p.backoff_base = 1ms; }, ""},
        {[](retry_policy& p) { p.backoff_base = p.backoff_cap = a_year; }, ""},
        {[](retry_policy& p) { p.backoff_base = p.backoff_cap = a_year + 1ms; }, "retry.backoff_base: "},
        {[](retry_policy& p) { p.backoff_cap = p.backoff_base; }, ""},
        {[](retry_policy& p) { p.backoff_cap = p.backoff_base - 1ms; },
         "retry.backoff_cap: must be at least backoff_base"},
        {[](retry_policy& p) { p.backoff_cap = a_year + 1ms; }, "retry.backoff_cap: "},
        {[](retry_policy& p) { p.backoff_cap = milliseconds::max(); }, "retry.backoff_cap: "},
        {[](retry_policy& p) { p.max_retry_after = 0ms; }, ""},
        {[](retry_policy& p) { p.max_retry_after = -1ms; }, "retry.max_retry_after: must be zero or more"},
        {[](retry_policy& p) { p.max_retry_after = a_year; }, ""},
        {[](retry_policy& p) { p.max_retry_after = a_year + 1ms; }, "retry.max_retry_after: "},
        {[](retry_policy& p) { p.settle_delay = 0ms; }, ""},
        {[](retry_policy& p) { p.settle_delay = -1ms; }, "retry.settle_delay: must be zero or more"},
        {[](retry_policy& p) { p.settle_delay = a_year + 1ms; }, "retry.settle_delay: "},
        {[](retry_policy& p) { p.budget = 0; }, ""},
        {[](retry_policy& p) { p.budget = std::numeric_limits<unsigned>::max(); }, ""},
        {[](retry_policy& p) { p.idempotent = {}; }, ""},
        {[](retry_policy& p) { p.idempotent.insert(kind::create_room); },
         "retry.idempotent: must not hold create_room"},
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        CAPTURE(i);
        INFO("expected: ", rows[i].expected);
        retry_policy p;
        rows[i].change(p);

        const std::string fault = check(p);

        if (*rows[i].expected == '\0')
            CHECK(fault == "");
        else
            CHECK_MESSAGE(fault.find(rows[i].expected) == 0, fault);
    }
}

TEST_CASE("retry_policy_defaults")
{
    const retry_policy p;
    CHECK(p.unsent_attempts == 4);
    CHECK(p.ambiguous_attempts == 4);
    CHECK(p.throttled_attempts == 6);
    CHECK(p.budget == 500);
    CHECK(p.confirm_creates);
    CHECK_FALSE(p.confirm_conflicts);
    CHECK(p.replay_on_dead_connection);
    CHECK_FALSE(p.accept_missing_on_delete);
    for (const kind k : {kind::get_room, kind::set_voice, kind::set_status, kind::delete_room})
        CHECK(p.idempotent.contains(k));
    CHECK_FALSE(p.idempotent.contains(kind::create_room));
}

TEST_CASE("retry_policy_none_sends_once")
{
    const retry_policy p = retry_policy::none();
    CHECK(check(p) == "");
    CHECK(p.unsent_attempts == 1);
    CHECK(p.ambiguous_attempts == 1);
    CHECK(p.throttled_attempts == 1);
    CHECK_FALSE(p.replay_on_dead_connection);
    CHECK_FALSE(p.confirm_creates);
    CHECK_FALSE(p.accept_missing_on_delete);
}

TEST_CASE("retry_policy_patient_outlasts_others")
{
    const retry_policy p = retry_policy::patient();
    const retry_policy usual;
    CHECK(check(p) == "");
    CHECK(p.unsent_attempts > usual.unsent_attempts);
    CHECK(p.ambiguous_attempts > usual.ambiguous_attempts);
    CHECK(p.throttled_attempts > usual.throttled_attempts);
    CHECK(p.max_retry_after > usual.max_retry_after);
    CHECK(p.budget == 0);
    CHECK(p.idempotent == usual.idempotent);
    CHECK(p.confirm_creates);
    CHECK_FALSE(p.accept_missing_on_delete);
}

TEST_CASE("operation_set_holds_what_was_inserted")
{
    operation_set s{kind::get_room, kind::delete_room};
    CHECK(s.contains(kind::get_room));
    CHECK(s.contains(kind::delete_room));
    CHECK_FALSE(s.contains(kind::create_room));
    CHECK_FALSE(s.contains(kind::set_voice));

    s.insert(kind::set_voice).erase(kind::get_room).erase(kind::set_status);

    CHECK(s == operation_set{kind::set_voice, kind::delete_room});
    CHECK_FALSE(s == operation_set{});
    CHECK(s.erase(kind::set_voice).erase(kind::delete_room) == operation_set());
}
