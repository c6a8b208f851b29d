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
    set_background(options.background());
    begun_in_background_ = options.background();
    fsm_.begin(kind());
    asked_diagnostics_ = options.diagnostics();
    diagnostics_ = rooms::diagnostics();
    diagnostics_.set_operation(kind());
    trust_all();
    timeout_ = timeout;
    attempt_timeout_ = options.attempt_timeout().value_or(engine_.settings().attempt_timeout);
    deadline_ = now + timeout;
    attempts_ = 0;
}

WATCHERS_ROOMS_DECL void call::launch(clock::time_point now)
{
    if (engine_.observed()) {
        began_ = now;
        engine_.hooks().on_call_start({id_, kind(), request_->room_id()});
    }
    if (kind() != operation_kind::get_room && engine_.settings().ordered_changes) {
        stage_ = stage::turn;
        try {
            if (!engine_.order().enter(*this)) return raise_those_ahead();
        } catch (const std::bad_alloc&) {
            return interrupt(errc::resource_exhausted);
        }
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
        // A caller's reasons to cancel are unknown; many do it where others set a timeout.
        constexpr auto long_silence = std::chrono::seconds(1);
        const auto now = engine_.env().now();
        if (why == errc::deadline_exceeded ||
            (why == errc::cancelled && c->silent() && now - c->exchange_began() >= long_silence))
            distrust_idle(*c, now);
        exchange_time& times = engine_.times(next_kind());
        if (why != errc::deadline_exceeded)
            times.abandoned(now);
        else if (c->taken_idle() && c->silent())
            times.cut_in_silence(c->exchange_began(), pool_core::idle_since(*c), now);
        else
            times.cut(c->exchange_began(), now);
        const bool confirming = fsm_.role() == request_role::confirmation;
        diagnostics_.set_phase(confirming ? phase::confirm : c->exchange_phase());
        fsm_.on_interrupted();
        report_attempt(*c, why, 0);
        engine_.on_request_ended(c->bytes_read());
        out_of_memory = let_go(*c, now, false);
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
    if (engine_.observed())
        engine_.hooks().on_call_end(
            {id_, kind(), request_->room_id(), ec, diagnostics_, engine_.env().now() - began_});
    if (asked_diagnostics_ != nullptr) *asked_diagnostics_ = std::move(diagnostics_);

    completion<room> done(std::move(*completion_));
    completion_.reset();
    id_ = 0;
    engine_.retire(*this, std::move(done), ec, std::move(told), w);
}

} // namespace watchers::rooms::detail
