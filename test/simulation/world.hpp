// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sim {

using clock = detail::clock;
using time_point = clock::time_point;
using duration = clock::duration;

// A broken invariant.
struct violation
{
    std::string name;
    std::string what;
    time_point when;
};

// Time, chance, what is to happen, and what has happened. One thread; nothing in it depends on anything but
// the seed.
class world
{
public:
    static constexpr time_point begin{std::chrono::hours(1000)};

    world(std::uint64_t seed, bool verbose);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    random_source& random() noexcept { return random_; }
    time_point now() const noexcept { return now_; }

    // What happens

    void at(time_point, std::function<void()>);
    void after(duration d, std::function<void()> f) { at(now_ + d, std::move(f)); }

    // The one alarm of the engine's; called at that moment or, now and then, sooner.
    void set_alarm(std::optional<time_point> t) noexcept { alarm_ = t; }
    std::optional<time_point> alarm() const noexcept { return alarm_; }
    std::function<void()> on_alarm;

    // After everything that happened.
    std::function<void()> after_step;

    // Lets things happen until then, or until there is nothing left.
    void run_until(time_point);

    // The executor of the client's
    boost::asio::io_context& io() noexcept { return *io_; }
    bool has_io() const noexcept { return io_ != nullptr; }
    void destroy_io() noexcept { io_.reset(); }
    void drain_io();

    // What happened

    template <class... Parts>
    void note(std::string_view what, const Parts&... parts)
    {
        mix(what);
        mix_number(static_cast<std::uint64_t>((now_ - begin).count()));
        (mix(parts), ...);
        if (!verbose_) return;
        std::ostringstream line;
        line << what;
        ((line << ' ' << parts), ...);
        print(line.str());
    }

    void violate(std::string_view name, std::string what);
    const std::vector<violation>& violations() const noexcept { return violations_; }
    std::uint64_t hash() const noexcept { return hash_; }
    bool verbose() const noexcept { return verbose_; }

private:
    struct event
    {
        time_point when;
        std::uint64_t order;
        std::function<void()> what;
    };

    struct later
    {
        bool operator()(const event& a, const event& b) const noexcept
        {
            return a.when != b.when ? a.when > b.when : a.order > b.order;
        }
    };

    void mix(std::string_view) noexcept;
    template <std::integral N>
    void mix(N n) noexcept
    {
        mix_number(static_cast<std::uint64_t>(n));
    }
    void mix_number(std::uint64_t n) noexcept { hash_ = (hash_ ^ n) * 0x100000001B3U ^ (hash_ >> 29); }
    void print(const std::string&) const;

    std::optional<time_point> next_time() const noexcept;
    bool run_one_handler();
    void run_due();

    random_source random_;
    time_point now_ = begin;
    std::vector<event> events_; // a heap
    std::uint64_t order_ = 0;
    std::optional<time_point> alarm_;
    std::unique_ptr<boost::asio::io_context> io_;
    std::vector<violation> violations_;
    std::uint64_t hash_ = 0xCBF29CE484222325U;
    bool verbose_;
};

} // namespace watchers::rooms::sim
