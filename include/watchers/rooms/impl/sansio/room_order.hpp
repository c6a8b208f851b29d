// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/impl/sansio/sip_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace watchers::rooms::detail {

// Whose turn it is to change a room: changes of one room go one after the other, in the order of their
// arrival; rooms know nothing of each other. A hash table of the changes under way, each with those behind it
// in a chain; it allocates only to grow. Rooms are told apart by their ids; the key keeps ids
// that are made to collide out of one bucket.
class room_order
{
public:
    explicit room_order(const sip_key& k) noexcept : key_(k) {}

    // A change of a room.
    class change
    {
    public:
        change() = default;
        change(const change&) = delete;
        change& operator=(const change&) = delete;

        // Between enter() and leave().
        bool entered() const noexcept { return entered_; }

        // In the same room, and next to go before this one; null if it is this one's turn.
        change* ahead() const noexcept { return ahead_; }

    protected:
        ~change() = default;

    private:
        friend class room_order;
        virtual std::string_view ordered_room() const noexcept = 0; // the same from enter() to leave()

        std::uint64_t hash_ = 0;
        change* behind_ = nullptr; // in the same room
        change* ahead_ = nullptr;  // in the same room; null: it is this one's turn
        change* last_ = nullptr;   // in the same room, where it is this one's turn
        change* next_ = nullptr;   // in the same bucket, where it is this one's turn
        bool entered_ = false;
    };

    // Reserves memory for one more: the next enter() does not throw.
    void prepare();

    // Returns whether it is this one's turn at once.
    bool enter(change&);

    // The change is over, or given up. Returns the one whose turn it is thereby, or null.
    change* leave(change&) noexcept;

    bool empty() const noexcept { return rooms_ == 0; }

private:
    change** find(std::uint64_t hash, std::string_view room) noexcept;
    void grow();

    sip_key key_;
    std::vector<change*> buckets_; // a power of two of them, each with those whose turn it is
    std::size_t rooms_ = 0;
};

} // namespace watchers::rooms::detail
