// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a bulk run comes to its end: of itself, stopped, cancelled, or with its client.
#include <watchers/rooms/impl/io/bulk_run.hpp>
#include <watchers/rooms/impl/sansio/stop_rules.hpp>
#include <watchers/rooms/journal.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace watchers::rooms::detail {

// The first reason counts. It is reported even if it comes when all operations have ended.
WATCHERS_ROOMS_DECL void bulk_run::stop(error_code why)
{
    if (why_) return;
    why_ = why;
    if (phase_ != phase::running) return;
    phase_ = phase::stopping;
    cancel_source();
}

WATCHERS_ROOMS_DECL void bulk_run::cancel_source() noexcept
{
    if (!pulling_) return;
    try {
        source_cancel_.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) {
        // It ends in its own time.
    }
}

// The one that has a result, and those that get the others.
WATCHERS_ROOMS_DECL void bulk_run::cancel_sink() noexcept
{
    hurried_ = true;
    if (delivering_ == nullptr) return;
    try {
        sink_cancel_.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) {
        // It ends in its own time.
    }
}

WATCHERS_ROOMS_DECL void bulk_run::post_cancellation(boost::asio::cancellation_type type)
{
    boost::asio::post(executor_, [self = shared_from_this(), type] { self->cancel(type); });
}

WATCHERS_ROOMS_DECL void bulk_run::stop(error_code why, const rooms::diagnostics& more) noexcept
{
    if (why_) return;
    stop(why);
    if (options_.diagnostics == nullptr) return;
    try {
        *options_.diagnostics = more;
    } catch (const std::bad_alloc&) {
        // The code has to do.
    }
}

// Source, sink or progress threw.
WATCHERS_ROOMS_DECL void bulk_run::stop(std::exception_ptr thrown)
{
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const rooms::error& e) {
        stop(e.code() ? e.code() : errc::callback_failed, e.diagnostics());
    } catch (const boost::system::system_error& e) {
        stop(e.code() ? e.code() : errc::callback_failed, told(e.what()));
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted);
    } catch (const std::exception& e) {
        stop(errc::callback_failed, told(e.what()));
    } catch (...) {
        stop(errc::callback_failed);
    }
}

WATCHERS_ROOMS_DECL void bulk_run::stop_if_hopeless(const bulk_result& r)
{
    switch (stop_rules_.on_result(r)) {
    case stop_rules::verdict::stop: return stop(stop_rules::cause_of(r), r.diagnostics);
    case stop_rules::verdict::hold: hold(r); break;
    case stop_rules::verdict::go_on: break;
    }
    if (suspicion_) {
        if (stop_rules_.succeeded())
            suspicion_.reset();
        else if (under_way_.empty())
            return stop(suspicion_->error, suspicion_->details);
    }
    if (phase_ != phase::running) return;
    if (tally_.unreachable()) return stop_unreachable(r);
    if (tally_.too_many_failed()) r.error ? stop(errc::stopped, r.diagnostics) : stop(errc::stopped);
}

WATCHERS_ROOMS_DECL void bulk_run::stop_unreachable(const bulk_result& r)
{
    try {
        rooms::diagnostics d = r.diagnostics;
        d.set_note(std::to_string(tally_.unreached_in_a_row()) +
                   " operations in a row did not reach the service; the last one: " + r.error.message());
        stop(errc::stopped, d);
    } catch (const std::bad_alloc&) {
        stop(errc::stopped);
    }
}

WATCHERS_ROOMS_DECL void bulk_run::hold(const bulk_result& r)
{
    try {
        if (!suspicion_) suspicion_.emplace(suspicion{stop_rules::cause_of(r), r.diagnostics});
    } catch (const std::bad_alloc&) {
        stop(stop_rules::cause_of(r));
    }
}

WATCHERS_ROOMS_DECL void bulk_run::cancel(boost::asio::cancellation_type type)
{
    using boost::asio::cancellation_type;
    const auto self = shared_from_this();
    const thread_check::scope in_use(engine_->usage());
    if (phase_ >= phase::flushing) return;
    stop(errc::cancelled);
    if ((type & (cancellation_type::terminal | cancellation_type::partial)) != cancellation_type::none) {
        cancel_sink();
        for (bulk_item *i = under_way_.empty() ? nullptr : &under_way_.front(), *next = nullptr; i != nullptr;
             i = next) {
            next = under_way_.next(*i);
            i->cancel.emit(cancellation_type::terminal);
        }
    }
    pump();
}

WATCHERS_ROOMS_DECL void bulk_run::finish_if_done()
{
    if (phase_ >= phase::flushing || held_ > 0 || pulling_ || commit_running_) return;
    if (phase_ == phase::running && !source_ended_) return;
    phase_ = phase::flushing;
    if (!has_journal_) return complete();
    commit();
}

WATCHERS_ROOMS_DECL void bulk_run::complete()
{
    phase_ = phase::over;
    tally_.tick(engine_->env().now());
    if (fault_.empty()) tell_progress();
    leave_client();
    if (has_journal_ && source_ended_ && !why_ && pulled_ > 0) options_.journal->finish_run();
    has_journal_.reset();
    // What the caller gave goes here and now, whoever lets go of the run last.
    source_.reset();
    sink_.reset();
    options_.on_progress = nullptr;
    if (commit_) commit_->forget();
    completion<bulk_summary> done(std::move(*completion_));
    completion_.reset();
    std::move(done).complete(when::later, engine_->home(), why_, tally_.summary());
    work_.reset();
}

// The client

WATCHERS_ROOMS_DECL void bulk_run::watch_client()
{
    if (phase_ != phase::running) return;
    try {
        const std::weak_ptr<bulk_watch::listener> me =
            std::shared_ptr<bulk_watch::listener>(shared_from_this(), this);
        const clock::duration interval =
            options_.progress_interval.count() > 0 ? options_.progress_interval : std::chrono::seconds(1);
        watch_ = std::make_shared<bulk_watch>(executor_, me, interval);
        boost::asio::dispatch(engine_->executor(), [e = engine_, w = watch_] { e->begin_watch(w); });
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void bulk_run::leave_client() noexcept
{
    if (!watch_) return;
    try {
        boost::asio::dispatch(engine_->executor(),
                              [e = engine_, w = std::move(watch_)] { e->end_watch(*w); });
    } catch (const std::bad_alloc&) {
        // It finds out by itself.
    }
}

// Time passes, also where nothing ends.
WATCHERS_ROOMS_DECL void bulk_run::on_tick()
{
    if (phase_ == phase::over) return;
    const auto now = engine_->env().now();
    tally_.tick(now);
    if (tally_.progress_due(now)) tell_progress();
    pump();
}

WATCHERS_ROOMS_DECL void bulk_run::on_client_stopped()
{
    if (phase_ >= phase::flushing) return;
    stop(errc::shutting_down);
    cancel_source();
    cancel_sink();
    pump();
}

} // namespace watchers::rooms::detail
