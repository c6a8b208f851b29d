// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/sansio/error_body.hpp>
#include <watchers/rooms/impl/sansio/retry_after.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <algorithm>
#include <exception>
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
    asked_diagnostics_ = options.diagnostics();
    diagnostics_ = rooms::diagnostics();
    diagnostics_.set_operation(kind());
    deadline_ = now + timeout;
    ambiguous_ = false;
    replayed_ = false;
    attempts_ = 0;
}

WATCHERS_ROOMS_DECL void call::launch(clock::time_point now)
{
    if (observer* o = engine_.watcher()) {
        began_ = queued_ = now;
        o->on_call_start({id_, kind(), request_->room_id()});
    }
    const auto acquired = engine_.acquire(*this, now);
    switch (acquired.result) {
    case pool_core::outcome::assigned:
        return on_connection(static_cast<connection&>(*acquired.connection), now);
    case pool_core::outcome::full:
        diagnostics_.set_phase(phase::queue);
        return finish(errc::pool_full, {}, when::later);
    case pool_core::outcome::queued: break;
    }
    try {
        if (const auto limit = engine_.settings().pool_timeout; limit.count() > 0)
            engine_.clock_timers().set(*this, std::min(deadline_, now + limit));
        engine_.open_wanted();
    } catch (const std::bad_alloc&) {
        if (id_ == 0) throw; // the call is over, and its handler lost
        interrupt(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void call::on_connection(connection& c, clock::time_point now)
{
    connection_ = &c;
    ++attempts_;
    if (engine_.watcher() != nullptr) sent_ = first_byte_ = engine_.env().now();
    try {
        engine_.clock_timers().set(*this, std::min(deadline_, now + engine_.settings().attempt_timeout));
        c.start(*this, engine_.heads());
        engine_.on_request_started(c.request_size());
    } catch (const std::bad_alloc&) {
        interrupt(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void call::on_open_failed(connection& c, error_code ec, error_code cause)
{
    diagnostics_.set_phase(c.opening_phase()).set_cause(cause);
    ++attempts_; // for the observer: an attempt was made, though nothing was sent
    report_attempt(c, ec, 0);
    --attempts_;
    finish(ec, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::on_first_byte()
{
    if (engine_.watcher() != nullptr) first_byte_ = engine_.env().now();
}

WATCHERS_ROOMS_DECL void call::on_answer(connection& c, response& answer, bool reusable)
{
    diagnostics_.set_phase(phase::answered).set_http_status(answer.status);
    room told;
    verdict v = classify_answer(kind(), answer);
    try {
        v = judge(answer, told);
    } catch (const std::bad_alloc&) {
        v.error = errc::resource_exhausted;
    }
    diagnostics_.set_effect(v.effect);
    report_attempt(c, v.error, answer.status);
    engine_.on_request_ended(c.bytes_read());

    // After 408 and 421 the server wants another connection.
    const bool keep = reusable && v.error != errc::request_timeout && v.error != errc::misdirected_request;
    let_go(c, keep, v.error, std::move(told), when::at_once);
}

// Gives the connection back, perhaps to another call, and then ends.
WATCHERS_ROOMS_DECL void call::let_go(connection& c, bool keep, error_code ec, room told, when w)
{
    connection_ = nullptr;
    std::exception_ptr out_of_memory; // at the expense of that other call
    try {
        engine_.release(c, engine_.env().now(), keep);
    } catch (const std::bad_alloc&) {
        out_of_memory = std::current_exception();
    }
    finish(ec, std::move(told), w);
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

// Reads the answer: what it means, and what it tells of the room.
WATCHERS_ROOMS_DECL verdict call::judge(const response& answer, room& told)
{
    verdict v = classify_answer(kind(), answer);
    if (v.error) {
        describe_refusal(answer);
        if (!ambiguous_ || kind() == operation_kind::get_room) return v;
        if (kind() == operation_kind::delete_room && v.error == errc::not_found) {
            diagnostics_.set_note("the room is gone; an earlier request of this call, whose answer was lost, "
                                  "may have deleted it");
            return {{}, effect::applied};
        }
        v.effect = effect::unknown; // the refusal speaks of the last request only
        return v;
    }
    if (kind() == operation_kind::delete_room) return v;

    error_code unreadable;
    std::string note;
    told = room_builder::parse(std::string_view(answer.body), unreadable, &note);
    diagnostics_.set_note(std::move(note));
    if (!unreadable) return v;
    if (kind() == operation_kind::get_room)
        v.error = unreadable;
    else
        told = room_builder::synthesize(*request_);
    return v;
}

WATCHERS_ROOMS_DECL void call::describe_refusal(const response& answer)
{
    diagnostics_.set_message(error_message(answer.body));
    if (!answer.retry_after.empty())
        diagnostics_.set_retry_after(parse_retry_after(answer.retry_after, answer.date));
}

WATCHERS_ROOMS_DECL void call::on_exchange_failed(connection& c, error_code ec, error_code cause)
{
    diagnostics_.set_phase(c.exchange_phase()).set_cause(cause);
    ambiguous_ = true;
    connection_ = nullptr;
    report_attempt(c, ec, 0);
    engine_.on_request_ended(c.bytes_read());
    const auto now = engine_.env().now();
    if (replays(c, ec)) {
        replayed_ = true;
        queued_ = now;
        engine_.clock_timers().set(*this, deadline_);
        return engine_.replace(c, *this);
    }
    let_go(c, false, ec, {}, when::later);
}

// The server may close an idle connection just as it is picked; what was sent then was most likely not read.
WATCHERS_ROOMS_DECL bool call::replays(const connection& c, error_code ec) const noexcept
{
    return ec == errc::connection_lost && c.reused() && !replayed_ && replayable(kind());
}

WATCHERS_ROOMS_DECL void call::on_deadline(clock::time_point now)
{
    if (now >= deadline_) return interrupt(errc::deadline_exceeded);
    if (connection_ == nullptr) return interrupt(errc::pool_timeout);
    interrupt(connection_->exchange_phase() == phase::write ? errc::write_timeout : errc::response_timeout);
}

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

// Ends the call wherever it is.
WATCHERS_ROOMS_DECL void call::interrupt(errc why)
{
    if (connection* c = std::exchange(connection_, nullptr)) {
        diagnostics_.set_phase(c->exchange_phase());
        ambiguous_ = true;
        report_attempt(*c, why, 0);
        engine_.on_request_ended(c->bytes_read());
        return let_go(*c, false, why, {}, when::later);
    }
    diagnostics_.set_phase(engine_.waiting_phase());
    engine_.withdraw(*this);
    finish(why, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::report_attempt(const connection& c, error_code ec, unsigned status)
{
    observer* const o = engine_.watcher();
    if (o == nullptr) return;
    const bool sent = c.state() == pool_core::slot_state::busy;
    const auto now = engine_.env().now();
    phase_durations took;
    if (!c.reused()) took = c.opening_durations();
    took.queue = (sent ? sent_ : now) - queued_;
    if (sent) {
        took.wait = (first_byte_ > sent_ ? first_byte_ : now) - sent_;
        if (first_byte_ > sent_) took.read = now - first_byte_;
    }
    o->on_attempt_end({id_, kind(), attempts_, ec, status, !c.reused(), !c.reused() && c.resumed(),
                       sent ? c.request_size() : 0, sent ? c.bytes_read() : 0, took, false});
}

WATCHERS_ROOMS_DECL rooms::effect call::effect_so_far() const noexcept
{
    return kind() == operation_kind::get_room || !ambiguous_ ? effect::none : effect::unknown;
}

WATCHERS_ROOMS_DECL void call::finish(error_code ec, room told, when w)
{
    engine_.clock_timers().cancel(*this);
    diagnostics_.set_attempts(attempts_);
    if (diagnostics_.phase() != phase::answered) diagnostics_.set_effect(effect_so_far());
    if (observer* o = engine_.watcher())
        o->on_call_end({id_, kind(), request_->room_id(), ec, diagnostics_, engine_.env().now() - began_});
    if (asked_diagnostics_ != nullptr) *asked_diagnostics_ = std::move(diagnostics_);

    completion<room> done(std::move(*completion_));
    completion_.reset();
    id_ = 0;
    engine_.retire(*this, std::move(done), ec, std::move(told), w);
}

} // namespace watchers::rooms::detail
