// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/opener.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// What a failed system call means to the caller.
inline errc connect_error(error_code ec) noexcept
{
    namespace sys = boost::system::errc;
    if (ec == sys::too_many_files_open || ec == sys::too_many_files_open_in_system ||
        ec == sys::no_buffer_space || ec == sys::not_enough_memory)
        return errc::resource_exhausted;
    if (ec == sys::timed_out) return errc::connect_timeout;
    return errc::connect_failed;
}

WATCHERS_ROOMS_DECL void opener::start()
{
    const auto now = environment_.now();
    durations_ = {};
    last_error_ = {};
    phase_ = rooms::phase::resolve;
    phase_began_ = now;
    phase_limit_ = now + config_.resolve_timeout;
    arm();
}

WATCHERS_ROOMS_DECL void opener::on_resolved(error_code ec, const std::vector<endpoint>& addresses)
{
    if (ec == boost::system::errc::not_enough_memory) return fail(errc::resource_exhausted, ec);
    if (ec || addresses.empty()) return fail(errc::resolve_failed, ec);
    const auto now = environment_.now();
    enter(rooms::phase::connect, now);
    phase_limit_ = now + config_.connect_timeout;

    try {
        std::vector<bool> is_v6;
        for (const endpoint& e : addresses)
            is_v6.push_back(e.address().is_v6());
        addresses_.clear();
        for (const std::size_t i : interleave(is_v6))
            addresses_.push_back(addresses[i]);
        attempts_.assign(addresses_.size(), nullptr);
        eyeballs_.emplace(addresses_.size(), config_.connect_attempt_delay);
    } catch (const std::bad_alloc&) {
        return give_up(errc::resource_exhausted);
    }
    follow(eyeballs_->begin(now));
}

WATCHERS_ROOMS_DECL void opener::follow(happy_eyeballs::step step)
{
    if (step.failed) return fail(connect_error(last_error_), last_error_);
    next_address_at_ = step.wake;
    try {
        arm();
        if (step.start) connect_to(*step.start);
    } catch (const std::bad_alloc&) {
        give_up(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void opener::connect_to(std::size_t index)
{
    attempts_[index] = environment_.make_transport();
    attempts_[index]->listen(*this);
    attempts_[index]->connect(addresses_[index]);
}

WATCHERS_ROOMS_DECL void opener::on_connected(transport& t, error_code ec)
{
    const auto now = environment_.now();
    const auto found =
        std::find_if(attempts_.begin(), attempts_.end(), [&](const auto& a) { return a.get() == &t; });
    const auto index = static_cast<std::size_t>(found - attempts_.begin());
    if (ec) {
        last_error_ = ec;
        attempts_[index]->close();
        return follow(eyeballs_->on_failed(index, now));
    }
    chosen_ = std::move(attempts_[index]);
    for (const auto& other : attempts_)
        if (other) other->close();
    attempts_.clear();
    next_address_at_.reset();
    enter(rooms::phase::handshake, now);
    phase_limit_ = now + config_.tls_timeout;
    try {
        arm();
        chosen_->secure();
    } catch (const std::bad_alloc&) {
        give_up(errc::resource_exhausted);
    }
}

WATCHERS_ROOMS_DECL void opener::on_secured(transport&, error_code ec, error_code cause)
{
    if (ec) return fail(ec, cause);
    enter(rooms::phase::validation, environment_.now());
    timers_.cancel(*this);
    owner_.on_opened(std::move(chosen_));
}

WATCHERS_ROOMS_DECL void opener::on_deadline(clock::time_point now)
{
    if (now < phase_limit_) {
        next_address_at_.reset();
        return follow(eyeballs_->on_time(now));
    }
    switch (phase_) {
    case rooms::phase::resolve: return fail(errc::resolve_timeout, {});
    case rooms::phase::connect: return fail(errc::connect_timeout, last_error_);
    default: return fail(errc::tls_timeout, {});
    }
}

WATCHERS_ROOMS_DECL void opener::enter(rooms::phase next, clock::time_point now)
{
    const auto took = now - phase_began_;
    if (phase_ == rooms::phase::resolve) durations_.resolve = took;
    if (phase_ == rooms::phase::connect) durations_.connect = took;
    if (phase_ == rooms::phase::handshake) durations_.handshake = took;
    phase_ = next;
    phase_began_ = now;
}

WATCHERS_ROOMS_DECL void opener::arm()
{
    timers_.set(*this, next_address_at_ ? std::min(*next_address_at_, phase_limit_) : phase_limit_);
}

WATCHERS_ROOMS_DECL void opener::fail(error_code ec, error_code cause)
{
    enter(phase_, environment_.now());
    const auto failed_in = phase_;
    abort();
    phase_ = failed_in; // the owner may ask
    owner_.on_open_failed(ec, cause);
}

WATCHERS_ROOMS_DECL void opener::abort() noexcept
{
    timers_.cancel(*this);
    for (const auto& t : attempts_)
        if (t) t->close();
    attempts_.clear();
    if (chosen_) chosen_->close();
    chosen_.reset();
    next_address_at_.reset();
    phase_ = rooms::phase::validation;
}

} // namespace watchers::rooms::detail
