// SPDX-License-Identifier: BSL-1.0
#include "room_store.hpp"

#include <utility>

namespace watchers::rooms::sandbox::detail {
namespace {

/// Reads exactly `digits` digits at the front of `text` and takes them off.
std::optional<int> take_number(std::string_view& text, std::size_t digits)
{
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char c)
{
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

/// `.` and 1 to 9 digits; nothing at all is zero.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text)
{
    if (!take(text, '.')) return std::chrono::nanoseconds(0);
    std::int64_t value = 0;
    int digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        value = value * 10 + (text.front() - '0');
        text.remove_prefix(1);
        if (++digits > 9) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 9; ++digits)
        value *= 10;
    return std::chrono::nanoseconds(value);
}

void append_padded(std::string& out, unsigned value, int digits)
{
    char text[10];
    for (int i = digits; i-- > 0; value /= 10)
        text[i] = static_cast<char>('0' + value % 10);
    out.append(text, static_cast<std::size_t>(digits));
}

} // namespace

std::string_view to_string(room_state state)
{
    switch (state) {
    case room_state::live: return "LIVE";
    case room_state::soon: return "SOON";
    case room_state::ended: return "ENDED";
    case room_state::disabled: return "DISABLED";
    }
    return {};
}

std::optional<room_state> parse_state(std::string_view text)
{
    for (const room_state state :
         {room_state::live, room_state::soon, room_state::ended, room_state::disabled})
        if (text == to_string(state)) return state;
    return std::nullopt;
}

std::optional<time_point> parse_time(std::string_view text)
{
    using namespace std::chrono;
    const auto year_number = take_number(text, 4);
    const bool dash = take(text, '-');
    const auto month_number = take_number(text, 2);
    const bool dash_again = take(text, '-');
    const auto day_number = take_number(text, 2);
    if (!year_number || !month_number || !day_number || !dash || !dash_again) return std::nullopt;
    const bool iso = take(text, 'T');
    if (!iso && !take(text, ' ')) return std::nullopt;
    const auto hour_number = take_number(text, 2);
    const bool colon = take(text, ':');
    const auto minute_number = take_number(text, 2);
    const bool colon_again = take(text, ':');
    const auto second_number = take_number(text, 2);
    if (!hour_number || !minute_number || !second_number || !colon || !colon_again) return std::nullopt;
    if (*hour_number > 23 || *minute_number > 59 || *second_number > 59) return std::nullopt;
    nanoseconds fraction(0);
    if (iso) {
        const auto read = take_fraction(text);
        if (!read || !take(text, 'Z')) return std::nullopt;
        fraction = *read;
    }
    const year_month_day date(year(*year_number), month(static_cast<unsigned>(*month_number)),
                              day(static_cast<unsigned>(*day_number)));
    // Years outside would overflow a clock that counts nanoseconds.
    if (!text.empty() || !date.ok() || *year_number < 1678 || *year_number > 2261) return std::nullopt;
    const sys_seconds whole =
        sys_days(date) + hours(*hour_number) + minutes(*minute_number) + seconds(*second_number);
    return time_point_cast<time_point::duration>(whole) + duration_cast<time_point::duration>(fraction);
}

void append_time(std::string& out, time_point time)
{
    using namespace std::chrono;
    const auto in_ms = floor<milliseconds>(time);
    const auto midnight = floor<days>(in_ms);
    const year_month_day date(midnight);
    const hh_mm_ss<milliseconds> clock(in_ms - midnight);
    append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.month()), 2);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.day()), 2);
    out += 'T';
    append_padded(out, static_cast<unsigned>(clock.hours().count()), 2);
    out += ':';
    append_padded(out, static_cast<unsigned>(clock.minutes().count()), 2);
    out += ':';
    append_padded(out, static_cast<unsigned>(clock.seconds().count()), 2);
    out += '.';
    append_padded(out, static_cast<unsigned>(clock.subseconds().count()), 3);
    out += 'Z';
}

void schedule::set(room_state state, time_point now)
{
    set_ = state;
    set_at_ = now;
}

room_state schedule::at(time_point now) const
{
    const auto passed_since_set = [&](const std::optional<time_point>& edge) {
        return edge && set_at_ < *edge && *edge <= now;
    };
    if (set_ && !passed_since_set(start_) && !passed_since_set(end_)) return *set_;
    if (end_ && *end_ <= now) return room_state::ended;
    if (start_ && now < *start_) return room_state::soon;
    return room_state::live;
}

const room_record* room_store::create(std::string_view id, room_record&& record, time_point now)
{
    const auto [it, is_new] = rooms_.try_emplace(std::string(id), std::move(record));
    if (!is_new) return nullptr;
    it->second.number = ++last_number_;
    it->second.created = it->second.updated = now;
    ++creations_[it->first];
    return &it->second;
}

const room_record* room_store::find(std::string_view id) const
{
    const auto it = rooms_.find(id);
    return it == rooms_.end() ? nullptr : &it->second;
}

room_record* room_store::find(std::string_view id)
{
    const auto it = rooms_.find(id);
    return it == rooms_.end() ? nullptr : &it->second;
}

bool room_store::remove(std::string_view id)
{
    const auto it = rooms_.find(id);
    if (it == rooms_.end()) return false;
    rooms_.erase(it);
    return true;
}

void room_store::put(const stored_room& room, time_point now)
{
    room_record record;
    record.name = room.name;
    record.about = room.about;
    record.voice = room.voice;
    record.times = schedule(room.start, room.end);
    if (const auto state = parse_state(room.status)) record.times.set(*state, now);
    record.picture = room.picture;
    record.stream_url = room.stream_url;
    record.source_url = room.source_url;
    record.stream_start = room.stream_start;
    record.stream_end = room.stream_end;
    record.number = ++last_number_;
    record.created = record.updated = now;
    rooms_.insert_or_assign(room.id, std::move(record));
}

void room_store::clear()
{
    rooms_.clear();
    creations_.clear();
    last_number_ = 0;
}

std::uint64_t room_store::creations(std::string_view id) const
{
    const auto it = creations_.find(id);
    return it == creations_.end() ? 0 : it->second;
}

std::vector<std::pair<std::string, std::uint64_t>> room_store::creations() const
{
    return {creations_.begin(), creations_.end()};
}

std::optional<stored_room> room_store::snapshot(std::string_view id, time_point now) const
{
    const auto it = rooms_.find(id);
    if (it == rooms_.end()) return std::nullopt;
    return snapshot(it->first, it->second, now);
}

std::vector<stored_room> room_store::snapshots(time_point now) const
{
    std::vector<stored_room> result;
    result.reserve(rooms_.size());
    for (const auto& [id, record] : rooms_)
        result.push_back(snapshot(id, record, now));
    return result;
}

std::vector<std::string> room_store::ids() const
{
    std::vector<std::string> result;
    result.reserve(rooms_.size());
    for (const auto& [id, record] : rooms_)
        result.push_back(id);
    return result;
}

stored_room room_store::snapshot(const std::string& id, const room_record& record, time_point now) const
{
    stored_room room(id, record.name, record.about);
    room.voice = record.voice;
    room.status = to_string(record.times.at(now));
    room.start = record.times.start();
    room.end = record.times.end();
    room.picture = record.picture;
    room.stream_url = record.stream_url;
    room.source_url = record.source_url;
    room.stream_start = record.stream_start;
    room.stream_end = record.stream_end;
    room.times_created = creations(id);
    return room;
}

} // namespace watchers::rooms::sandbox::detail
