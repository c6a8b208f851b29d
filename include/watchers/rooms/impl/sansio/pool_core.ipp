// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/pool_core.hpp>

#include <algorithm>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL void pool_core::add(slot& s) noexcept
{
    ++slots_;
    closed_.push_back(s);
}

WATCHERS_ROOMS_DECL pool_core::acquisition pool_core::acquire(ticket& t, bool beyond_limit) noexcept
{
    if (!idle_.empty() && idle_.back().idle_since_ >= t.heard_since_) {
        slot& s = idle_.pop_back();
        s.state_ = slot_state::busy;
        s.taken_idle_ = true;
        ++busy_;
        return {outcome::assigned, &s};
    }
    // Those for whom a connection is being opened, or can be, do not count as waiting for one in use. Those
    // in the background wait for nobody's sake.
    if (!beyond_limit && waiting_.size() >= limits_.waiting + opening_ + openable())
        return {outcome::full, nullptr};
    (t.background() ? background_ : waiting_).push_back(t);
    return {outcome::queued, nullptr};
}

WATCHERS_ROOMS_DECL void pool_core::raise(ticket& t) noexcept
{
    if (t.background() && t.linked()) {
        background_.erase(t);
        waiting_.push_back(t);
    }
    t.set_background(false);
}

WATCHERS_ROOMS_DECL void pool_core::withdraw(ticket& t) noexcept
{
    if (t.linked()) {
        (t.background() ? background_ : waiting_).erase(t);
    } else if (t.reserved_ != nullptr) {
        t.reserved_->reserved_for_ = nullptr;
        t.reserved_ = nullptr;
        --reserved_;
        ++opening_;
    }
}

WATCHERS_ROOMS_DECL bool pool_core::should_open() const noexcept
{
    return queued() > opening_ && openable() > 0;
}

WATCHERS_ROOMS_DECL pool_core::slot& pool_core::take_closed() noexcept
{
    slot& s = closed_.pop_front();
    s.state_ = slot_state::opening;
    ++opening_;
    return s;
}

WATCHERS_ROOMS_DECL pool_core::ticket* pool_core::opened(slot& s, clock::time_point now,
                                                         clock::time_point expires_at) noexcept
{
    s.expires_at_ = expires_at;
    s.taken_idle_ = false;
    ticket* owner = s.reserved_for_;
    if (owner != nullptr) {
        s.reserved_for_ = nullptr;
        owner->reserved_ = nullptr;
        --reserved_;
    } else {
        --opening_;
        owner = take_next();
    }
    if (owner != nullptr) {
        s.state_ = slot_state::busy;
        ++busy_;
    } else {
        s.state_ = slot_state::idle;
        s.idle_since_ = now;
        idle_.push_back(s);
    }
    return owner;
}

WATCHERS_ROOMS_DECL pool_core::ticket* pool_core::open_failed(slot& s) noexcept
{
    ticket* told = s.reserved_for_;
    if (told != nullptr) {
        s.reserved_for_ = nullptr;
        told->reserved_ = nullptr;
        --reserved_;
    } else {
        --opening_;
        told = take_next();
    }
    close(s);
    return told;
}

WATCHERS_ROOMS_DECL pool_core::release_step pool_core::release(slot& s, clock::time_point now,
                                                               bool reusable) noexcept
{
    if (reusable && now < s.expires_at_) {
        s.taken_idle_ = false;
        if (ticket* const next = take_next()) return {next, false};
        if (limits_.idle_timeout > clock::duration::zero()) {
            --busy_;
            s.state_ = slot_state::idle;
            s.idle_since_ = now;
            idle_.push_back(s);
            return {nullptr, false};
        }
    }
    --busy_;
    close(s);
    return {nullptr, true};
}

WATCHERS_ROOMS_DECL void pool_core::replace(slot& s, ticket& t) noexcept
{
    --busy_;
    ++reserved_;
    s.state_ = slot_state::opening;
    s.reserved_for_ = &t;
    t.reserved_ = &s;
}

WATCHERS_ROOMS_DECL void pool_core::evict(slot& s) noexcept
{
    idle_.erase(s);
    close(s);
}

WATCHERS_ROOMS_DECL pool_core::slot* pool_core::evict_expired(clock::time_point now) noexcept
{
    if (stale(now)) {
        slot& s = idle_.back();
        evict(s);
        return &s;
    }
    for (slot* s = any_idle(); s != nullptr; s = idle_.next(*s)) {
        if (!too_old(*s, now)) continue;
        evict(*s);
        return s;
    }
    return nullptr;
}

WATCHERS_ROOMS_DECL pool_core::slot* pool_core::evict_idle_since(clock::time_point t) noexcept
{
    slot* const longest = any_idle();
    if (longest == nullptr || longest->idle_since_ > t) return nullptr;
    evict(*longest);
    return longest;
}

WATCHERS_ROOMS_DECL pool_core::slot* pool_core::evict_distrusted() noexcept
{
    slot* const longest = any_idle();
    if (longest == nullptr || queued() <= opening_ || openable() > 0) return nullptr;
    evict(*longest);
    return longest;
}

WATCHERS_ROOMS_DECL std::optional<clock::time_point> pool_core::next_expiry() noexcept
{
    std::optional<clock::time_point> next;
    for (slot* s = any_idle(); s != nullptr; s = idle_.next(*s)) {
        const auto expiry = std::min(s->expires_at_, s->idle_since_ + limits_.idle_timeout);
        if (!next || expiry < *next) next = expiry;
    }
    return next;
}

WATCHERS_ROOMS_DECL pool_core::ticket* pool_core::take_next() noexcept
{
    if (!waiting_.empty()) return &waiting_.pop_front();
    return background_.empty() ? nullptr : &background_.pop_front();
}

WATCHERS_ROOMS_DECL void pool_core::close(slot& s) noexcept
{
    s.state_ = slot_state::closed;
    closed_.push_front(s);
}

} // namespace watchers::rooms::detail
