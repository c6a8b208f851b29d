// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "network.hpp"
#include "plan.hpp"
#include "record.hpp"
#include "world.hpp"

#include <watchers/rooms/observer.hpp>
#include <watchers/rooms/stats.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchers::rooms::sim {

// The invariants. Each looks at what happened on the wire, in the service, and to the callers; what the
// client tells by its hooks is used where nothing else can be seen, and is held against the rest.
class checker final : public observer
{
public:
    checker(world&, const plan&, record&, network&, model_server&);

    // The wire (wire_rules.cpp)

    void on_sent(exchange&, const wire&);
    void on_over(const exchange&); // answered or given up
    void on_answered(const exchange&);

    // The service (truth.cpp)

    void on_applied(exchange&);

    // Callers

    void on_start(caller&);   // about to be started
    void on_started(caller&); // the initiating function has returned
    void on_handler(caller&); // truth.cpp
    void on_cancel(caller&, bool total_only);
    void on_drain() noexcept { draining_ = true; }
    void on_stop() noexcept { stopped_ = true; }
    void on_abandon() noexcept { abandoned_ = true; }
    bool draining() const noexcept { return draining_; }
    bool stopped() const noexcept { return stopped_ || abandoned_; }

    // Credentials (wire_rules.cpp)

    unsigned on_provider_asked(); // returns the question's number
    void on_provider_answered(unsigned question, std::optional<unsigned> key); // the client has the answer
    void on_credentials(unsigned key);                                         // set, or got

    // Totals (accounts.cpp)

    void on_step(const stats&, std::uint64_t observer_threw);
    void at_rest(const stats&);
    void at_end();

    time_point paused_until() const noexcept { return paused_until_; }

    // Hooks (accounts.cpp)

    void on_call_start(const call_start&) override;
    void on_attempt_end(const attempt_end&) override;
    void on_retry(const retry_planned&) override;
    void on_call_end(const call_end&) override;

private:
    void require(bool holds, std::string_view name, const caller&, std::string_view what = {});
    caller* find(std::uint64_t id);
    void asks(caller&);

    // patience.cpp
    void check_patience(const caller&, const call_end&);
    bool had_another(const caller&) const;

    // wire_rules.cpp
    void check_connection(const wire&);
    void check_survivor(const exchange&, const wire&);
    void check_time_left(exchange&);
    void note_duration(const exchange&);
    void check_cuts() const;
    bool lacked_time(const caller&) const;
    duration longest_estimate() const;
    void check_throttle(const exchange&);
    void check_rate(const exchange&);
    void check_key(const exchange&);
    void check_order(const exchange&);
    void check_turn_in_pool(const exchange&);
    void check_repetition(const exchange&);
    void check_create_again(const exchange&);

    // truth.cpp
    void check_error(const caller&);
    void check_effect(const caller&);
    void check_success(const caller&);
    void check_told(const caller&);
    void check_told_of_change(const caller&, const std::string& answer);

    world& world_;
    const plan& plan_;
    record& record_;
    network& network_;

    caller* starting_ = nullptr;
    std::size_t begun_ = 0; // calls under way, by the observer
    std::uint64_t asks_ = 0;
    std::uint64_t ends_ = 0;
    bool draining_ = false;
    bool stopped_ = false;
    bool abandoned_ = false;

    // Throttling
    time_point paused_until_{};
    double level_ = 0; // of the bucket that the rate limit stands for
    time_point level_at_{};

    // When the last request was sent that timed out on a connection that had served before
    time_point timed_out_sent_{};

    // Exchanges (overload.cpp)
    static constexpr std::uint64_t few_cuts = 3;
    std::uint64_t foreseeable_ = 0;
    std::uint64_t cut_ = 0; // of the foreseeable, by the deadline
    duration longest_{};
    struct recent_exchanges
    {
        unsigned under_way = 0;
        unsigned samples = 0; // that were answered
        duration shortest{};  // of them and of those cut by the deadline, twice
        time_point ended{};   // the last one
    };
    std::array<recent_exchanges, static_cast<std::size_t>(operation_kind::delete_room) + 1>
        recent_{}; // by kind

    // Credentials
    unsigned newest_key_ = 0;  // that the client got
    bool key_refused_ = false; // a 401 came for the newest
    unsigned question_ = 0;    // the last one
    bool asked_ = false;
    time_point asked_at_{};

    // The retry budget
    std::uint64_t tokens_ = 0;
    std::uint64_t retries_ = 0;
    std::uint64_t confirmations_ = 0;
    std::uint64_t throttled_ = 0;
    std::uint64_t other_rooms_ = 0;
};

} // namespace watchers::rooms::sim
