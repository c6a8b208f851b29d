// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL deadline::~deadline()
{
    if (queue_ != nullptr) queue_->cancel(*this);
}

WATCHERS_ROOMS_DECL deadline_queue::~deadline_queue()
{
    for (entry& e : heap_)
        e.what->queue_ = nullptr;
}

WATCHERS_ROOMS_DECL void deadline_queue::set(deadline& d, clock::time_point when)
{
    if (d.queue_ == nullptr) {
        heap_.push_back({when, &d});
        d.queue_ = this;
        d.position_ = heap_.size() - 1;
        sift_up(d.position_);
        return;
    }
    const std::size_t position = d.position_;
    const bool earlier = when < heap_[position].when;
    heap_[position].when = when;
    if (earlier)
        sift_up(position);
    else
        sift_down(position);
}

WATCHERS_ROOMS_DECL void deadline_queue::cancel(deadline& d) noexcept
{
    if (d.queue_ == nullptr) return;
    const std::size_t position = d.position_;
    const entry last = heap_.back();
    d.queue_ = nullptr;
    heap_.pop_back();
    if (position == heap_.size()) return;
    const bool earlier = last.when < heap_[position].when;
    place(position, last);
    if (earlier)
        sift_up(position);
    else
        sift_down(position);
}

WATCHERS_ROOMS_DECL deadline* deadline_queue::pop_expired(clock::time_point now) noexcept
{
    if (heap_.empty() || heap_.front().when > now) return nullptr;
    deadline* const d = heap_.front().what;
    cancel(*d);
    return d;
}

WATCHERS_ROOMS_DECL void deadline_queue::place(std::size_t position, entry e) noexcept
{
    heap_[position] = e;
    e.what->position_ = position;
}

WATCHERS_ROOMS_DECL void deadline_queue::sift_up(std::size_t position) noexcept
{
    const entry moved = heap_[position];
    while (position > 0) {
        const std::size_t parent = (position - 1) / 2;
        if (!(moved.when < heap_[parent].when)) break;
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, moved);
}

WATCHERS_ROOMS_DECL void deadline_queue::sift_down(std::size_t position) noexcept
{
    const entry moved = heap_[position];
    for (;;) {
        std::size_t child = 2 * position + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
        if (!(heap_[child].when < moved.when)) break;
        place(position, heap_[child]);
        position = child;
    }
    place(position, moved);
}

} // namespace watchers::rooms::detail
