// SPDX-License-Identifier: BSL-1.0
// How a run of the driver comes to its end.
#include "driver.hpp"

#include <watchers/rooms/impl/io/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <utility>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

class driver::drain_handler
{
public:
    explicit drain_handler(driver& d) noexcept : driver_(&d) {}

    void operator()(error_code ec) const
    {
        driver& d = *driver_;
        ++d.drain_handlers_;
        d.world_.note("drained", ec.message());
        if (d.drain_handlers_ > d.drains_) d.world_.violate("exactly_once", "the drain's handler");
        if (ec) {
            const bool due = ec == errc::cancelled ? d.plan_.drain_cancelled
                                                   : ec == errc::shutting_down && d.checker_->stopped();
            if (!due) d.world_.violate("distinct_errors", "drain: " + ec.message());
            return;
        }
        for (const caller* c : d.record_.active())
            if (c->begun) d.world_.violate("drain", "done before the end of " + c->name());
        if (d.network_.open() != 0) d.world_.violate("drain", "done, and connections are open");
    }

private:
    driver* driver_;
};

void driver::plan_ending()
{
    switch (plan_.ending) {
    case plan::finale::none: return;
    case plan::finale::drain: return world_.after(plan_.ending_at, [this] { drain(); });
    case plan::finale::stop: return world_.after(plan_.ending_at, [this] { stop(); });
    case plan::finale::stop_inside: return world_.after(plan_.ending_at, [this] { stop_wanted_ = true; });
    case plan::finale::abandon: return world_.after(plan_.ending_at, [this] { abandon(); });
    }
}

void driver::drain()
{
    if (!engine_) return;
    world_.note("drain");
    checker_->on_drain();
    ++drains_;
    engine_->drain(detail::drain_handler(
        boost::asio::bind_cancellation_slot(drain_signal_.slot(), drain_handler(*this))));
    if (plan_.drain_cancelled)
        world_.after(world_.random().moment(0us, 500ms), [this] {
            if (world_.has_io()) drain_signal_.emit(boost::asio::cancellation_type::terminal);
        });
}

void driver::stop()
{
    if (!engine_) return;
    world_.note("stop");
    checker_->on_stop();
    engine_->stop();
    engine_.reset();
    if (network_.open() != 0) world_.violate("leftovers", "connections are open after the client's end");
    if (world_.alarm()) world_.violate("leftovers", "an alarm after the client's end");
}

void driver::abandon()
{
    if (!engine_) return;
    world_.note("abandon");
    checker_->on_abandon();
    engine_->abandon();
    world_.destroy_io();
    engine_.reset();
    for (const caller& c : record_.callers())
        if (!c.handler.expired())
            world_.violate("leftovers", c.name() + ": its handler lives on when the context is gone");
    record_.active().clear();
}

// All calls end by their deadlines.
void driver::let_all_end()
{
    world_.run_until(std::max(last_start_, world_.now() + plan_.ending_at));
    while (!record_.active().empty()) {
        const auto last = std::max_element(record_.active().begin(), record_.active().end(),
                                           [](auto* a, auto* b) { return a->deadline < b->deadline; });
        const time_point end = (*last)->deadline;
        if (end < world_.now()) break; // a violation, and known as one
        world_.run_until(end);
        world_.drain_io();
        if (end == world_.now() && !record_.active().empty()) {
            for (const caller* c : record_.active())
                if (c->deadline <= world_.now()) world_.violate("deadline", c->name() + ": has not ended");
            std::erase_if(record_.active(), [this](auto* c) { return c->deadline <= world_.now(); });
        }
    }
    stop_wanted_ = false;
}

// With nothing in the way, every call is served soon, whatever happened before.
void driver::show_health()
{
    if (!engine_ || checker_->draining()) return;
    network_.heal();
    if (!plan_.provider) set_credentials();
    world_.run_until(world_.now() + 16s);

    const auto began = world_.now();
    const auto pause = std::max(checker_->paused_until(), began);
    const std::size_t first = record_.callers().size();
    const std::size_t n = 2 * plan_.settings.max_connections + 3;
    for (std::size_t i = 0; i < n; ++i)
        world_.after(world_.random().moment(0us, 100ms), [this] { start_call(true); });
    world_.run_until(pause + 20s);

    for (std::size_t i = first; i < record_.callers().size(); ++i) {
        const caller& c = record_.callers()[i];
        // A confirmation that was turned away ends in doubt, and tells what turned it away.
        const error_code why = c.error == errc::outcome_unknown ? c.diagnostics.last_failure() : c.error;
        const bool limited = (why == errc::pool_full && plan_.settings.max_waiting_calls < n) ||
                             (why == errc::pool_timeout && plan_.settings.pool_timeout.count() > 0);
        const bool served = c.done() && (!c.error || c.error == errc::not_found || c.error == errc::conflict);
        if (!served && !limited)
            world_.violate("starvation", c.name() + ": not served by a healthy service: " +
                                             (c.done() ? c.error.message() : "waits"));
    }
    world_.run_until(pause + 60s);
}

void driver::rest()
{
    world_.run_until(world_.now() + 60s);
    if (engine_) checker_->at_rest(engine_->totals());
}

void driver::finish()
{
    if (engine_ && world_.random().one_in(2)) stop();
    engine_.reset();
    world_.drain_io();
    if (drain_handlers_ != drains_ && world_.has_io()) world_.violate("exactly_once", "the drain's handler");
    if (!engine_alive_.expired()) world_.violate("leftovers", "the client lives on");
    checker_->at_end();
    held_replies_.clear();
}

} // namespace watchers::rooms::sim
