// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/impl/sansio/intrusive_list.hpp>
#include <watchers/rooms/impl/sansio/room_order.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <optional>
#include <string_view>

namespace watchers::rooms::detail {

// One operation of a bulk run from when it is pulled until its result is with the sink. The object is used
// again.
class bulk_item final : public room_order::change, public list_hook<bulk_item>
{
public:
    enum class stage : unsigned char
    {
        waiting,     // for its turn, for the journal, or for a place among those under way
        looking,     // gets the room, to find out whether an earlier run carried the operation out
        sent,        // under way
        looking_back // gets the room that a create found to exist, in a run that is resumed
    };

    bulk_result& result() noexcept { return *held; }

    std::optional<bulk_result> held;
    boost::asio::cancellation_signal cancel;
    unsigned round = 0; // of bulk_limit
    stage at = stage::waiting;
    unsigned requests = 0;     // of calls before the last one
    bool begun_before = false; // by an earlier run, and what became of it is not in the journal
    bool in_doubt = false;     // so an earlier run may have changed the room
    bool may_be_own = false;   // a room that is there already
    bool journaled_intent = false;
    std::atomic<bool> lost = false; // its call is gone without a word

private:
    std::string_view ordered_room() const noexcept override { return held->operation.room_id(); }
};

using bulk_line = intrusive_list<bulk_item, bulk_item>;

} // namespace watchers::rooms::detail
