// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/time_text.hpp>

#include <array>

namespace watchers::rooms::detail {

// Reads digits at given places of a text. Failure is remembered, and asked for once.
class digit_reader
{
public:
    explicit digit_reader(const char* text) noexcept : text_(text) {}

    int digit(std::size_t at) noexcept
    {
        const auto value = static_cast<unsigned>(static_cast<unsigned char>(text_[at])) - '0';
        failed_ |= value > 9;
        return static_cast<int>(value);
    }

    int two(std::size_t at) noexcept { return digit(at) * 10 + digit(at + 1); }
    void expect(std::size_t at, char c) noexcept { failed_ |= text_[at] != c; }
    bool failed() const noexcept { return failed_; }

private:
    const char* text_;
    bool failed_ = false;
};

// Milliseconds of a fraction after its dot, which is taken off the text; nothing if there are no digits, or
// more than nine.
WATCHERS_ROOMS_DECL std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) noexcept
{
    std::size_t size = 0;
    int value = 0;
    for (int weight = 100; size < text.size() && text[size] >= '0' && text[size] <= '9'; ++size, weight /= 10)
        value += (text[size] - '0') * weight;
    if (size == 0 || size > 9) return std::nullopt;
    text.remove_prefix(size);
    return std::chrono::milliseconds(value);
}

// What a zone, the whole text, is ahead of UTC.
WATCHERS_ROOMS_DECL std::optional<std::chrono::minutes> parse_zone(std::string_view text) noexcept
{
    using namespace std::chrono;
    if (text.empty() || text == "Z") return minutes(0);
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    digit_reader in(text.data());
    const hours hour(in.two(1));
    in.expect(3, ':');
    const minutes minute(in.two(4));
    if (in.failed() || hour > hours(23) || minute > minutes(59)) return std::nullopt;
    return text[0] == '+' ? hour + minute : -(hour + minute);
}

WATCHERS_ROOMS_DECL char* put_number(char* p, unsigned value, unsigned digits) noexcept
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        p[i] = static_cast<char>('0' + value % 10);
    return p + digits;
}

WATCHERS_ROOMS_DECL void append_time(std::string& out, time_point t, time_format format)
{
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const auto since_midnight = static_cast<unsigned>((t - day).count());
    const bool iso = format == time_format::iso_8601;

    std::array<char, 24> text{};
    char* p = put_number(text.data(), static_cast<unsigned>(static_cast<int>(date.year())), 4);
    *p++ = '-';
    p = put_number(p, static_cast<unsigned>(date.month()), 2);
    *p++ = '-';
    p = put_number(p, static_cast<unsigned>(date.day()), 2);
    *p++ = iso ? 'T' : ' ';
    p = put_number(p, since_midnight / 3'600'000, 2);
    *p++ = ':';
    p = put_number(p, since_midnight / 60'000 % 60, 2);
    *p++ = ':';
    p = put_number(p, since_midnight / 1'000 % 60, 2);
    if (iso) {
        *p++ = '.';
        p = put_number(p, since_midnight % 1'000, 3);
        *p++ = 'Z';
    }
    out.append(text.data(), static_cast<std::size_t>(p - text.data()));
}

WATCHERS_ROOMS_DECL std::optional<time_point> parse_time(std::string_view text) noexcept
{
    using namespace std::chrono;
    constexpr std::size_t fixed_size = 19; // "2024-12-31T05:33:32"
    if (text.size() < fixed_size) return std::nullopt;

    digit_reader in(text.data());
    const year y(in.two(0) * 100 + in.two(2));
    in.expect(4, '-');
    const month m(static_cast<unsigned>(in.two(5)));
    in.expect(7, '-');
    const day d(static_cast<unsigned>(in.two(8)));
    if (text[10] != 'T') in.expect(10, ' ');
    const hours hour(in.two(11));
    in.expect(13, ':');
    const minutes minute(in.two(14));
    in.expect(16, ':');
    const seconds second(in.two(17));
    const year_month_day date(y, m, d);
    if (in.failed() || !date.ok() || hour > hours(23) || minute > minutes(59) || second > seconds(59))
        return std::nullopt;

    text.remove_prefix(fixed_size);
    std::optional<milliseconds> fraction(0);
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        fraction = take_fraction(text);
    }
    const std::optional<minutes> zone = parse_zone(text);
    if (!fraction || !zone) return std::nullopt;

    const time_point t = sys_days(date) + hour + minute + second + *fraction - *zone;
    if (t < sys_days(year(0) / 1 / 1) || t >= sys_days(year(10'000) / 1 / 1)) return std::nullopt;
    return t;
}

} // namespace watchers::rooms::detail
