// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace watchers::rooms::sim {

world::world(std::uint64_t seed, bool verbose)
    : random_(seed)
    , io_(std::make_unique<boost::asio::io_context>(1))
    , verbose_(verbose)
{}

world::~world() = default;

void world::at(time_point when, std::function<void()> f)
{
    events_.push_back({std::max(when, now_), order_++, std::move(f)});
    std::push_heap(events_.begin(), events_.end(), later());
}

std::optional<time_point> world::next_time() const noexcept
{
    std::optional<time_point> next = alarm_;
    if (!events_.empty() && (!next || events_.front().when < *next)) next = events_.front().when;
    return next;
}

bool world::run_one_handler()
{
    if (!io_) return false;
    io_->restart();
    if (io_->poll_one() == 0) return false;
    if (after_step) after_step();
    return true;
}

void world::drain_io()
{
    while (run_one_handler()) {
    }
}

void world::run_due()
{
    const bool alarm_due = alarm_ && *alarm_ <= now_;
    const bool event_due = !events_.empty() && events_.front().when <= now_;
    if (alarm_due && (!event_due || random_.one_in(2))) {
        alarm_.reset();
        on_alarm();
    } else {
        std::pop_heap(events_.begin(), events_.end(), later());
        const std::function<void()> what = std::move(events_.back().what);
        events_.pop_back();
        what();
    }
    if (after_step) after_step();
}

void world::run_until(time_point end)
{
    for (;;) {
        // What the executor has queued runs before time goes on, but not always before what else is due.
        auto next = next_time();
        if (!next || *next > now_) {
            drain_io();
            next = next_time();
            if (!next || *next > end) break;
            now_ = std::max(now_, *next);
            if (alarm_ && *alarm_ > now_ && random_.one_in(64)) { // too early is allowed
                alarm_.reset();
                on_alarm();
            }
            continue;
        }
        if (random_.one_in(4)) {
            run_one_handler();
            continue;
        }
        run_due();
    }
    now_ = std::max(now_, end);
}

void world::violate(std::string_view name, std::string what)
{
    if (verbose_) print("VIOLATION " + std::string(name) + ": " + what);
    violations_.push_back({std::string(name), std::move(what), now_});
}

void world::mix(std::string_view text) noexcept
{
    for (const char c : text)
        hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
}

void world::print(const std::string& line) const
{
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now_ - begin).count();
    std::printf("%12.3f ms  %s\n", static_cast<double>(micros) / 1000, line.c_str());
}

} // namespace watchers::rooms::sim
