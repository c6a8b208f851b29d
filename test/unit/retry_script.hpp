// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../../src/roomctl/error_name.hpp"

#include <watchers/rooms/impl/sansio/classify.hpp>
#include <watchers/rooms/impl/sansio/retry_fsm.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms::test {

using kind = operation_kind;

constexpr kind every_kind[] = {kind::create_room, kind::get_room, kind::set_voice, kind::set_status,
                               kind::delete_room};

// How an attempt ends, as the rest of the library judges it.

inline detail::attempt_result answered(kind k, unsigned status, std::string_view body = {})
{
    detail::response told;
    told.status = status;
    told.body = body;
    const detail::verdict v = detail::classify_answer(k, told);
    detail::attempt_result r;
    r.error = v.error;
    r.effect = v.effect;
    r.recognized = v.recognized;
    if (v.error) r.how = detail::classify_failure(v.error, false, true, status);
    return r;
}

inline detail::attempt_result unsent(errc e = errc::connect_failed, bool name_unknown = false)
{
    detail::attempt_result r;
    r.error = e;
    r.how = detail::classify_failure(e, name_unknown, false, 0);
    return r;
}

// Writing began, and no usable answer came.
inline detail::attempt_result unanswered(kind k, errc e = errc::connection_lost)
{
    detail::attempt_result r;
    r.error = e;
    r.effect = detail::effect_of_failure(k, true);
    r.how = detail::classify_failure(e, false, true, 0);
    return r;
}

constexpr std::string_view no_such_room = R"({"statusCode":404,"message":"Room not found"})";

inline detail::attempt_result not_there() { return answered(kind::get_room, 404, no_such_room); }

inline detail::attempt_result found(bool matches)
{
    detail::attempt_result r = answered(kind::get_room, 200);
    r.matches = matches;
    return r;
}

inline detail::attempt_result after(std::chrono::seconds wait, detail::attempt_result r)
{
    r.retry_after = wait;
    return r;
}

// One call, played from a script of how its attempts end. Without a random value no backoff takes time.
class played_call
{
public:
    explicit played_call(kind k, const retry_policy& p = {}) : policy(p), budget(p.budget) { fsm.begin(k); }

    detail::retry_step step_after(const detail::attempt_result& r)
    {
        return fsm.on_attempt(r, {policy, budget, now, deadline, random});
    }

    // The next step in words: "send", "look", "look after 500 ms", "ask", "conflict, effect none".
    std::string ends(const detail::attempt_result& r) { return tell(step_after(r)); }
    std::string finds_dead_connection() { return tell(fsm.on_dead_connection(policy)); }

    static std::string tell(const detail::retry_step& s)
    {
        using action = detail::retry_step::action;
        if (s.what == action::finish) {
            std::string text(s.error ? roomctl::error_name(s.error) : "success");
            text.append(", effect ").append(to_string(s.effect));
            return s.confirmed ? text + ", confirmed" : text;
        }
        std::string text = s.what == action::ask_credentials           ? "ask"
                           : s.role == detail::request_role::operation ? "send"
                                                                       : "look";
        if (s.replay) text += " at once";
        if (s.delay.count() == 0) return text;
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(s.delay);
        return text + " after " + std::to_string(ms.count()) + " ms";
    }

    retry_policy policy;
    detail::retry_budget budget;
    detail::clock::time_point now{std::chrono::hours(1000)};
    detail::clock::time_point deadline = now + std::chrono::hours(1);
    std::uint64_t random = 0;
    detail::retry_fsm fsm;
};

} // namespace watchers::rooms::test
