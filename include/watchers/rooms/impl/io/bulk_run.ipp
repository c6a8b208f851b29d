// SPDX-License-Identifier: BSL-1.0
#pragma once

// A bulk run's beginning, what moves it on, and its two ends: where operations come from, and where results
// go.
#include <watchers/rooms/impl/io/bulk_run.hpp>
#include <watchers/rooms/impl/io/flag_guard.hpp>
#include <watchers/rooms/journal.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

class bulk_canceller
{
public:
    explicit bulk_canceller(std::weak_ptr<bulk_run> r) noexcept : run_(std::move(r)) {}

    void operator()(boost::asio::cancellation_type type) const
    {
        if (const auto r = run_.lock()) r->post_cancellation(type);
    }

private:
    std::weak_ptr<bulk_run> run_; // and no executor: the caller's slot may outlive its context
};

WATCHERS_ROOMS_DECL bulk_run::bulk_run(std::shared_ptr<engine> e, boost::asio::any_io_executor ex,
                                       std::unique_ptr<bulk_source> from, std::unique_ptr<bulk_sink> to,
                                       bulk_options o, bulk_handler h)
    : engine_(std::move(e))
    , executor_(std::move(ex))
    , source_(std::move(from))
    , sink_(std::move(to))
    , options_(std::move(o))
    , tally_(options_)
    , limit_(options_.max_in_flight > 0 ? options_.max_in_flight : engine_->settings().max_connections,
             options_.adaptive)
    , fault_(check(options_))
    , window_(fault_.empty() ? std::min<std::size_t>(options_.window * limit_.now(), 1'048'576) : 0)
{
    completion_.emplace(std::move(h), engine_->home());
    if (options_.in_order) in_order_.resize(window_);
}

WATCHERS_ROOMS_DECL bulk_run::~bulk_run() = default;

WATCHERS_ROOMS_DECL void bulk_run::listen_for_cancellation()
{
    auto slot = boost::asio::get_associated_cancellation_slot(completion_->handler());
    if (slot.is_connected()) slot.template emplace<bulk_canceller>(weak_from_this());
}

WATCHERS_ROOMS_DECL void bulk_run::start()
{
    work_ = boost::asio::prefer(executor_, boost::asio::execution::outstanding_work.tracked);
    tally_.begin(engine_->env().now());
    tally_.set_limit(limit_.now());
    if (!fault_.empty()) stop(errc::invalid_argument, told(fault_));
    if (options_.journal != nullptr && fault_.empty()) {
        has_journal_ = options_.journal->begin_run();
        if (!has_journal_)
            stop(
                errc::journal_failed,
                told(
                    "the journal is in use by another bulk run, or has served one to its end: open it anew"));
    }
    watch_client();
    pump();
}

WATCHERS_ROOMS_DECL void bulk_run::pump()
{
    if (pumping_) {
        pump_again_ = true;
        return;
    }
    const auto self = shared_from_this();
    const thread_check::scope in_use(engine_->usage());
    const flag_guard guard(pumping_);
    std::size_t moves = 0;
    const auto began = engine_->env().now();
    auto pulled = pulled_;
    for (bool posted = false; !posted;) {
        pump_again_ = false;
        try {
            while (moves < most_moves && move_on()) {
                ++moves;
                if (std::exchange(pulled, pulled_) != pulled_ && engine_->env().now() - began > most_time)
                    moves = most_moves;
            }
            if (moves < most_moves && !pump_again_) break;
            if (moves == most_moves) {
                boost::asio::post(executor_, [self] { self->pump(); });
                posted = true;
            }
        } catch (const std::bad_alloc&) {
            stop(errc::resource_exhausted); // what a stopped run has left to do needs no memory
            moves = 0;
        }
    }
    finish_if_done();
}

// Returns whether anything moved.
WATCHERS_ROOMS_DECL bool bulk_run::move_on()
{
    if (phase_ >= phase::flushing) return false;
    if (lost_ > 0) return end_lost(), true;
    if (deliver()) return true;
    if (!heirs_.empty()) return set_out(heirs_.pop_front()), true;
    if (phase_ == phase::stopping) {
        bulk_line* const not_begun = !ready_.empty() ? &ready_ : !intents_.empty() ? &intents_ : nullptr;
        if (not_begun == nullptr) return false;
        end(not_begun->pop_front(), errc::stopped);
        return true;
    }
    if (!ready_.empty() && !suspicion_ && under_way_.size() < limit_.now())
        return launch(ready_.pop_front()), true;
    if (commit_is_due()) return commit(), true;
    if (pull()) return true;
    if (!intents_.empty() && !commit_running_) return commit(), true;
    return false;
}

// Source

WATCHERS_ROOMS_DECL bool bulk_run::may_pull() const noexcept
{
    return phase_ == phase::running && !source_ended_ && !pulling_ && held_ < window_;
}

WATCHERS_ROOMS_DECL bool bulk_run::pull()
{
    if (!may_pull()) return false;
    prepare();
    std::optional<operation> next;
    pulling_ = true;
    bulk_source::pulled what = bulk_source::pulled::end;
    try {
        what = source_->pull(next, std::shared_ptr<bulk_feed>(shared_from_this(), this));
    } catch (...) {
        pulling_ = false;
        stop(std::current_exception());
        return true;
    }
    if (what == bulk_source::pulled::later) return false;
    pulling_ = false;
    if (what == bulk_source::pulled::one)
        accept(std::move(*next));
    else
        source_ended_ = true;
    return true;
}

WATCHERS_ROOMS_DECL void bulk_run::on_pulled(std::optional<operation> next)
{
    pulling_ = false;
    if (next)
        accept(std::move(*next));
    else
        source_ended_ = true;
    pump();
}

WATCHERS_ROOMS_DECL void bulk_run::on_pull_failed(std::exception_ptr thrown)
{
    pulling_ = false;
    stop(std::move(thrown));
    pump();
}

// Allocates everything that accept() needs: an operation that was pulled must not be lost for lack of memory.
WATCHERS_ROOMS_DECL void bulk_run::prepare()
{
    order_.prepare();
    if (!spare_.empty()) return;
    items_.push_back(std::make_unique<bulk_item>());
    spare_.push_back(*items_.back());
}

WATCHERS_ROOMS_DECL void bulk_run::accept(operation op) noexcept
{
    bulk_item& item = spare_.front();
    item.held.emplace(pulled_, std::move(op));
    item.at = bulk_item::stage::waiting;
    item.requests = 0;
    item.lost = false;
    item.begun_before = item.in_doubt = item.may_be_own = item.journaled_intent = false;
    const bool first = order_.enter(item);
    spare_.pop_front();
    ++pulled_;
    ++held_;
    if (first) set_out(item);
}

// Sink

// Hands one result over, if there is one to be handed over now.
WATCHERS_ROOMS_DECL bool bulk_run::deliver()
{
    if (delivering_ != nullptr || !fault_.empty()) return false;
    if (options_.in_order) {
        bulk_item*& next = in_order_[static_cast<std::size_t>(delivered_ % in_order_.size())];
        delivering_ = std::exchange(next, nullptr);
    } else if (!ended_.empty()) {
        delivering_ = &ended_.pop_front();
    }
    if (delivering_ == nullptr) return false;
    ++delivered_;
    try {
        if (!sink_->deliver(delivering_->result(), std::shared_ptr<bulk_feed>(shared_from_this(), this))) {
            if (hurried_) cancel_sink();
            return true;
        }
    } catch (...) {
        stop(std::current_exception());
    }
    if (delivering_ != nullptr) release(*std::exchange(delivering_, nullptr));
    return true;
}

WATCHERS_ROOMS_DECL void bulk_run::on_delivered()
{
    release(*std::exchange(delivering_, nullptr));
    pump();
}

WATCHERS_ROOMS_DECL void bulk_run::release(bulk_item& item)
{
    item.held.reset();
    spare_.push_front(item);
    --held_;
}

WATCHERS_ROOMS_DECL void bulk_run::on_delivery_failed(std::exception_ptr thrown)
{
    stop(std::move(thrown));
    on_delivered();
}

} // namespace watchers::rooms::detail
