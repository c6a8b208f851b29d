// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/impl/sansio/retry_after.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace watchers::rooms::detail {

inline constexpr std::int64_t longest_wait = 0x7FFF'FFFF; // RFC 9111, 1.2.2, has it for delta-seconds

// Reads a date from left to right; once something does not fit, everything after it fails.
class date_scanner
{
public:
    explicit date_scanner(std::string_view text) : text_(text) {}

    bool good() const noexcept { return good_; }
    bool at_end() const noexcept { return good_ && text_.empty(); }

    bool skip(std::string_view literal)
    {
        good_ = good_ && text_.starts_with(literal);
        if (good_) text_.remove_prefix(literal.size());
        return good_;
    }

    template <std::size_t N>
    unsigned one_of(const std::array<std::string_view, N>& names)
    {
        for (unsigned i = 0; good_ && i != N; ++i)
            if (text_.starts_with(names[i])) return skip(names[i]), i;
        good_ = false;
        return 0;
    }

    int number(std::size_t digits)
    {
        good_ = good_ && text_.size() >= digits;
        int value = 0;
        for (std::size_t i = 0; good_ && i != digits; ++i) {
            good_ = text_[i] >= '0' && text_[i] <= '9';
            value = value * 10 + (text_[i] - '0');
        }
        if (!good_) return 0;
        text_.remove_prefix(digits);
        return value;
    }

private:
    std::string_view text_;
    bool good_ = true;
};

inline constexpr std::array<std::string_view, 7> short_weekdays{"Mon", "Tue", "Wed", "Thu",
                                                                "Fri", "Sat", "Sun"};
inline constexpr std::array<std::string_view, 7> long_weekdays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                               "Friday", "Saturday", "Sunday"};
inline constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

class http_date
{
public:
    // Two digits of a year are taken for the year of that ending at most 50 years past `reference`.
    static std::optional<std::chrono::sys_seconds> parse(std::string_view text, int reference)
    {
        const auto comma = text.find(',');
        http_date d;
        date_scanner in(text);
        if (comma == 3)
            d.imf_fixdate(in);
        else if (comma != text.npos)
            d.rfc_850(in, reference);
        else
            d.asctime(in);
        return in.at_end() ? d.value() : std::nullopt;
    }

private:
    void imf_fixdate(date_scanner& in) // Sun, 06 Nov 1994 08:49:37 GMT
    {
        in.one_of(short_weekdays);
        in.skip(", ");
        day_ = in.number(2);
        in.skip(" ");
        month_ = in.one_of(months) + 1;
        in.skip(" ");
        year_ = in.number(4);
        in.skip(" ");
        clock(in);
        in.skip(" GMT");
    }

    void rfc_850(date_scanner& in, int reference) // Sunday, 06-Nov-94 08:49:37 GMT
    {
        in.one_of(long_weekdays);
        in.skip(", ");
        day_ = in.number(2);
        in.skip("-");
        month_ = in.one_of(months) + 1;
        in.skip("-");
        year_ = reference / 100 * 100 + in.number(2);
        if (year_ > reference + 50) year_ -= 100;
        if (year_ <= reference - 50) year_ += 100;
        in.skip(" ");
        clock(in);
        in.skip(" GMT");
    }

    void asctime(date_scanner& in) // Sun Nov  6 08:49:37 1994
    {
        in.one_of(short_weekdays);
        in.skip(" ");
        month_ = in.one_of(months) + 1;
        in.skip(" ");
        date_scanner ahead = in;
        const bool padded = ahead.skip(" ");
        if (padded) in.skip(" ");
        day_ = in.number(padded ? 1 : 2);
        in.skip(" ");
        clock(in);
        in.skip(" ");
        year_ = in.number(4);
    }

    void clock(date_scanner& in)
    {
        hour_ = in.number(2);
        in.skip(":");
        minute_ = in.number(2);
        in.skip(":");
        second_ = in.number(2);
    }

    std::optional<std::chrono::sys_seconds> value() const
    {
        using namespace std::chrono;
        const year_month_day date(year(year_), month(month_), day(static_cast<unsigned>(day_)));
        if (!date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60) return std::nullopt;
        return sys_seconds(sys_days(date)) + hours(hour_) + minutes(minute_) + seconds(second_);
    }

    int year_ = 0;
    unsigned month_ = 0;
    int day_ = 0;
    int hour_ = 0;
    int minute_ = 0;
    int second_ = 0;
};

inline std::string_view without_blanks(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

inline bool all_digits(std::string_view text) noexcept
{
    return text.find_first_not_of("0123456789") == text.npos;
}

// Digits, perhaps with a fraction of any length; nothing for any other text.
inline std::optional<std::chrono::seconds> parse_delay(std::string_view value) noexcept
{
    const auto dot = value.find('.');
    const auto whole = value.substr(0, dot);
    const auto fraction = dot == value.npos ? std::string_view() : value.substr(dot + 1);
    if (whole.empty() && fraction.empty()) return std::nullopt;
    if (!all_digits(whole) || !all_digits(fraction)) return std::nullopt;
    std::int64_t wait = fraction.find_first_not_of('0') == fraction.npos ? 0 : 1;
    std::int64_t seconds = 0;
    for (const char c : whole)
        seconds = (std::min)(seconds * 10 + (c - '0'), longest_wait);
    wait = (std::min)(wait + seconds, longest_wait);
    return std::chrono::seconds(wait);
}

WATCHERS_ROOMS_DECL std::optional<std::chrono::seconds>
parse_retry_after(std::string_view value, std::string_view date_header,
                  std::chrono::system_clock::time_point local_now)
{
    using namespace std::chrono;
    value = without_blanks(value);
    if (const auto delay = parse_delay(value)) return delay;
    constexpr int reference = 2019; // the response's own date lies between 1970 and 2069
    const auto date = http_date::parse(without_blanks(date_header), reference);
    const sys_seconds now = date ? *date : floor<seconds>(local_now);
    const auto then = http_date::parse(value, static_cast<int>(year_month_day(floor<days>(now)).year()));
    if (!then) return std::nullopt;
    return std::clamp(seconds(*then - now), seconds(0), seconds(longest_wait));
}

} // namespace watchers::rooms::detail
