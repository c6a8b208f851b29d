// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/io/bulk_watch.hpp>
#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/io/completion.hpp>
#include <watchers/rooms/impl/io/connection.hpp>
#include <watchers/rooms/impl/io/counter.hpp>
#include <watchers/rooms/impl/io/credential_source.hpp>
#include <watchers/rooms/impl/io/environment.hpp>
#include <watchers/rooms/impl/io/observer_hooks.hpp>
#include <watchers/rooms/impl/io/random_key.hpp>
#include <watchers/rooms/impl/io/throttle_gate.hpp>
#include <watchers/rooms/impl/io/timers.hpp>
#include <watchers/rooms/impl/sansio/exchange_time.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/pool_core.hpp>
#include <watchers/rooms/impl/sansio/resolution.hpp>
#include <watchers/rooms/impl/sansio/retry_budget.hpp>
#include <watchers/rooms/impl/sansio/room_order.hpp>
#include <watchers/rooms/stats.hpp>

#include <boost/asio/post.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// The client behind its facade: calls, pool, and what they share. Used on one executor only; only totals()
// may be called from elsewhere.
class engine final : public std::enable_shared_from_this<engine>,
                     private environment::listener,
                     private deadline
{
public:
    // The configuration and the origin have been checked.
    engine(std::unique_ptr<environment>, config, origin);
    ~engine();

    // Connects the environment; once, after construction.
    void open();

    // The facade

    void start(call_request, const call_options&, room_handler);
    void drain(drain_handler);
    void cancel_call(call&, std::uint64_t id, boost::asio::cancellation_type);
    void cancel_drain(std::uint64_t id);
    void stop();
    void free_reserve() noexcept { reserve_.reset(); } // for what leads to stop(), where memory is short
    void abandon() noexcept;
    bool abandoned() const noexcept { return abandoned_; } // any thread
    // From any thread, also while the execution context is being destroyed: then f is dropped.
    template <class F>
    void post(F f)
    {
        const std::lock_guard lock(abandoning_);
        if (abandoned_) return;
        boost::asio::post(executor(), [alive = shared_from_this(), f = std::move(f)]() mutable {
            const thread_check::scope in_use(alive->check_);
            f();
        });
    }
    void set_credentials(const credentials&);
    void begin_watch(std::shared_ptr<bulk_watch>);
    void end_watch(const bulk_watch&) noexcept;
    stats totals() const noexcept;
    const boost::asio::any_io_executor& executor() const noexcept { return home_.guard(); }
    const executor_pair& home() const noexcept { return home_; }
    thread_check* usage() const noexcept { return check_; } // opened by each function of the facade

    // For connections

    environment& env() noexcept { return *environment_; }
    timers& clock_timers() noexcept { return timers_; }
    const config& settings() const noexcept { return config_; }
    void on_opened(connection&);
    void on_open_failed(connection&, error_code, error_code cause);
    void on_idle_lost(connection&);

    // For calls

    observer_hooks& hooks() noexcept { return hooks_; }
    bool observed() const noexcept { return hooks_.wanted(); }
    credential_source& credentials_in_use() noexcept { return credentials_; }
    throttle_gate& gate() noexcept { return gate_; }
    retry_budget& budget() noexcept { return budget_; }
    retry_budget& background_budget() noexcept { return background_budget_; }
    room_order& order() noexcept { return order_; }
    pool_core::acquisition acquire(call&, clock::time_point now, bool beyond_limit);
    void raise(call& c) noexcept { pool_.raise(c); }
    bool can_serve() const noexcept { return pool_.can_serve(); }
    void withdraw(call&);
    void open_wanted();
    void release(connection&, clock::time_point now, bool reusable);
    void replace(connection&, call&);
    void close_idle_since(clock::time_point);
    phase waiting_phase() const noexcept;
    bool stopped() const noexcept { return stopped_; }
    void note_pool() noexcept;
    void on_request_started(std::size_t bytes) noexcept;
    void on_request_ended(std::size_t bytes_read) noexcept { totals_.bytes_read.add(bytes_read); }

    exchange_time& times(operation_kind k) noexcept { return times_[static_cast<std::size_t>(k)]; }
    void on_turned_away() noexcept { totals_.turned_away.add(1); }
    void on_retry() noexcept { totals_.retries.add(1); }
    void on_retry_denied() noexcept { totals_.retries_denied.add(1); }
    void on_confirmation() noexcept { totals_.confirmations.add(1); }
    void on_other_room() noexcept { totals_.other_rooms.add(1); }
    void on_other_service() noexcept { totals_.not_the_service.add(1); }
    void on_credentials_asked() noexcept { totals_.credentials_asked.add(1); }

    // An answer was 429: all calls wait, for as long as it asked for. Returns what went wrong at the expense
    // of calls that do not wait that long.
    std::exception_ptr pause(std::optional<std::chrono::seconds> asked_for);

    // The call's turn, or what it waited for, has come: it goes on in run_woken(). Not from within, since
    // each may end, and wake the next.
    void wake(call& c) noexcept;
    void run_woken();

    // The call is over and off all lists: lets its handler be called, and keeps the object for the next one.
    void retire(call&, completion<room>, error_code, room, when);

private:
    struct drain_waiter
    {
        std::uint64_t id;
        completion<> done;
    };

    struct counters
    {
        counter open, idle, busy, opening, calls, waiting;
        counter requests, opened, failed, resumed, replays, bytes_written, bytes_read;
        counter throttled_calls, retries, retries_denied, confirmations, throttled, other_rooms,
            credentials_asked, not_the_service, turned_away;
    };

    void on_wake() override { timers_.run(); }
    void on_resolved(error_code, std::vector<endpoint>) override;
    void on_deadline(clock::time_point now) override; // idle connections that are too old

    call& take_call();
    void refuse(errc, operation_kind, const call_options&, std::string message, room_handler);
    void open_one(connection&);
    std::exception_ptr turn_away_late(clock::time_point now) noexcept;
    void close_idle();
    void close_unused();
    void watch_idle(clock::time_point now);
    void finish_drains(error_code);

    std::unique_ptr<std::array<char, 1024>> reserve_ = std::make_unique<std::array<char, 1024>>();
    std::unique_ptr<environment> environment_;
    executor_pair home_;
    thread_check* const check_; // the environment's
    config config_;
    observer_hooks hooks_;
    timers timers_;
    credential_source credentials_;
    throttle_gate gate_;
    retry_budget budget_;
    retry_budget background_budget_{0};
    room_order order_{random_key()};
    std::array<exchange_time, static_cast<std::size_t>(operation_kind::delete_room) + 1> times_; // by kind
    pool_core pool_;
    std::vector<std::unique_ptr<connection>> connections_;

    std::vector<std::unique_ptr<call>> calls_;
    std::vector<call*> spare_calls_;
    intrusive_list<call, call> active_;
    waiting_line woken_;
    bool running_woken_ = false;
    std::uint64_t last_id_ = 0;

    std::vector<std::shared_ptr<bulk_watch>> watches_;
    std::vector<drain_waiter> drains_;
    resolution resolution_;
    std::vector<endpoint> late_addresses_; // as long as resolution_ says that they serve
    std::vector<connection*> unresolved_;  // of on_resolved(), with room for all connections
    bool opening_wanted_ = false;
    bool draining_ = false;
    bool stopped_ = false;
    std::mutex abandoning_;
    std::atomic<bool> abandoned_ = false;
    counters totals_;
};

} // namespace watchers::rooms::detail
