// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/flag_guard.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// The engine's pool: connections for calls.

WATCHERS_ROOMS_DECL pool_core::acquisition engine::acquire(call& c, clock::time_point now, bool beyond_limit)
{
    // One that has just served was empty when it had; the others may have got something while nobody looked.
    constexpr auto looked_at_lately = std::chrono::microseconds(10);
    while (pool_core::slot* next = pool_.next_idle()) {
        auto& candidate = static_cast<connection&>(*next);
        const bool unobserved = now - pool_core::idle_since(candidate) > looked_at_lately;
        if (!pool_.stale(now) && (!unobserved || candidate.quiet())) break;
        pool_.evict(candidate);
        candidate.close();
    }
    const auto acquired = pool_.acquire(c, beyond_limit);
    note_pool();
    return acquired;
}

WATCHERS_ROOMS_DECL void engine::withdraw(call& c)
{
    pool_.withdraw(c);
    note_pool();
}

WATCHERS_ROOMS_DECL void engine::release(connection& c, clock::time_point now, bool reusable)
{
    std::exception_ptr out_of_memory = turn_away_late(now);
    const auto step = pool_.release(c, now, reusable && !stopped_);
    if (step.close) c.close();
    note_pool();
    if (step.next != nullptr) {
        static_cast<call*>(step.next)->on_connection(c, now);
    } else {
        if (step.close)
            open_wanted();
        else
            watch_idle(now);
        gate_.pump(now);
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

// Ends those in the queue that would be served next, and have less time left than an exchange takes: one
// after the other, not from within, since each may wake others. Returns what went wrong at the expense of
// one.
WATCHERS_ROOMS_DECL std::exception_ptr engine::turn_away_late(clock::time_point now) noexcept
{
    bool any = false;
    while (auto* const first = pool_.first_waiting()) {
        call& c = static_cast<call&>(*first);
        if (c.can_finish(now)) break;
        pool_.withdraw(c);
        wake(c);
        any = true;
    }
    if (!any) return nullptr;
    try {
        run_woken();
    } catch (const std::bad_alloc&) {
        return std::current_exception();
    }
    return nullptr;
}

WATCHERS_ROOMS_DECL void engine::replace(connection& c, call& for_whom)
{
    c.close();
    pool_.replace(c, for_whom);
    totals_.replays.add(1);
    open_one(c);
    note_pool();
}

WATCHERS_ROOMS_DECL void engine::open_wanted()
{
    if (opening_wanted_) return; // one that fails at once comes back here
    const flag_guard guard(opening_wanted_);
    std::exception_ptr out_of_memory;
    if (pool_.waiting() > 0)
        out_of_memory = turn_away_late(environment_->now()); // nothing is opened for them
    while (!stopped_) {
        if (auto* in_the_way = pool_.evict_distrusted()) static_cast<connection*>(in_the_way)->close();
        if (!pool_.should_open()) break;
        if (!pool_.has_closed()) {
            if (const auto n = connections_.size(); n == unresolved_.capacity())
                unresolved_.reserve(2 * n + 4); // no result is lost when memory is short
            connections_.push_back(std::make_unique<connection>(*this));
            pool_.add(*connections_.back());
        }
        try {
            open_one(static_cast<connection&>(pool_.take_closed()));
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    note_pool();
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::open_one(connection& c)
{
    try {
        c.open();
    } catch (const std::bad_alloc&) {
        return c.give_up(errc::resource_exhausted);
    }
    if (!environment_->resolving()) resolution_.not_begun();
    switch (resolution_.need(environment_->now())) {
    case resolution::source::running: return;
    case resolution::source::late_result:
        return c.on_resolved({}, late_addresses_); // what it throws belongs to another call: c has given up
    case resolution::source::new_lookup: break;
    }
    try {
        environment_->resolve();
    } catch (const std::bad_alloc&) {
        resolution_.not_begun();
        c.give_up(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void engine::on_resolved(error_code ec, std::vector<endpoint> addresses)
{
    const bool late = resolution_.ended(!ec && !addresses.empty(), environment_->now());
    if (stopped_) return;
    late_addresses_.clear();
    try {
        if (late) late_addresses_ = addresses;
    } catch (const std::bad_alloc&) {
        resolution_.discard();
    }
    unresolved_.clear(); // apart: a failure may begin another opening, which resolves again
    for (const auto& c : connections_)
        if (c->resolving()) unresolved_.push_back(c.get());
    std::exception_ptr out_of_memory;                             // of one opening: the others go on
    for (std::size_t i = 0, n = unresolved_.size(); i < n; ++i) { // more room may be made meanwhile
        try {
            if (unresolved_[i]->resolving()) unresolved_[i]->on_resolved(ec, addresses);
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::on_opened(connection& c)
{
    const auto alive = shared_from_this();
    const auto now = environment_->now();
    auto expires_at = clock::time_point::max();
    if (const clock::duration lifetime = config_.max_connection_lifetime; lifetime.count() > 0) {
        const auto tenth = static_cast<std::uint64_t>(lifetime.count() / 10 + 1);
        expires_at = now + lifetime - clock::duration(environment_->random() % tenth);
    }
    totals_.opened.add(1);
    if (c.resumed()) totals_.resumed.add(1);
    const std::exception_ptr out_of_memory = turn_away_late(now);
    if (c.state() != pool_core::slot_state::opening) { // the last call of a drain ended: c is closed
        if (out_of_memory) std::rethrow_exception(out_of_memory);
        return;
    }
    auto* const next = pool_.opened(c, now, expires_at);
    note_pool();
    if (next != nullptr) {
        static_cast<call*>(next)->on_connection(c, now);
    } else if (draining_ && active_.empty()) {
        close_unused();
    } else {
        watch_idle(now);
        gate_.pump(now);
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::on_open_failed(connection& c, error_code ec, error_code cause)
{
    const auto alive = shared_from_this();
    totals_.failed.add(1);
    if (ec == errc::resolve_timeout)
        resolution_.gave_up();
    else if (c.opening_phase() != phase::resolve)
        resolution_.discard();
    auto* const told = pool_.open_failed(c);
    note_pool();
    std::exception_ptr out_of_memory;
    try {
        if (told != nullptr) static_cast<call*>(told)->on_open_failed(c, ec, cause);
    } catch (const std::bad_alloc&) {
        out_of_memory = std::current_exception();
    }
    open_wanted();
    gate_.pump(environment_->now());
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void engine::on_idle_lost(connection& c)
{
    pool_.evict(c);
    c.close();
    note_pool();
}

WATCHERS_ROOMS_DECL std::exception_ptr engine::pause(std::optional<std::chrono::seconds> asked_for)
{
    totals_.throttled.add(1);
    const auto now = environment_->now();
    clock::duration wait = config_.retry.backoff_base;
    if (asked_for) wait = std::min<clock::duration>(*asked_for, config_.retry.max_retry_after);
    auto out_of_memory = gate_.pause(now + wait, now);
    if (!gate_.paused(now)) return nullptr;
    while (auto* waiting = pool_.withdraw_last()) {
        try {
            static_cast<call*>(waiting)->put_back(now);
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    note_pool();
    return out_of_memory;
}

WATCHERS_ROOMS_DECL void engine::watch_idle(clock::time_point now)
{
    if (armed() || pool_.idle() == 0) return;
    try {
        timers_.set(*this, now + config_.idle_timeout);
    } catch (const std::bad_alloc&) {
        close_idle(); // nothing would tell when to
    }
}

WATCHERS_ROOMS_DECL void engine::on_deadline(clock::time_point now)
{
    while (auto* old = pool_.evict_expired(now))
        static_cast<connection*>(old)->close();
    note_pool();
    if (const auto next = pool_.next_expiry()) timers_.set(*this, *next);
}

WATCHERS_ROOMS_DECL void engine::close_idle()
{
    while (auto* idle = pool_.any_idle()) {
        pool_.evict(*idle);
        static_cast<connection*>(idle)->close();
    }
    note_pool();
}

WATCHERS_ROOMS_DECL void engine::close_idle_since(clock::time_point t)
{
    while (auto* idle = pool_.evict_idle_since(t))
        static_cast<connection*>(idle)->close();
    note_pool();
}

WATCHERS_ROOMS_DECL void engine::close_unused()
{
    close_idle();
    for (const auto& c : connections_) {
        if (c->state() != pool_core::slot_state::opening) continue;
        c->close();
        pool_.open_failed(*c);
    }
    note_pool();
}

WATCHERS_ROOMS_DECL phase engine::waiting_phase() const noexcept
{
    for (const auto& c : connections_)
        if (c->state() == pool_core::slot_state::opening) return c->opening_phase();
    return phase::queue;
}

} // namespace watchers::rooms::detail
