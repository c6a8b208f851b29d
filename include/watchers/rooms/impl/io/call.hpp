// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/io/completion.hpp>
#include <watchers/rooms/impl/io/waiting_line.hpp>
#include <watchers/rooms/impl/sansio/classify.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/pool_core.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/sansio/response_reader.hpp>
#include <watchers/rooms/impl/sansio/retry_fsm.hpp>
#include <watchers/rooms/impl/sansio/room_order.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

class connection;
class engine;

// One operation from its acceptance to its completion. What follows from the end of an attempt is for
// retry_fsm to say; this carries it out. Completes exactly once: every path ends in finish(), and a finished
// call is off all lists. The object is used again for later calls; ids tell them apart.
//
//   begin(), launch() -> turn -> credentials -> throttled -> queued -> exchanging -> finish()
//                                     ^            ^                       |
//                                     |            +------- backoff -------+
//                                     +------------------------------------+
//
//   A stage in which there is nothing to wait for is passed through. Deadline, cancellation and shutdown end
//   the call in each of them.
class call final : public pool_core::ticket,
                   public list_hook<call>,
                   public list_hook<waiting_hook>,
                   public room_order::change,
                   private deadline
{
public:
    explicit call(engine& e) noexcept : engine_(e) {}

    // Takes over a request whose arguments are checked. If this throws, the handler is gone and the call is
    // as before.
    void begin(std::uint64_t id, call_request, const call_options&, room_handler, clock::time_point now);

    // Sets out for a connection.
    void launch(clock::time_point now);

    std::uint64_t id() const noexcept { return id_; }

    // What is to be sent.
    const encoded_call& encoded() const noexcept
    {
        return fsm_.role() == request_role::operation ? encoded_ : confirmation_;
    }

    // Waiting

    void seek_connection(clock::time_point now);
    void acquire(clock::time_point now, bool beyond_limit);
    void put_back(clock::time_point now);

    // Whether the time that is left is enough for the exchange that comes next.
    bool can_finish(clock::time_point now) const noexcept;
    void stand_in(waiting_line&, waiting_line::end) noexcept;
    void leave_line() noexcept;
    bool outlasted_by(clock::time_point until) const noexcept { return until >= deadline_; }
    bool too_late_for_pause(clock::time_point now); // and has ended then
    void on_no_credentials(error_code cause);
    void raise() noexcept; // out of the background

    // The pool

    void on_connection(connection&, clock::time_point now);
    void on_open_failed(connection&, error_code, error_code cause);

    // The exchange

    void on_first_byte();
    void on_answer(connection&, response&, bool reusable);
    void on_exchange_failed(connection&, error_code, error_code cause);

    // The caller

    void cancel(boost::asio::cancellation_type);
    void shut_down();

    // The execution context is going: the handler is destroyed, not called.
    void abandon() noexcept;

private:
    enum class stage : unsigned char
    {
        turn,        // waits for an earlier change of the same room
        credentials, // waits for the provider
        throttled,   // waits at the gate
        backoff,     // waits before another attempt
        queued,      // waits in the pool
        exchanging,
    };

    std::string_view ordered_room() const noexcept override { return request_->room_id(); }
    void on_deadline(clock::time_point now) override;
    void resume(clock::time_point now); // after a backoff

    operation_kind kind() const noexcept { return encoded_.kind; }
    const retry_policy& policy() const noexcept;
    rooms::phase waiting_phase() const noexcept;
    bool tried_before() const noexcept { return attempts_ > 0 || diagnostics_.last_failure(); }
    // Of config::max_waiting_calls: what a bulk run may have under way is limited by itself.
    bool beyond_limits() const noexcept { return begun_in_background_ || tried_before(); }

    // A bulk run has more operations than can be sent at once: each has its time from its first attempt on.
    // Else a pause, or single calls that go first, would fail them all, one after the other.
    void stop_clock() noexcept { deadline_ = clock::time_point::max(); }
    bool clock_stands() const noexcept { return deadline_ == clock::time_point::max(); }
    void start_clock(clock::time_point now) noexcept
    {
        if (clock_stands()) deadline_ = now + timeout_;
    }

    void raise_those_ahead() noexcept;
    retry_budget& budget() noexcept;

    // Attempts
    void judge(const response&, attempt_result&, room& told);
    void read_room(const response&, operation_kind asked, attempt_result&, room& told);
    void read_coded(const response&, operation_kind asked, attempt_result&, room& told);
    void describe_refusal(const response&, const verdict&);
    void describe_refused_handshake(error_code) noexcept;
    std::string shown(std::string_view server_text) const;
    void forget_refusal();
    void note_failure(error_code);
    void fail_exchange(connection&, error_code, error_code cause, when);
    void go_on(const attempt_result&, room told, when);
    void try_again(const retry_step&, error_code failure, clock::time_point now);
    void renew_credentials(error_code refusal, clock::time_point now);
    void conclude(const retry_step&, const attempt_result&, room told, when);
    std::exception_ptr let_go(connection&, clock::time_point now, bool keep);
    void report_attempt(const connection&, error_code, unsigned status);

    void distrust_idle(const connection&, clock::time_point now);
    clock::duration exchange_takes(operation_kind, clock::time_point now) const noexcept;
    operation_kind next_kind() const noexcept
    {
        return fsm_.role() == request_role::operation ? kind() : operation_kind::get_room;
    }
    void turn_away();
    void fail_waiting(errc);
    void interrupt(errc);
    void finish(error_code, room, when);

    engine& engine_;
    std::uint64_t id_ = 0;
    std::optional<call_request> request_;
    encoded_call encoded_;
    encoded_call confirmation_; // of the call that confirmation_of_ names
    std::uint64_t confirmation_of_ = 0;
    std::optional<retry_policy> policy_;
    retry_fsm fsm_;
    rooms::diagnostics* asked_diagnostics_ = nullptr;
    rooms::diagnostics diagnostics_;
    std::optional<completion<room>> completion_;

    clock::duration timeout_{};
    clock::duration attempt_timeout_{};
    clock::time_point deadline_;       // the clock's last moment where it stands still
    waiting_line* line_ = nullptr;     // that it stands in
    connection* connection_ = nullptr; // exchanging on it
    std::uint64_t credentials_ = 0;    // generation of those sent last
    unsigned attempts_ = 0;
    stage stage_ = stage::queued;
    bool begun_in_background_ = false;

    // With an observer only
    clock::time_point began_;
    clock::time_point queued_;
    clock::time_point sent_;
    clock::time_point first_byte_;
};

} // namespace watchers::rooms::detail
