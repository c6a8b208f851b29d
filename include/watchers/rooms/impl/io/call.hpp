// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/io/completion.hpp>
#include <watchers/rooms/impl/sansio/classify.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/pool_core.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/sansio/response_reader.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace watchers::rooms::detail {

class connection;
class engine;

// One operation from its acceptance to its completion: queue, exchange, perhaps one replay, completion.
// Completes exactly once: every path ends in finish(), and a finished call is off all lists. The object is
// used again for later calls; ids tell them apart.
//
//            begin()
//               |
//            queued  --- on_connection() --->  exchanging  --- on_answer(), on_exchange_failed() --->
//            finish()
//               ^                                  |
//               +------------ replay --------------+         deadline, cancellation, shutdown: finish() from
//               each
class call final : public pool_core::ticket, public list_hook<call>, private deadline
{
public:
    explicit call(engine& e) noexcept : engine_(e) {}

    // Takes over a request whose arguments are checked. If this throws, the handler is gone and the call is
    // as before.
    void begin(std::uint64_t id, call_request, const call_options&, room_handler, clock::time_point now);

    // Asks for a connection.
    void launch(clock::time_point now);

    std::uint64_t id() const noexcept { return id_; }
    const encoded_call& encoded() const noexcept { return encoded_; }

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
    void on_deadline(clock::time_point now) override;
    operation_kind kind() const noexcept { return encoded_.kind; }
    bool replays(const connection&, error_code) const noexcept;
    void interrupt(errc);
    void let_go(connection&, bool keep, error_code, room, when);
    verdict judge(const response&, room& told);
    void describe_refusal(const response&);
    rooms::effect effect_so_far() const noexcept;
    void report_attempt(const connection&, error_code, unsigned status);
    void finish(error_code, room, when);

    engine& engine_;
    std::uint64_t id_ = 0;
    std::optional<call_request> request_;
    encoded_call encoded_;
    rooms::diagnostics* asked_diagnostics_ = nullptr;
    rooms::diagnostics diagnostics_;
    std::optional<completion<room>> completion_;

    clock::time_point deadline_;
    connection* connection_ = nullptr; // exchanging on it
    bool ambiguous_ = false; // a request was, or may have been, sent, and nothing tells what became of it
    bool replayed_ = false;
    unsigned attempts_ = 0;

    // With an observer only
    clock::time_point began_;
    clock::time_point queued_;
    clock::time_point sent_;
    clock::time_point first_byte_;
};

} // namespace watchers::rooms::detail
