// SPDX-License-Identifier: BSL-1.0
#pragma once

// The way of one operation through a bulk run: its turn, the journal, its call, the sink.
#include <watchers/rooms/impl/io/bulk_run.hpp>
#include <watchers/rooms/impl/sansio/resume_rules.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/journal.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <new>
#include <string>
#include <utility>

namespace watchers::rooms::detail {

// Of one operation's call. Where memory is so short that it is destroyed and not called, the run learns of
// that as well.
class bulk_run::call_handler
{
public:
    using executor_type = boost::asio::any_io_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    call_handler(std::shared_ptr<bulk_run> r, bulk_item& i) noexcept : run_(std::move(r)), item_(&i) {}
    call_handler(call_handler&&) noexcept = default;
    ~call_handler()
    {
        if (run_) run_->on_call_lost(*item_);
    }

    executor_type get_executor() const noexcept { return run_->executor_; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return item_->cancel.slot(); }

    void operator()(error_code ec, room r)
    {
        const auto run = std::move(run_);
        const thread_check::scope in_use(run->engine_->usage());
        run->on_call_ended(*item_, ec, std::move(r));
        run->pump();
    }

private:
    std::shared_ptr<bulk_run> run_;
    bulk_item* item_;
};

// It is the operation's turn in its room.
WATCHERS_ROOMS_DECL void bulk_run::set_out(bulk_item& item)
{
    bulk_result& r = item.result();
    if (options_.journal != nullptr) {
        const auto recorded = options_.journal->state_of(r.index);
        if (recorded == journal::state::done) {
            r.journaled = true;
            const bool changed = r.operation.kind() != operation_kind::get_room;
            r.diagnostics.set_operation(r.operation.kind())
                .set_effect(changed ? effect::applied : effect::none)
                .set_confirmed(options_.journal->confirmed(r.index));
            if (r.diagnostics.confirmed()) room_builder::mark_confirmed(r.room);
            return end(item, {});
        }
        item.begun_before = recorded == journal::state::in_flight || recorded == journal::state::unknown;
        item.in_doubt = item.begun_before && r.operation.kind() != operation_kind::get_room;
        // The last words of a journal that was not closed may be lost.
        item.may_be_own =
            item.begun_before || (recorded == journal::state::fresh && options_.journal->resumed() &&
                                  !options_.journal->was_closed());
    }
    if (phase_ != phase::running) return end(item, errc::stopped);
    if (!failed_rooms_.empty() && failed_rooms_.contains(r.operation.room_id()))
        return end(item, errc::skipped_after_failure);
    if (options_.journal != nullptr)
        write_intent(item);
    else
        ready_.push_back(item);
}

WATCHERS_ROOMS_DECL void bulk_run::launch(bulk_item& item)
{
    under_way_.push_back(item);
    tally_.set_in_flight(under_way_.size());
    item.round = limit_.round();
    send(item, item.in_doubt ? bulk_item::stage::looking : bulk_item::stage::sent);
}

WATCHERS_ROOMS_DECL void bulk_run::send(bulk_item& item, bulk_item::stage what)
{
    item.at = what;
    bulk_result& r = item.result();
    item.requests += r.diagnostics.attempts();
    call_options o(r.diagnostics);
    o.background(true);
    if (options_.timeout) o.timeout(*options_.timeout);
    if (options_.attempt_timeout) o.attempt_timeout(*options_.attempt_timeout);
    if (options_.retry) o.retry(*options_.retry);
    call_handler handler(shared_from_this(), item);
    try {
        operation op = what == bulk_item::stage::sent ? r.operation : operation::get(r.operation.room_id());
        start_call(engine_, std::move(op).request(), o, room_handler(std::move(handler)));
    } catch (const std::bad_alloc&) {
        // This call's, or another's that it came in the way of: whose handler is lost is told by that.
    }
}

// On whatever thread destroyed the handler.
WATCHERS_ROOMS_DECL void bulk_run::on_call_lost(bulk_item& item) noexcept
{
    if (engine_->abandoned()) return; // the execution context is being destroyed
    item.lost = true;
    ++lost_;
    try {
        boost::asio::post(executor_, [self = shared_from_this()] { self->pump(); });
    } catch (const std::bad_alloc&) {
        // The next one that ends sees to it, or time.
    }
}

WATCHERS_ROOMS_DECL void bulk_run::end_lost()
{
    for (bulk_item* i = &under_way_.front(); i != nullptr; i = under_way_.next(*i)) {
        if (!i->lost.exchange(false)) continue;
        --lost_;
        return on_call_ended(*i, errc::resource_exhausted, {});
    }
}

// Whether what was done on the way to this result says that the service has more to do than it can.
inline bool tells_overload(const bulk_result& r) noexcept
{
    const auto says_so = [](error_code ec) {
        return ec &&
               (ec == condition::overloaded || ec == errc::response_timeout || ec == errc::write_timeout);
    };
    return says_so(r.error) || says_so(r.diagnostics.last_failure());
}

// A 404 whose body does not have the form of the API's (of a proxy without a route, say) is no proof that
// the room is gone.
inline error_code meant_by(const bulk_result& r) noexcept
{
    const bool unproven = r.error == errc::not_found && !r.diagnostics.recognized();
    return unproven ? error_code(errc::not_the_service) : r.error;
}

WATCHERS_ROOMS_DECL void bulk_run::on_call_ended(bulk_item& item, error_code ec, room told)
{
    bulk_result& r = item.result();
    r.error = ec;
    if (item.at == bulk_item::stage::sent) {
        if (ec && is_to_look_back(item)) return send(item, bulk_item::stage::looking_back);
        if (ec && resume_rules::done_before(r.operation, meant_by(r), item.begun_before)) {
            r.error = {};
            r.diagnostics.set_effect(effect::applied).set_last_failure(ec);
        }
    } else if (!look_decides(item, told)) {
        if (phase_ == phase::running) return send(item, bulk_item::stage::sent);
        r.error = errc::stopped;
    }
    if (!r.error) r.room = std::move(told);
    if (r.diagnostics.confirmed()) room_builder::mark_confirmed(r.room);
    under_way_.erase(item);
    tally_.set_in_flight(under_way_.size());
    limit_.on_end(item.round, tells_overload(r));
    tally_.set_limit(limit_.now());
    end(item, r.error);
}

// Whether a create met a room that an earlier run may have created.
WATCHERS_ROOMS_DECL bool bulk_run::is_to_look_back(const bulk_item& item) const noexcept
{
    return item.held->error == errc::conflict && item.held->operation.kind() == operation_kind::create_room &&
           item.may_be_own && phase_ == phase::running;
}

// Returns false if the operation is to be sent now; else the result's error and effect are set.
WATCHERS_ROOMS_DECL bool bulk_run::look_decides(bulk_item& item, const room& found)
{
    bulk_result& r = item.result();
    const auto when =
        item.at == bulk_item::stage::looking ? resume_rules::look::first : resume_rules::look::back;
    const auto decided = resume_rules::judge(r.operation, when, meant_by(r), found, item.in_doubt,
                                             engine_->settings().check_room_ids);
    const bool done = decided.what == resume_rules::verdict::done;
    r.diagnostics.set_operation(r.operation.kind())
        .set_effect(decided.effect)
        .set_confirmed(done && r.operation.kind() == operation_kind::create_room);
    if (decided.what == resume_rules::verdict::failed && r.error != decided.error)
        r.diagnostics.set_last_failure(r.error);
    r.error = decided.error;
    item.in_doubt = decided.in_doubt;
    return decided.what != resume_rules::verdict::send;
}

// The operation is over, and off all lines; it still holds its place in its room's order.
WATCHERS_ROOMS_DECL void bulk_run::end(bulk_item& item, error_code ec)
{
    bulk_result& r = item.result();
    r.error = ec;
    if (item.requests > 0) r.diagnostics.set_attempts(r.diagnostics.attempts() + item.requests);
    if (ec && ec == errc::stopped) r.diagnostics.set_last_failure(why_);
    if (r.diagnostics.phase() == rooms::phase::validation) r.diagnostics.set_operation(r.operation.kind());
    if (ec && item.in_doubt && r.diagnostics.effect() == effect::none)
        r.diagnostics.set_effect(effect::unknown); // by an earlier run
    record(item);
    if (ec && ec != errc::stopped && options_.skip_after_failure) remember_failure(r);
    if (room_order::change* const heir = order_.leave(item)) heirs_.push_back(static_cast<bulk_item&>(*heir));
    count(r);
    if (options_.in_order)
        in_order_[static_cast<std::size_t>(r.index % in_order_.size())] = &item;
    else
        ended_.push_back(item);
    stop_if_hopeless(r);
}

WATCHERS_ROOMS_DECL void bulk_run::remember_failure(const bulk_result& r)
{
    try {
        failed_rooms_.insert(r.operation.room_id());
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted); // so that nothing that would have to be skipped is sent
    }
}

WATCHERS_ROOMS_DECL void bulk_run::count(const bulk_result& r)
{
    const auto now = engine_->env().now();
    tally_.count(r, now);
    if (tally_.progress_due(now)) tell_progress();
}

WATCHERS_ROOMS_DECL void bulk_run::tell_progress()
{
    if (!options_.on_progress) return;
    try {
        options_.on_progress(tally_.progress());
    } catch (...) {
        stop(std::current_exception());
    }
}

// Journal

WATCHERS_ROOMS_DECL void bulk_run::write_intent(bulk_item& item)
{
    try {
        options_.journal->begin(item.result().index);
    } catch (const rooms::error& e) { // closed, or too many operations
        stop(e.code(), e.diagnostics());
        return end(item, errc::stopped);
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted);
        return end(item, errc::stopped);
    }
    item.journaled_intent = true;
    intents_.push_back(item);
}

// What is under way keeps the connections at work while more is pulled. But a source may take its time.
WATCHERS_ROOMS_DECL bool bulk_run::commit_is_due() const noexcept
{
    return !commit_running_ && !intents_.empty() &&
           intents_.size() + ready_.size() + under_way_.size() >= limit_.now();
}

WATCHERS_ROOMS_DECL void bulk_run::commit()
{
    while (!intents_.empty())
        committing_.push_back(intents_.pop_front());
    commit_running_ = true;
    try {
        if (!commit_) commit_ = bulk_commit::make(executor_);
        commit_->begin(*options_.journal, std::shared_ptr<bulk_commit::listener>(shared_from_this(), this));
    } catch (const rooms::error& e) { // closed
        stop(e.code(), e.diagnostics());
        on_committed(e.code());
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted);
        on_committed(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void bulk_run::on_committed(error_code ec)
{
    commit_running_ = false;
    if (ec) on_journal_failed();
    if (phase_ == phase::flushing) return complete();
    while (!committing_.empty())
        ready_.push_back(committing_.pop_front()); // where a stopped run finds them as well
    pump();
}

// A run that was stopped keeps its reason.
WATCHERS_ROOMS_DECL void bulk_run::on_journal_failed() noexcept
{
    if (why_) return;
    why_ = errc::journal_failed;
    try {
        if (options_.diagnostics != nullptr) *options_.diagnostics = options_.journal->failure();
    } catch (const std::bad_alloc&) {
        // The code has to do.
    }
    if (phase_ == phase::running) phase_ = phase::stopping, cancel_source();
}

WATCHERS_ROOMS_DECL void bulk_run::record(const bulk_item& item)
{
    if (!item.journaled_intent) return;
    const bulk_result& r = *item.held;
    try {
        options_.journal->end(
            r.index, journal::outcome(r.error.value(), r.diagnostics.effect(), r.diagnostics.confirmed()));
    } catch (const rooms::error& e) {
        stop(e.code(), e.diagnostics());
    } catch (const std::bad_alloc&) {
        stop(errc::resource_exhausted);
    }
}

} // namespace watchers::rooms::detail
