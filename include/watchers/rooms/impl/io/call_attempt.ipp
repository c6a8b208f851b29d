// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/sansio/error_body.hpp>
#include <watchers/rooms/impl/sansio/retry_after.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/room_identity.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// The attempts of a call: what is sent, how it ended, and what follows from it.

WATCHERS_ROOMS_DECL void call::on_connection(connection& c, clock::time_point now)
{
    if (!can_finish(now)) { // any more, since the connection was opened for it
        const auto id = id_;
        const auto out_of_memory = let_go(c, now, true);
        if (id_ == id) turn_away();
        if (out_of_memory) std::rethrow_exception(out_of_memory);
        return;
    }
    if (!engine_.gate().admit(now)) { // any more, since the connection was asked for
        const auto id = id_;
        const auto out_of_memory = let_go(c, now, true);
        if (id_ == id) put_back(now);
        if (out_of_memory) std::rethrow_exception(out_of_memory);
        return;
    }
    start_clock(now);
    connection_ = &c;
    stage_ = stage::exchanging;
    ++attempts_;
    engine_.times(next_kind()).begin(now);
    credentials_ = engine_.credentials_in_use().generation();
    if (engine_.observed()) sent_ = first_byte_ = engine_.env().now();
    try {
        engine_.clock_timers().set(*this, std::min(deadline_, now + attempt_timeout_));
        c.start(*this, engine_.credentials_in_use().heads(), now);
        engine_.on_request_started(c.request_size());
    } catch (const std::bad_alloc&) {
        interrupt(errc::resource_exhausted);
    }
}

// Whether the name service will say the same the next time.
inline bool name_is_unknown(error_code cause) noexcept
{
    namespace net = boost::asio::error;
    return cause == net::host_not_found || cause == net::no_data || cause == net::no_recovery;
}

WATCHERS_ROOMS_DECL void call::on_open_failed(connection& c, error_code ec, error_code cause)
{
    diagnostics_.set_phase(c.opening_phase()).set_cause(cause);
    describe_refused_handshake(ec);
    ++attempts_; // for the observer: an attempt was made, though nothing was sent
    report_attempt(c, ec, 0);
    --attempts_;
    attempt_result r;
    r.error = ec;
    r.how = classify_failure(ec, name_is_unknown(cause), false, 0);
    go_on(r, {}, when::later);
}

WATCHERS_ROOMS_DECL void call::describe_refused_handshake(error_code ec) noexcept
{
    if (ec != errc::tls_client_certificate) return;
    try {
        diagnostics_.set_message(
            "the server demands a client certificate that it accepts: trust::context can hold one");
    } catch (const std::bad_alloc&) { // the error says it, too
    }
}

WATCHERS_ROOMS_DECL void call::on_first_byte()
{
    if (engine_.observed()) first_byte_ = engine_.env().now();
}

WATCHERS_ROOMS_DECL void call::on_answer(connection& c, response& answer, bool reusable)
{
    diagnostics_.set_phase(phase::answered);
    room told;
    attempt_result r;
    try {
        judge(answer, r, told);
    } catch (const std::bad_alloc&) {
        r.error = errc::resource_exhausted;
        r.how = failure::inconclusive;
    }
    const auto now = engine_.env().now();
    engine_.times(next_kind()).completed(c.exchange_began(), now);
    report_attempt(c, r.error, answer.status);
    engine_.on_request_ended(c.bytes_read());
    connection_ = nullptr;
    const auto id = id_;
    std::exception_ptr out_of_memory; // at the expense of other calls
    if (r.how == failure::throttled) out_of_memory = engine_.pause(r.retry_after);

    // After 408 and 421 the server wants another connection. A malformed response is about another room: so
    // may the next ones be.
    const bool keep = reusable && r.error != errc::request_timeout && r.error != errc::misdirected_request &&
                      r.error != errc::malformed_response;
    if (const auto e = let_go(c, now, keep)) out_of_memory = e;
    if (id_ == id) go_on(r, std::move(told), when::at_once);
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

// @param coding fit to be shown
inline std::string describe_coding(const std::string& coding)
{
    return "the response's body was not read: Content-Encoding \"" + coding +
           "\" was not accepted (Accept-Encoding: identity was sent)";
}

// Reads the answer: what it means, and what it tells of the room.
WATCHERS_ROOMS_DECL void call::judge(const response& answer, attempt_result& r, room& told)
{
    const bool confirming = fsm_.role() == request_role::confirmation;
    const operation_kind asked = confirming ? operation_kind::get_room : kind();
    const verdict v = classify_answer(asked, answer);
    r.error = v.error;
    r.effect = v.effect;
    r.recognized = v.recognized;
    // That the room is not there explains nothing: what made the call look does.
    const bool not_there = confirming && v.error == errc::not_found && v.recognized;
    if (!not_there) diagnostics_.set_http_status(answer.status);
    diagnostics_.set_response_kind(v.credentials_refused, v.web_page, v.recognized);
    if (v.error) {
        r.how = classify_failure(v.error, false, true, answer.status);
        r.other_credentials = engine_.credentials_in_use().others_than(credentials_);
        if (not_there) return;
        describe_refusal(answer, v);
        r.retry_after = diagnostics_.retry_after();
        return;
    }
    if (diagnostics_.last_failure()) forget_refusal();
    if (!answer.coding.empty()) return read_coded(answer, asked, r, told);
    read_room(answer, asked, r, told);
    if (r.error || !confirming) return;
    if (!told.id() && !told.name()) { // of which room?
        r.error = errc::bad_body;
        return;
    }
    r.matches = room_builder::matches(told, request_->created(), engine_.settings().check_room_ids);
    room_builder::mark_confirmed(told);
}

// The body of a 2xx response.
WATCHERS_ROOMS_DECL void call::read_room(const response& answer, operation_kind asked, attempt_result& r,
                                         room& told)
{
    error_code unreadable;
    std::string note;
    if (asked == operation_kind::get_room)
        told = room_builder::parse(std::string_view(answer.body), unreadable, &note);
    else
        told = room_builder::of_change(*request_, answer.body, note);
    diagnostics_.set_note(std::move(note));
    if (unreadable) {
        r.error = unreadable;
        r.how = failure::refused;
        return;
    }
    if (engine_.settings().check_room_ids && told.id() && names_other_room(request_->room_id(), *told.id())) {
        engine_.on_other_room();
        r.error = errc::malformed_response;
        r.effect = effect_of_failure(asked, true);
        r.how = failure::lost; // this call's own response has not come
        diagnostics_.set_note({}).set_message("the response is about another room: roomId " +
                                              shown(*told.id()));
    }
    if (r.error || asked == operation_kind::delete_room) told = room();
}

// The body of a 2xx response in a content coding that was not accepted cannot be read.
WATCHERS_ROOMS_DECL void call::read_coded(const response& answer, operation_kind asked, attempt_result& r,
                                          room& told)
{
    std::string text = describe_coding(shown(answer.coding));
    if (asked == operation_kind::get_room) {
        r.error = errc::unexpected_encoding;
        r.how = failure::refused;
        diagnostics_.set_message(std::move(text));
        return;
    }
    diagnostics_.set_note(std::move(text));
    if (asked != operation_kind::delete_room) told = room_builder::synthesize(*request_);
}

// Text of the server's, fit to be shown.
WATCHERS_ROOMS_DECL std::string call::shown(std::string_view server_text) const
{
    constexpr std::size_t enough = 1024; // for what printable() leaves of it
    const credential_source& source = engine_.credentials_in_use();
    // The text may repeat those that were sent, which are not known any more.
    if (source.generation() != credentials_ && !server_text.empty())
        return "(not shown: the credentials were replaced in the meantime)";
    return printable(source.heads().redacted(server_text, enough));
}

WATCHERS_ROOMS_DECL void call::describe_refusal(const response& answer, const verdict& v)
{
    forget_refusal();
    if (answer.coding.empty())
        diagnostics_.set_message(shown(error_text(answer.body)));
    else
        diagnostics_.set_message(describe_coding(shown(answer.coding)));
    if (!answer.retry_after.empty())
        diagnostics_.set_retry_after(
            parse_retry_after(answer.retry_after, answer.date, engine_.env().wall_clock()));
    if (v.error == errc::not_the_service) {
        engine_.on_other_service();
        diagnostics_.set_note("check base_url, " + engine_.settings().base_url +
                              " (example: " + std::string(rooms::base_url(region::europe)) +
                              "), and what is in between, such as a proxy or a sign-in page");
    } else if (v.error == errc::forbidden && v.web_page) {
        diagnostics_.set_note("the refusal is a web page: it may come from a firewall that is in between");
    }
}

// What an earlier answer said: it is not to be taken for what a later one did.
WATCHERS_ROOMS_DECL void call::forget_refusal()
{
    diagnostics_.set_message({}).set_note({}).set_cause({}).set_retry_after({});
}

WATCHERS_ROOMS_DECL void call::on_exchange_failed(connection& c, error_code ec, error_code cause)
{
    // The server may close an idle connection just as it is picked; what was sent then was most likely not
    // read.
    const auto now = engine_.env().now();
    if (ec == errc::connection_lost && c.reused() && can_finish(now) &&
        fsm_.on_dead_connection(policy()).replay) {
        try {
            engine_.clock_timers().set(*this, deadline_);
        } catch (const std::bad_alloc&) {
            return interrupt(errc::resource_exhausted);
        }
        diagnostics_.set_phase(c.exchange_phase());
        connection_ = nullptr;
        engine_.times(next_kind()).abandoned(now);
        report_attempt(c, ec, 0);
        engine_.on_request_ended(c.bytes_read());
        stage_ = stage::queued;
        queued_ = engine_.env().now();
        return engine_.replace(c, *this);
    }
    fail_exchange(c, ec, cause, when::later);
}

WATCHERS_ROOMS_DECL void call::fail_exchange(connection& c, error_code ec, error_code cause, when w)
{
    const bool read = !was_not_read(ec);
    diagnostics_.set_phase(read ? c.exchange_phase() : phase::handshake).set_cause(cause);
    describe_refused_handshake(ec);
    connection_ = nullptr;
    report_attempt(c, ec, 0);
    engine_.on_request_ended(c.bytes_read());
    const auto id = id_;
    const auto now = engine_.env().now();
    engine_.times(next_kind()).abandoned(now);
    const auto out_of_memory = let_go(c, now, false);
    attempt_result r;
    r.error = ec;
    r.how = classify_failure(ec, false, true, 0);
    const bool confirming = fsm_.role() == request_role::confirmation;
    r.effect = effect_of_failure(confirming ? operation_kind::get_room : kind(), read);
    if (id_ == id) go_on(r, {}, w);
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

// A request on a connection that had served before got no response in time. Whatever made that connection
// silent (an address translation that was forgotten, a VPN, a failover without a reset) may have met those
// that were idle when the request was sent: they are closed. This call takes none that was not heard from
// since now.
WATCHERS_ROOMS_DECL void call::distrust_idle(const connection& c, clock::time_point now)
{
    if (!c.reused()) return;
    distrust(now);
    engine_.close_idle_since(c.exchange_began());
}

// Gives the connection back, perhaps to another call. Returns what went wrong at the expense of that one; its
// handler is lost then, and this call may be over, too, if that handler owned the client.
WATCHERS_ROOMS_DECL std::exception_ptr call::let_go(connection& c, clock::time_point now, bool keep)
{
    try {
        engine_.release(c, now, keep);
    } catch (const std::bad_alloc&) {
        return std::current_exception();
    }
    return nullptr;
}

WATCHERS_ROOMS_DECL const retry_policy& call::policy() const noexcept
{
    return policy_ ? *policy_ : engine_.settings().retry;
}

// A bulk run keeps few requests under way however many operations it has, and fewer where the service is
// overloaded: no storm of retries, so that nothing has to be given up for fear of one.
WATCHERS_ROOMS_DECL retry_budget& call::budget() noexcept
{
    return begun_in_background_ ? engine_.background_budget() : engine_.budget();
}

WATCHERS_ROOMS_DECL void call::go_on(const attempt_result& r, room told, when w)
{
    if (!r.error && fsm_.role() == request_role::operation)
        return conclude(fsm_.on_success(r.effect, budget()), r, std::move(told), w);

    const auto now = engine_.env().now();
    const auto id = id_;
    start_clock(now);
    const retry_step step =
        fsm_.on_attempt(r, {policy(), budget(), now, deadline_, engine_.env().random(),
                            exchange_takes(kind(), now), exchange_takes(operation_kind::get_room, now)});
    try {
        switch (step.what) {
        case retry_step::action::finish:
            if (step.denied) engine_.on_retry_denied();
            break;
        case retry_step::action::send: return try_again(step, r.error, now);
        case retry_step::action::ask_credentials: return renew_credentials(r.error, now);
        }
    } catch (const std::bad_alloc&) {
        if (id_ != id) throw; // the call is over, and its handler lost
        return interrupt(errc::resource_exhausted);
    }
    conclude(step, r, std::move(told), w);
}

WATCHERS_ROOMS_DECL void call::try_again(const retry_step& step, error_code failure, clock::time_point now)
{
    const bool confirms = step.role == request_role::confirmation;
    if (confirms && confirmation_of_ != id_) {
        encode_call(call_request::get(request_->room_id()), engine_.settings().time_format, confirmation_);
        confirmation_of_ = id_;
        engine_.on_confirmation();
    } else {
        engine_.on_retry();
    }
    note_failure(failure);
    if (engine_.observed()) engine_.hooks().on_retry({id_, kind(), failure, step.delay, confirms});
    if (step.delay <= clock::duration::zero()) {
        engine_.clock_timers().set(*this, deadline_);
        return seek_connection(now);
    }
    stage_ = stage::backoff;
    engine_.clock_timers().set(*this, std::min(deadline_, now + step.delay));
}

// A confirmation that finds no room has not failed.
WATCHERS_ROOMS_DECL void call::note_failure(error_code ec)
{
    if (ec != errc::not_found) diagnostics_.set_last_failure(ec);
}

// The service did not accept the credentials, or may not have.
WATCHERS_ROOMS_DECL void call::renew_credentials(error_code refusal, clock::time_point now)
{
    note_failure(refusal);
    engine_.clock_timers().set(*this, deadline_);
    auto& source = engine_.credentials_in_use();
    if (source.generation() != credentials_) return seek_connection(now);
    stage_ = stage::credentials;
    source.wait(*this, now);
}

WATCHERS_ROOMS_DECL void call::conclude(const retry_step& step, const attempt_result& r, room told, when w)
{
    diagnostics_.set_effect(step.effect).set_confirmed(step.confirmed);
    if (!step.error) {
        if (r.error && diagnostics_.last_failure()) forget_refusal();
    } else if (r.error && step.error != r.error) {
        note_failure(r.error);
    }
    if (step.note != nullptr) diagnostics_.set_note(step.note);
    if (step.error == errc::outcome_unknown) diagnostics_.set_phase(phase::confirm);
    finish(step.error, step.error ? room() : std::move(told), w);
}

WATCHERS_ROOMS_DECL void call::report_attempt(const connection& c, error_code ec, unsigned status)
{
    if (!engine_.observed()) return;
    const bool sent = c.state() == pool_core::slot_state::busy;
    const auto now = engine_.env().now();
    phase_durations took;
    if (!c.reused()) took = c.opening_durations();
    took.queue = (sent ? sent_ : now) - queued_;
    if (sent) {
        took.wait = (first_byte_ > sent_ ? first_byte_ : now) - sent_;
        if (first_byte_ > sent_) took.read = now - first_byte_;
    }
    engine_.hooks().on_attempt_end({id_, kind(), attempts_, ec, status, !c.reused(),
                                    !c.reused() && c.resumed(), sent ? c.request_size() : 0,
                                    sent ? c.bytes_read() : 0, took,
                                    fsm_.role() == request_role::confirmation});
}

} // namespace watchers::rooms::detail
