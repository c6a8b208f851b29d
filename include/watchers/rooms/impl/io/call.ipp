// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/io/engine.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// What the caller's cancellation signal holds. It may fire at any time, also when the call is long over: it
// comes back by way of the client's executor and is matched by id.
class call_canceller
{
public:
    call_canceller(std::weak_ptr<engine> e, call& c, std::uint64_t id) noexcept
        : engine_(std::move(e))
        , call_(&c)
        , id_(id)
    {}

    void operator()(boost::asio::cancellation_type type) const
    {
        const auto e = engine_.lock();
        if (!e) return;
        boost::asio::post(e->executor(), [e, c = call_, id = id_, type] { e->cancel_call(*c, id, type); });
    }

private:
    std::weak_ptr<engine> engine_;
    call* call_;
    std::uint64_t id_;
};

WATCHERS_ROOMS_DECL void call::begin(std::uint64_t id, call_request request, const call_options& options,
                                     room_handler handler, clock::time_point now)
{
    constexpr std::chrono::milliseconds longest =
        std::chrono::hours(24 * 365); // keeps now + timeout within the clock's range
    const auto timeout = std::min(options.timeout().value_or(engine_.settings().timeout), longest);

    encode_call(request, engine_.settings().time_format, encoded_);
    try {
        engine_.clock_timers().set(*this, now + timeout);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) slot.template emplace<call_canceller>(engine_.weak_from_this(), *this, id);
        completion_.emplace(std::move(handler), engine_.home());
    } catch (...) {
        engine_.clock_timers().cancel(*this);
        throw;
    }

    id_ = id;
    request_.emplace(std::move(request));
    policy_ = options.retry();
    fsm_.begin(kind());
    asked_diagnostics_ = options.diagnostics();
    diagnostics_ = rooms::diagnostics();
    diagnostics_.set_operation(kind());
    deadline_ = now + timeout;
    attempts_ = 0;
}

WATCHERS_ROOMS_DECL void call::launch(clock::time_point now)
{
    if (observer* o = engine_.watcher()) {
        began_ = now;
        o->on_call_start({id_, kind(), request_->room_id()});
    }
    if (kind() != operation_kind::get_room && engine_.settings().ordered_changes) {
        stage_ = stage::turn;
        try {
            if (!engine_.order().enter(*this)) return;
        } catch (const std::bad_alloc&) {
            return interrupt(errc::resource_exhausted);
        }
    }
    seek_connection(now);
}

// Waiting

WATCHERS_ROOMS_DECL void call::seek_connection(clock::time_point now)
{
    // What this call waited for may be what ended at the same moment: nothing is sent in vain.
    if (now >= deadline_) return interrupt(errc::deadline_exceeded);
    if (engine_.watcher() != nullptr) queued_ = now;
    const auto id = id_;
    try {
        if (engine_.credentials_in_use().missing()) {
            stage_ = stage::credentials;
            return engine_.credentials_in_use().wait(*this, now);
        }
        if (engine_.gate().paused(now) && too_late_for_pause(now)) return;
        if (engine_.gate().full() && !tried_before()) {
            diagnostics_.set_phase(phase::throttle);
            return fail_waiting(errc::pool_full);
        }
        stage_ = stage::throttled;
        if (engine_.gate().pass(*this, now)) acquire(now, tried_before());
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

// A wait that would outlast the call is not begun.
WATCHERS_ROOMS_DECL bool call::too_late_for_pause(clock::time_point now)
{
    const auto until = engine_.gate().paused_until();
    if (!outlasted_by(until)) return false;
    diagnostics_.set_phase(phase::throttle)
        .set_retry_after(std::chrono::ceil<std::chrono::seconds>(until - now));
    fail_waiting(errc::rate_limited);
    return true;
}

// @param beyond_limit also where more calls wait already than config::max_waiting_calls.
WATCHERS_ROOMS_DECL void call::acquire(clock::time_point now, bool beyond_limit)
{
    stage_ = stage::queued;
    const auto acquired = engine_.acquire(*this, now, beyond_limit);
    switch (acquired.result) {
    case pool_core::outcome::assigned:
        return on_connection(static_cast<connection&>(*acquired.connection), now);
    case pool_core::outcome::full: diagnostics_.set_phase(phase::queue); return fail_waiting(errc::pool_full);
    case pool_core::outcome::queued: break;
    }
    const auto id = id_;
    try {
        const auto limit = engine_.settings().pool_timeout;
        if (limit.count() > 0) engine_.clock_timers().set(*this, std::min(deadline_, now + limit));
        engine_.open_wanted();
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

// The service asked for a pause while the call waited in the pool.
WATCHERS_ROOMS_DECL void call::put_back(clock::time_point now)
{
    const auto id = id_;
    try {
        engine_.clock_timers().set(*this, deadline_);
        if (too_late_for_pause(now)) return;
        stage_ = stage::throttled;
        engine_.gate().put_back(*this, now);
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void call::stand_in(waiting_line& l, waiting_line::end e) noexcept
{
    line_ = &l;
    if (e == waiting_line::end::front)
        l.push_front(*this);
    else
        l.push_back(*this);
}

WATCHERS_ROOMS_DECL void call::leave_line() noexcept
{
    if (waiting_line* const l = std::exchange(line_, nullptr)) l->erase(*this);
}

WATCHERS_ROOMS_DECL void call::on_no_credentials(error_code cause)
{
    diagnostics_.set_phase(phase::credentials).set_cause(cause);
    fail_waiting(errc::credentials_failed);
}

// What the call waited for cannot be had: an attempt that was not even begun. It is off all lines.
WATCHERS_ROOMS_DECL void call::fail_waiting(errc why)
{
    attempt_result r;
    r.error = why;
    r.how = failure::unreachable;
    go_on(r, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::on_deadline(clock::time_point now)
{
    if (now >= deadline_) return interrupt(errc::deadline_exceeded);
    switch (stage_) {
    case stage::backoff: return resume(now);
    case stage::exchanging: {
        const bool writing = connection_->exchange_phase() == phase::write;
        return fail_exchange(*connection_, writing ? errc::write_timeout : errc::response_timeout, {},
                             when::later);
    }
    default:
        diagnostics_.set_phase(waiting_phase());
        engine_.withdraw(*this);
        return fail_waiting(errc::pool_timeout);
    }
}

WATCHERS_ROOMS_DECL void call::resume(clock::time_point now)
{
    try {
        engine_.clock_timers().set(*this, deadline_);
    } catch (const std::bad_alloc&) {
        return interrupt(errc::resource_exhausted);
    }
    seek_connection(now);
}

// The end

WATCHERS_ROOMS_DECL void call::cancel(boost::asio::cancellation_type type)
{
    using boost::asio::cancellation_type;
    const bool total_only =
        (type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none;
    if (total_only && attempts_ > 0) return;
    interrupt(errc::cancelled);
}

WATCHERS_ROOMS_DECL void call::shut_down() { interrupt(errc::shutting_down); }

WATCHERS_ROOMS_DECL void call::abandon() noexcept
{
    engine_.clock_timers().cancel(*this);
    completion_.reset();
}

WATCHERS_ROOMS_DECL phase call::waiting_phase() const noexcept
{
    if (fsm_.role() == request_role::confirmation) return phase::confirm;
    switch (stage_) {
    case stage::turn: return phase::turn;
    case stage::credentials: return phase::credentials;
    case stage::throttled: return phase::throttle;
    case stage::backoff: return phase::backoff;
    default: return engine_.waiting_phase();
    }
}

// Ends the call wherever it is.
WATCHERS_ROOMS_DECL void call::interrupt(errc why)
{
    const auto id = id_;
    std::exception_ptr out_of_memory;
    if (connection* c = std::exchange(connection_, nullptr)) {
        const bool confirming = fsm_.role() == request_role::confirmation;
        diagnostics_.set_phase(confirming ? phase::confirm : c->exchange_phase());
        fsm_.on_interrupted();
        report_attempt(*c, why, 0);
        engine_.on_request_ended(c->bytes_read());
        out_of_memory = let_go(*c, false);
    } else {
        diagnostics_.set_phase(waiting_phase());
        leave_line();
        engine_.withdraw(*this);
    }
    if (id_ == id) {
        diagnostics_.set_effect(fsm_.effect());
        finish(why, {}, when::later);
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void call::finish(error_code ec, room told, when w)
{
    engine_.clock_timers().cancel(*this);
    diagnostics_.set_attempts(attempts_);
    if (observer* o = engine_.watcher())
        o->on_call_end({id_, kind(), request_->room_id(), ec, diagnostics_, engine_.env().now() - began_});
    if (asked_diagnostics_ != nullptr) *asked_diagnostics_ = std::move(diagnostics_);

    completion<room> done(std::move(*completion_));
    completion_.reset();
    id_ = 0;
    engine_.retire(*this, std::move(done), ec, std::move(told), w);
}

} // namespace watchers::rooms::detail
