// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/flag_guard.hpp>
#include <watchers/rooms/impl/sansio/validate.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

class drain_canceller
{
public:
    drain_canceller(std::weak_ptr<engine> e, std::uint64_t id) noexcept : engine_(std::move(e)), id_(id) {}

    void operator()(boost::asio::cancellation_type) const
    {
        const auto e = engine_.lock();
        if (e) boost::asio::post(e->executor(), [e, id = id_] { e->cancel_drain(id); });
    }

private:
    std::weak_ptr<engine> engine_;
    std::uint64_t id_;
};

WATCHERS_ROOMS_DECL engine::engine(std::unique_ptr<environment> e, config c, origin o)
    : environment_(std::move(e))
    , home_(environment_->executor(), environment_->callers_executor())
    , check_(environment_->check())
    , config_(std::move(c))
    , hooks_(config_.observer)
    , timers_(*environment_)
    , credentials_(*this, std::move(o), config_.credentials, config_.credential_provider)
    , gate_(*this, config_.max_requests_per_second, config_.max_waiting_calls)
    , budget_(config_.retry.budget)
    , pool_({config_.max_connections, config_.max_waiting_calls, config_.idle_timeout})
{
    config_.credentials = {}; // or they would outlive those that replace them
}

WATCHERS_ROOMS_DECL engine::~engine() = default;

WATCHERS_ROOMS_DECL void engine::open()
{
    environment_->listen(std::shared_ptr<environment::listener>(shared_from_this(), this));
}

// Calls

WATCHERS_ROOMS_DECL void engine::start(call_request request, const call_options& options,
                                       room_handler handler)
{
    const auto alive = shared_from_this(); // a handler that is lost for want of memory may own the client
    const thread_check::scope in_use(check_);
    const auto kind = request.kind();
    if (stopped_ || draining_)
        return refuse(stopped_ ? errc::shutting_down : errc::draining, kind, options, {}, std::move(handler));
    if (std::string fault = check_request(request); !fault.empty())
        return refuse(errc::invalid_argument, kind, options, std::move(fault), std::move(handler));
    if (std::string fault = check(options); !fault.empty())
        return refuse(errc::invalid_argument, kind, options, std::move(fault), std::move(handler));
    if (options.timeout() && options.timeout()->count() <= 0)
        return refuse(errc::deadline_exceeded, kind, options, {}, std::move(handler));

    const auto now = environment_->now();
    call& c = take_call();
    environment_->work_started(); // before the timer's: an io_context that has no work stops
    try {
        c.begin(++last_id_, std::move(request), options, std::move(handler), now);
    } catch (...) {
        environment_->work_finished();
        spare_calls_.push_back(&c);
        throw;
    }
    active_.push_back(c);
    totals_.calls.set(active_.size());
    c.launch(now);
}

WATCHERS_ROOMS_DECL call& engine::take_call()
{
    if (spare_calls_.empty()) {
        spare_calls_.reserve(calls_.size() + 1); // giving a call back must not fail
        calls_.push_back(std::make_unique<call>(*this));
        return *calls_.back();
    }
    call& c = *spare_calls_.back();
    spare_calls_.pop_back();
    return c;
}

WATCHERS_ROOMS_DECL void engine::refuse(errc why, operation_kind kind, const call_options& options,
                                        std::string message, room_handler handler)
{
    if (auto* d = options.diagnostics()) {
        *d = rooms::diagnostics();
        d->set_operation(kind).set_message(std::move(message));
    }
    completion<room>(std::move(handler), home_).complete(when::later, home_, why, room());
}

WATCHERS_ROOMS_DECL void engine::retire(call& c, completion<room> done, error_code ec, room told, when w)
{
    const auto alive = shared_from_this(); // the handler may destroy the client
    active_.erase(c);
    totals_.calls.set(active_.size());

    class work_guard
    {
    public:
        explicit work_guard(environment& e) noexcept : environment_(e) {}
        ~work_guard() { environment_.work_finished(); }

    private:
        environment& environment_;
    };
    const work_guard guard(*environment_);
    // A handler that runs here is the last thing done; one that is posted comes before those of later changes
    // of the room, which may end now as well, and before those of a drain.
    const bool here = w == when::at_once && !home_.separate();
    std::exception_ptr out_of_memory; // at the expense of this call, or another
    try {
        if (!here) std::move(done).complete(w, home_, ec, std::move(told));
    } catch (const std::bad_alloc&) {
        out_of_memory = std::current_exception();
    }
    if (c.entered()) {
        if (room_order::change* const next = order_.leave(c)) wake(static_cast<call&>(*next));
        try {
            run_woken();
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    spare_calls_.push_back(&c);
    const bool drained = draining_ && !stopped_ && active_.empty();
    if (drained) close_unused();
    try {
        if (drained) finish_drains({});
    } catch (const std::bad_alloc&) {
        out_of_memory = std::current_exception();
    }
    if (here) std::move(done).complete(w, home_, ec, std::move(told));
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::wake(call& c) noexcept
{
    if (!stopped_) c.stand_in(woken_, waiting_line::end::back);
}

WATCHERS_ROOMS_DECL void engine::run_woken()
{
    if (running_woken_ || woken_.empty()) return;
    const flag_guard guard(running_woken_);
    std::exception_ptr out_of_memory;
    while (!woken_.empty()) {
        call& c = woken_.front();
        c.leave_line();
        try {
            c.seek_connection(environment_->now());
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::cancel_call(call& c, std::uint64_t id, boost::asio::cancellation_type type)
{
    const auto alive = shared_from_this();
    const thread_check::scope in_use(check_);
    if (c.id() == id) c.cancel(type);
}

// The end

WATCHERS_ROOMS_DECL void engine::drain(drain_handler handler)
{
    const auto alive = shared_from_this();
    const thread_check::scope in_use(check_);
    const auto id = ++last_id_;
    draining_ = true;
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.template emplace<drain_canceller>(weak_from_this(), id);
    drains_.push_back({id, completion<>(std::move(handler), home_)});
    if (stopped_) return finish_drains(errc::shutting_down);
    if (!active_.empty()) return;
    close_unused();
    finish_drains({});
}

WATCHERS_ROOMS_DECL void engine::cancel_drain(std::uint64_t id)
{
    const auto alive = shared_from_this();
    const thread_check::scope in_use(check_);
    const auto d =
        std::find_if(drains_.begin(), drains_.end(), [id](const drain_waiter& w) { return w.id == id; });
    if (d == drains_.end()) return;
    std::vector<drain_waiter> others;
    completion<> done(std::move(d->done));
    for (auto i = drains_.begin(); i != drains_.end(); ++i)
        if (i != d) others.push_back({i->id, completion<>(std::move(i->done))});
    drains_.swap(others);
    std::move(done).complete(when::later, home_, errc::cancelled);
}

WATCHERS_ROOMS_DECL void engine::finish_drains(error_code ec)
{
    std::exception_ptr out_of_memory;
    for (drain_waiter& w : std::exchange(drains_, {})) {
        try {
            std::move(w.done).complete(when::later, home_, ec);
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::stop()
{
    const auto alive = shared_from_this();
    const thread_check::scope in_use(check_);
    if (std::exchange(stopped_, true)) return;
    for (const auto& w : watches_)
        w->stop();
    watches_.clear();
    // A handler that is lost for want of memory is lost silently: a destructor is at work.
    while (!active_.empty()) {
        try {
            active_.front().shut_down();
        } catch (const std::bad_alloc&) {
        }
    }
    try {
        finish_drains(errc::shutting_down);
    } catch (const std::bad_alloc&) {
    }
    for (const auto& c : connections_)
        c->close();
    timers_.cancel(*this);
    gate_.close();
    credentials_.close();
    environment_->abandon();
}

WATCHERS_ROOMS_DECL void engine::abandon() noexcept
{
    const auto alive = shared_from_this(); // a handler's destructor may destroy the client
    const thread_check::scope in_use(check_);
    stopped_ = true;
    {
        const std::lock_guard lock(abandoning_);
        abandoned_ = true;
    }
    for (const auto& c : connections_)
        c->close();
    while (!active_.empty())
        active_.pop_front().abandon();
    drains_.clear();
    for (const auto& w : watches_)
        w->end();
    watches_.clear();
    timers_.cancel(*this);
    gate_.close();
    credentials_.close();
    environment_->abandon();
    environment_->let_go_of_strand();
    home_.let_go_of_strand();
}

// Bulk runs

WATCHERS_ROOMS_DECL void engine::begin_watch(std::shared_ptr<bulk_watch> w)
{
    const thread_check::scope in_use(check_);
    if (stopped_) return w->stop();
    watches_.push_back(std::move(w));
    try {
        watches_.back()->begin(timers_, environment_->now());
    } catch (const std::bad_alloc&) {
        // It is told of the client's end all the same.
    }
}

WATCHERS_ROOMS_DECL void engine::end_watch(const bulk_watch& w) noexcept
{
    const thread_check::scope in_use(check_);
    const auto i =
        std::find_if(watches_.begin(), watches_.end(), [&](const auto& p) { return p.get() == &w; });
    if (i == watches_.end()) return;
    (*i)->end();
    watches_.erase(i);
}

WATCHERS_ROOMS_DECL void engine::set_credentials(const credentials& c)
{
    const thread_check::scope in_use(check_);
    credentials_.use(c);
}

// Figures

WATCHERS_ROOMS_DECL void engine::on_request_started(std::size_t bytes) noexcept
{
    totals_.requests.add(1);
    totals_.bytes_written.add(bytes);
}

WATCHERS_ROOMS_DECL void engine::note_pool() noexcept
{
    totals_.idle.set(pool_.idle());
    totals_.busy.set(pool_.busy());
    totals_.opening.set(pool_.opening());
    totals_.waiting.set(pool_.waiting());
    totals_.throttled_calls.set(gate_.waiting());
}

WATCHERS_ROOMS_DECL stats engine::totals() const noexcept
{
    const auto size = [](const counter& c) { return static_cast<std::size_t>(c.read()); };
    stats s;
    s.idle_connections = size(totals_.idle);
    s.busy_connections = size(totals_.busy);
    s.open_connections = s.idle_connections + s.busy_connections;
    s.opening_connections = size(totals_.opening);
    s.calls = size(totals_.calls);
    s.waiting_calls = size(totals_.waiting);
    s.throttled_calls = size(totals_.throttled_calls);
    s.requests = totals_.requests.read();
    s.connections_opened = totals_.opened.read();
    s.connections_failed = totals_.failed.read();
    s.handshakes_resumed = totals_.resumed.read();
    s.replays = totals_.replays.read();
    s.retries = totals_.retries.read();
    s.retries_denied = totals_.retries_denied.read();
    s.confirmations = totals_.confirmations.read();
    s.throttled = totals_.throttled.read();
    s.other_rooms = totals_.other_rooms.read();
    s.not_the_service = totals_.not_the_service.read();
    s.credentials_asked = totals_.credentials_asked.read();
    s.turned_away = totals_.turned_away.read();
    s.bytes_written = totals_.bytes_written.read();
    s.bytes_read = totals_.bytes_read.read();
    s.observer_exceptions = hooks_.exceptions();
    return s;
}

} // namespace watchers::rooms::detail
