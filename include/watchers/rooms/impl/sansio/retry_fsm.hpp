// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/retry_budget.hpp>
#include <watchers/rooms/impl/sansio/retry_rules.hpp>
#include <watchers/rooms/retry.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace watchers::rooms::detail {

// What an attempt sends.
enum class request_role : unsigned char
{
    operation,    // what the caller asked for
    confirmation, // a get of the room whose create may have been carried out
};

// How an attempt ended.
struct attempt_result
{
    error_code error;               // zero: success
    failure how = failure::refused; // of an error
    rooms::effect effect = rooms::effect::none;
    std::optional<std::chrono::seconds> retry_after;
    bool other_credentials =
        false;               // there are others than those it was sent with, or a provider can be asked
    bool matches = false;    // of a confirmation that succeeded: it is the room that was asked for
    bool recognized = false; // the response has the form of the API's
};

// What the call does next.
struct retry_step
{
    enum class action : unsigned char
    {
        finish,
        send,            // a request in `role`, after `delay`
        ask_credentials, // then send at once
    };

    action what = action::finish;
    request_role role = request_role::operation;
    clock::duration delay{};
    bool replay = false; // in place of the dead connection, at once, not counted
    bool denied = false; // by the budget: finish, where there would have been a retry

    // To finish with
    error_code error;
    rooms::effect effect = rooms::effect::none;
    bool confirmed = false;
    const char* note = nullptr;
};

// One call from its first attempt to its end: attempt, wait, confirm, done.
//
//   operation --ok / final failure--> done              looking --found--> done
//       |  ^                                                |
//       |  +-- retry after backoff                         404
//       |                                                   v
//       +--- confirm (create) ---> looking           looking_again --found--> done
//       ^                             ^                     |
//       |                             |                    404: once back to operation, then done
//       +-----------------------------+---------------------+
//
// A 404 proves that the room is not there only if its body has the form of the API's: a proxy without a
// route sends one, too.
//
// Attempts in looking and looking_again are gets, retried by a get's rules.
class retry_fsm
{
public:
    retry_fsm() = default;

    // What a decision depends on beside the call.
    struct circumstances
    {
        const retry_policy& policy;
        retry_budget& budget;
        clock::time_point now;
        clock::time_point deadline;
        std::uint64_t random;              // uniform over all values
        clock::duration operation_takes{}; // an exchange of it, at least; zero if unknown
        clock::duration look_takes{};      // the same, of a confirmation
    };

    void begin(operation_kind kind) noexcept { *this = retry_fsm(kind); }

    // An attempt of the operation succeeded.
    retry_step on_success(rooms::effect, retry_budget&) noexcept;

    // An attempt ended in another way, or was a confirmation.
    retry_step on_attempt(const attempt_result&, const circumstances&) noexcept;

    // The connection had served before, and was dead before any byte of an answer.
    // @returns finish if there is to be no replay: on_attempt() then judges the failure.
    retry_step on_dead_connection(const retry_policy&) noexcept;

    request_role role() const noexcept
    {
        return state_ == state::operation ? request_role::operation : request_role::confirmation;
    }

    // What the attempts so far did to the room.
    rooms::effect effect() const noexcept
    {
        return lost_ || state_ != state::operation ? rooms::effect::unknown : rooms::effect::none;
    }

    // An attempt of the operation was given up in the middle.
    void on_interrupted() noexcept { note_effect(rooms::effect::unknown); }

private:
    enum class state : unsigned char
    {
        operation,
        looking,
        looking_again, // after settle_delay
    };

    enum class at : bool
    {
        no_cost,
        a_cost,
    };

    explicit retry_fsm(operation_kind k) noexcept : kind_(k) {}

    retry_step on_missing_at_delete(const attempt_result&, const circumstances&) noexcept;
    retry_step judge_found(const attempt_result&, retry_budget&) noexcept;
    retry_step on_not_there(const attempt_result&, const circumstances&) noexcept;
    retry_step begin_confirmation(const attempt_result&, const circumstances&) noexcept;
    retry_step retry(const attempt_result&, const circumstances&) noexcept;
    retry_step give_up(const attempt_result&, const char* note = nullptr) noexcept;
    retry_step send(const attempt_result&, clock::duration delay, const circumstances&, at) noexcept;
    void note_effect(rooms::effect e) noexcept
    {
        if (e == rooms::effect::unknown && state_ == state::operation && kind_ != operation_kind::get_room)
            lost_ = true;
    }

    operation_kind kind_ = operation_kind::get_room;
    state state_ = state::operation;
    bool lost_ = false;      // an attempt may have been carried out
    bool throttled_ = false; // by a 429 before
    bool created_again_ = false;
    bool replayed_ = false;
    bool asked_credentials_ = false;
    std::uint8_t unsent_failures_ = 0;
    std::uint8_t ambiguous_failures_ = 0;
    std::uint8_t throttled_failures_ = 0;
    std::uint16_t retries_ = 0;
    std::uint16_t last_cost_ = 0;
    error_code refusal_; // of the create that led to the confirmation, where it was not carried out
};

} // namespace watchers::rooms::detail
