// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/room.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

// Durations and times as people write them on a command line.

namespace roomctl {

namespace detail {

// Takes `digits` decimal digits off the front.
inline std::optional<int> take_number(std::string_view& text, std::size_t digits) noexcept
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

inline bool take(std::string_view& text, char c) noexcept
{
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

// hh:mm, below 24 hours.
inline std::optional<std::chrono::minutes> take_hours_and_minutes(std::string_view& text) noexcept
{
    const auto hours = take_number(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    const auto minutes = take_number(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
}

// One to three digits after a decimal point, or nothing.
inline std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) noexcept
{
    if (!take(text, '.')) return std::chrono::milliseconds(0);
    int value = 0;
    int scale = 1000;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        scale /= 10;
        value += (text.front() - '0') * scale;
        text.remove_prefix(1);
        if (scale == 1) break;
    }
    if (scale == 1000) return std::nullopt;
    return std::chrono::milliseconds(value);
}

} // namespace detail

// A number with an optional fraction and a unit: `500ms`, `5s`, `1.5m`, `2h`, `1d`. At most ten years.
inline std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept
{
    std::int64_t whole = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (ec != std::errc() || whole < 0 || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto fraction = detail::take_fraction(text); // thousandths of the unit
    if (!fraction) return std::nullopt;

    std::int64_t unit = 0;
    if (text == "ms") unit = 1;
    if (text == "s") unit = 1'000;
    if (text == "m" || text == "min") unit = 60'000;
    if (text == "h") unit = 3'600'000;
    if (text == "d") unit = 86'400'000;
    constexpr std::int64_t limit = 3'653LL * 86'400'000;
    if (unit == 0 || whole > limit / unit) return std::nullopt;
    return std::chrono::milliseconds(whole * unit + fraction->count() * unit / 1000);
}

// `2026-12-31 20:00`, with `T` for the space, with seconds and milliseconds, with `Z` or an offset like
// `+02:00`; UTC unless an offset is given. Or a duration from now: `+30m`.
inline std::optional<watchers::rooms::time_point> parse_time(std::string_view text,
                                                             watchers::rooms::time_point now) noexcept
{
    using namespace std::chrono;
    if (detail::take(text, '+')) {
        const auto ahead = parse_duration(text);
        if (!ahead) return std::nullopt;
        return now + *ahead;
    }

    const auto y = detail::take_number(text, 4);
    if (!y || !detail::take(text, '-')) return std::nullopt;
    const auto mon = detail::take_number(text, 2);
    if (!mon || !detail::take(text, '-')) return std::nullopt;
    const auto d = detail::take_number(text, 2);
    if (!d || (!detail::take(text, 'T') && !detail::take(text, ' '))) return std::nullopt;
    const year_month_day date(year(*y), month(static_cast<unsigned>(*mon)), day(static_cast<unsigned>(*d)));
    if (!date.ok()) return std::nullopt;

    const auto of_day = detail::take_hours_and_minutes(text);
    if (!of_day) return std::nullopt;
    milliseconds rest(0);
    if (detail::take(text, ':')) {
        const auto s = detail::take_number(text, 2);
        if (!s || *s > 59) return std::nullopt;
        const auto fraction = detail::take_fraction(text);
        if (!fraction) return std::nullopt;
        rest = seconds(*s) + *fraction;
    }

    minutes offset(0);
    if (!text.empty() && !detail::take(text, 'Z')) {
        const bool east = detail::take(text, '+');
        if (!east && !detail::take(text, '-')) return std::nullopt;
        const auto by = detail::take_hours_and_minutes(text);
        if (!by) return std::nullopt;
        offset = east ? *by : -*by;
    }
    if (!text.empty()) return std::nullopt;
    return sys_days(date) + *of_day + rest - offset;
}

} // namespace roomctl
