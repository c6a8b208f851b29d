// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/room_order.hpp>

#include <new>
#include <utility>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL void room_order::prepare()
{
    if (rooms_ >= buckets_.size()) grow();
}

WATCHERS_ROOMS_DECL bool room_order::enter(change& c)
{
    prepare();
    const std::string_view room = c.ordered_room();
    c.hash_ = sip_hash::of(key_, room);
    c.behind_ = nullptr;
    c.ahead_ = nullptr;
    c.next_ = nullptr;
    c.entered_ = true;
    change** const place = find(c.hash_, room);
    change* const first = *place;
    if (first == nullptr) {
        c.last_ = &c;
        *place = &c;
        ++rooms_;
        return true;
    }
    c.ahead_ = first->last_;
    first->last_->behind_ = &c;
    first->last_ = &c;
    return false;
}

WATCHERS_ROOMS_DECL room_order::change* room_order::leave(change& c) noexcept
{
    c.entered_ = false;
    if (c.ahead_ != nullptr) {
        c.ahead_->behind_ = c.behind_;
        if (c.behind_ != nullptr) {
            c.behind_->ahead_ = c.ahead_;
            return nullptr;
        }
        change* const first = *find(c.hash_, c.ordered_room());
        first->last_ = c.ahead_;
        return nullptr;
    }
    change** const place = find(c.hash_, c.ordered_room());
    change* const heir = c.behind_;
    if (heir == nullptr) {
        *place = c.next_;
        --rooms_;
        return nullptr;
    }
    heir->ahead_ = nullptr;
    heir->last_ = c.last_;
    heir->next_ = c.next_;
    *place = heir;
    return heir;
}

// Where the pointer to the change is, or would be, whose turn it is in that room.
WATCHERS_ROOMS_DECL room_order::change** room_order::find(std::uint64_t hash, std::string_view room) noexcept
{
    change** place = &buckets_[hash & (buckets_.size() - 1)];
    while (*place != nullptr && ((*place)->hash_ != hash || (*place)->ordered_room() != room))
        place = &(*place)->next_;
    return place;
}

WATCHERS_ROOMS_DECL void room_order::grow()
{
    std::vector<change*> larger;
    try {
        larger.resize(buckets_.empty() ? 64 : buckets_.size() * 2);
    } catch (const std::bad_alloc&) {
        if (buckets_.empty()) throw;
        return; // longer chains do as well
    }
    for (change* c : buckets_) {
        while (c != nullptr) {
            change*& place = larger[c->hash_ & (larger.size() - 1)];
            change* const next = std::exchange(c->next_, place);
            place = c;
            c = next;
        }
    }
    buckets_.swap(larger);
}

} // namespace watchers::rooms::detail
