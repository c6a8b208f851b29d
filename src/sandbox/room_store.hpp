// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/sandbox.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::sandbox::detail {

using time_point = std::chrono::system_clock::time_point;

enum class room_state
{
    live,
    soon,
    ended,
    disabled
};

std::string_view to_string(room_state state);
std::optional<room_state> parse_state(std::string_view text);

/// `2024-12-31 05:33:32` or ISO 8601 in UTC (`2024-12-31T05:33:32Z`, with 1 to 9 digits of a second's
/// fraction).
std::optional<time_point> parse_time(std::string_view text);
/// Appends `2024-12-31T05:33:32.000Z`.
void append_time(std::string& out, time_point time);

/// When a room is what, given its times and the last explicit change of its status.
class schedule
{
public:
    schedule() {}
    schedule(std::optional<time_point> start, std::optional<time_point> end) : start_(start), end_(end) {}

    /// An explicit change at the time `now`: it holds until start or end passes, whichever comes next.
    void set(room_state state, time_point now);

    room_state at(time_point now) const;

    std::optional<time_point> start() const { return start_; }
    std::optional<time_point> end() const { return end_; }

private:
    std::optional<time_point> start_;
    std::optional<time_point> end_;
    std::optional<room_state> set_;
    time_point set_at_{};
};

/// A stored room's data beside its id.
struct room_record
{
    room_record() {}

    std::string name;
    std::string about;
    bool voice = false;
    schedule times;
    std::optional<std::string> picture;
    std::optional<std::string> stream_url;
    std::optional<std::string> source_url;
    std::optional<time_point> stream_start;
    std::optional<time_point> stream_end;
    std::uint64_t number = 0; ///< the service's own id, given by the store
    time_point created{};
    time_point updated{};
};

/// All rooms. Pure state: no lock, no clock.
class room_store
{
public:
    /// Null when the id is taken.
    const room_record* create(std::string_view id, room_record&& record, time_point now);
    const room_record* find(std::string_view id) const;
    room_record* find(std::string_view id);
    bool remove(std::string_view id);
    void put(const stored_room& room, time_point now);
    void clear();

    std::size_t size() const { return rooms_.size(); }
    std::uint64_t creations(std::string_view id) const;
    /// Of all ids, in their order.
    std::vector<std::pair<std::string, std::uint64_t>> creations() const;
    std::optional<stored_room> snapshot(std::string_view id, time_point now) const;
    /// In the order of the ids.
    std::vector<stored_room> snapshots(time_point now) const;
    /// Sorted.
    std::vector<std::string> ids() const;

private:
    // In order and not hashed: a peer chooses the ids, and could make them collide.
    template <class T>
    using by_id = std::map<std::string, T, std::less<>>;

    stored_room snapshot(const std::string& id, const room_record& record, time_point now) const;

    by_id<room_record> rooms_;
    by_id<std::uint64_t> creations_;
    std::uint64_t last_number_ = 0;
};

} // namespace watchers::rooms::sandbox::detail
