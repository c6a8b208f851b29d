// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/environment.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::test {

class simulation;

// One connection, played by the test. The engine's calls are recorded; what comes from the network is said by
// the member functions below, each of which is one delivery. A delivery to a connection that was closed is
// dropped, as the contract of transport has it.
class scripted_transport final : public detail::transport,
                                 public std::enable_shared_from_this<scripted_transport>
{
public:
    enum class stage : unsigned char
    {
        made,
        connecting,
        connected,
        securing,
        ready,
        closed,
    };

    explicit scripted_transport(simulation& s) noexcept : simulation_(s) {}

    void listen(listener&) noexcept override;
    void connect(const detail::endpoint&) override;
    void secure() override;
    bool send(std::string_view) override;
    void close() noexcept override;
    bool resumed() const noexcept override { return is_resumed; }
    bool drained() const noexcept override { return is_drained; }
    bool quiet() noexcept override { return is_quiet; }

    // Deliveries

    void connected(error_code = {});
    void secured(error_code = {}, error_code cause = {});
    void data(std::string_view);
    void settled();
    void written();
    void ended(error_code, bool clean);
    void refused(errc, error_code cause);

    void open() { connected(), secured(); }
    void answer(std::string_view bytes) { data(bytes), settled(); }
    void reset();      // by the peer
    void half_close(); // close_notify, or a FIN without TLS
    void cut_off();    // a FIN under TLS without close_notify

    stage at() const noexcept { return stage_; }
    bool is_closed() const noexcept { return stage_ == stage::closed; }
    const detail::endpoint& to() const noexcept { return to_; }
    const std::vector<std::string>& requests() const noexcept { return requests_; }

    // For runs that are too long to keep them all.
    void forget_requests() noexcept
    {
        requests_.clear();
        answered = 0;
    }

    // Requests that no complete answer was delivered to, as the test counts them.
    std::size_t answered = 0;
    bool is_resumed = false;
    bool is_drained = true;
    bool is_quiet = true;
    bool takes_all = true; // else send() leaves something to be written

private:
    template <class F>
    void deliver(F);

    simulation& simulation_;
    listener* listener_ = nullptr;
    stage stage_ = stage::made;
    detail::endpoint to_;
    std::vector<std::string> requests_;
};

// The world outside the engine: a clock that the test moves, names that it resolves, connections that it
// plays.
class simulation
{
public:
    simulation();
    ~simulation();

    // For the engine; once.
    std::unique_ptr<detail::environment> make_environment();

    // The clock

    detail::clock::time_point now() const noexcept { return now_; }
    std::optional<detail::clock::time_point> alarm() const noexcept { return alarm_; }

    // The wall clock goes with it; the test may set it.
    std::chrono::system_clock::time_point wall_clock() const noexcept
    {
        return wall_start + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                now_ - detail::clock::time_point(std::chrono::hours(1000)));
    }

    // Moves the clock, and wakes the engine at each moment it asked for on the way.
    void advance(std::chrono::nanoseconds);

    // Moves the clock alone: whoever is to be woken is woken late.
    void leap(std::chrono::nanoseconds by) noexcept { now_ += by; }

    // Wakes the engine without need, which the contract allows.
    void wake_early();

    // Names

    bool resolving() const noexcept { return resolving_; }
    std::size_t resolutions() const noexcept { return resolutions_; }
    void resolved(error_code, std::vector<detail::endpoint>);
    void resolved(std::size_t addresses = 1);
    static detail::endpoint address(std::size_t n); // 192.0.2.n, port 443

    // Connections, in the order in which they were made

    std::size_t transports() const noexcept { return transports_.size(); }
    scripted_transport& transport(std::size_t i) { return *transports_.at(i); }

    // The executor

    boost::asio::io_context& io() noexcept { return *io_; }
    void poll();
    void destroy_io() noexcept { io_.reset(); }

    // What the engine did

    int work() const noexcept { return work_; }
    bool abandoned() const noexcept { return abandoned_; }

    // Breaches of the contracts of environment and transport; empty as it should be.
    const std::string& breaches() const noexcept { return breaches_; }
    void breach(std::string_view) noexcept;

    // Runs something that calls the engine. Allocations count in it, and nowhere else.
    void enter(const std::function<void()>&);
    bool inside() const noexcept { return inside_; }

    // Sun, 06 Nov 1994 08:49:37 GMT
    std::chrono::system_clock::time_point wall_start{std::chrono::seconds(784'111'777)};
    std::uint64_t next_random = 0;
    bool guarded_by_strand = false; // of the client's own; before make_environment()
    bool takes_all = true;          // for the transports that are made from now on

private:
    class mock_environment;

    detail::clock::time_point now_{std::chrono::hours(1000)};
    std::optional<detail::clock::time_point> alarm_;
    std::weak_ptr<detail::environment::listener> listener_;
    std::vector<std::shared_ptr<scripted_transport>> transports_;
    std::string breaches_;
    std::size_t resolutions_ = 0;
    int work_ = 0;
    bool resolving_ = false;
    bool abandoned_ = false;
    bool inside_ = false;
    std::unique_ptr<boost::asio::io_context> io_;
};

} // namespace watchers::rooms::test
