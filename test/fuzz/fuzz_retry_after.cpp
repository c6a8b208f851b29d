// SPDX-License-Identifier: BSL-1.0
// Two numbers, from which well-formed dates are made, then lines: a Retry-After, a Date, a time of a room.

#include "fuzz.hpp"

#include <src/sandbox/room_store.hpp>
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/retry_after.hpp>
#include <watchers/rooms/impl/sansio/time_text.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace watchers::rooms;
using fuzz::require;

constexpr std::int64_t longest = 0x7FFF'FFFF;

std::string written(const char* format, std::time_t t)
{
    std::tm parts{};
    gmtime_r(&t, &parts);
    std::array<char, 64> text{};
    return std::string(text.data(), std::strftime(text.data(), text.size(), format, &parts));
}

constexpr const char* imf_fixdate = "%a, %d %b %Y %H:%M:%S GMT";
constexpr const char* rfc_850 = "%A, %d-%b-%y %H:%M:%S GMT";
constexpr const char* asctime_date = "%a %b %e %H:%M:%S %Y";

int year_of(std::time_t t)
{
    std::tm parts{};
    gmtime_r(&t, &parts);
    return parts.tm_year + 1900;
}

// Dates as the C library writes them.
void check_written(std::time_t now, std::time_t then)
{
    const auto expected = std::clamp<std::int64_t>(then - now, 0, longest);
    const auto same = [&](const char* then_as, const char* now_as) {
        const auto wait = detail::parse_retry_after(written(then_as, then), written(now_as, now), {});
        require(wait && wait->count() == expected, "the wait is from one date to the other");
    };
    // Without a Date the local clock counts. It reaches 292 years to each side of 1970.
    if (year_of(now) > 1700 && year_of(now) < 2200) {
        const auto wait = detail::parse_retry_after(written(imf_fixdate, then), "",
                                                    std::chrono::system_clock::from_time_t(now));
        require(wait && wait->count() == expected, "the wait is from the local clock to the date");
    }
    same(imf_fixdate, imf_fixdate);
    same(asctime_date, imf_fixdate);
    same(imf_fixdate, asctime_date);
    // Two digits of a year stand for one of a hundred.
    const int years = year_of(then) - year_of(now);
    if (years > -50 && years <= 50) same(rfc_850, imf_fixdate);
    if (year_of(now) >= 1970 && year_of(now) <= 2069) same(imf_fixdate, rfc_850);
}

void check_any(std::string_view value, std::string_view date)
{
    constexpr std::chrono::system_clock::time_point now(std::chrono::seconds(1'700'000'000));
    const auto wait = detail::parse_retry_after(value, date, now);
    require(!wait || (wait->count() >= 0 && wait->count() <= longest), "a wait is of 0 to 2^31 - 1 seconds");
    const std::string padded = " \t" + std::string(value) + "\t ";
    require(wait == detail::parse_retry_after(padded, " " + std::string(date) + " ", now),
            "blanks do not count");
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto points = std::count(value.begin(), value.end(), '.');
    const auto digits = std::count_if(value.begin(), value.end(), is_digit);
    const auto size_in_digits = static_cast<std::size_t>(digits + points);
    if (digits > 0 && points <= 1 && size_in_digits == value.size()) {
        require(wait.has_value(), "a number is always a wait");
        const std::string whole = "0" + std::string(value.substr(0, value.find('.')));
        const bool fraction = points == 1 && value.find_first_not_of('0', value.find('.') + 1) != value.npos;
        if (whole.size() <= 10)
            require(wait->count() == std::min<long long>(std::stoll(whole) + (fraction ? 1 : 0), longest),
                    "of that many seconds, rounded up");
    } else {
        require(!wait || detail::parse_retry_after(value, value, now).has_value(), "else it is a date");
        require(!wait || value.find(':') != value.npos, "and has a time");
    }
}

// What is so many hours and minutes ahead of UTC was that much earlier there.
void check_zone(std::string_view text, time_point t)
{
    if (text.size() < 25 || text.back() == 'Z') return;
    const std::string_view zone = text.substr(text.size() - 6);
    if (zone[0] != '+' && zone[0] != '-') return;
    const auto in_utc = detail::parse_time(std::string(text.substr(0, text.size() - 6)) + 'Z');
    require(in_utc.has_value(), "a time with a zone is one without it");
    const std::chrono::minutes ahead(std::stoi(std::string(zone.substr(1, 2))) * 60 +
                                     std::stoi(std::string(zone.substr(4))));
    require(t == (zone[0] == '+' ? *in_utc - ahead : *in_utc + ahead), "a zone counts");
}

void check_time(std::string_view text)
{
    const std::optional<time_point> t = detail::parse_time(text);
    if (const auto read = sandbox::detail::parse_time(text))
        require(t == std::chrono::floor<std::chrono::milliseconds>(*read), "the sandbox reads the same time");
    if (!t) return;
    check_zone(text, *t);
    std::string iso;
    std::string specification;
    detail::append_time(iso, *t, time_format::iso_8601);
    detail::append_time(specification, *t, time_format::specification);
    require(iso.size() == 24 && specification.size() == 19, "times are of one size");
    require(detail::parse_time(iso) == t, "a time that is written as ISO 8601 is read as the same");
    require(detail::parse_time(specification) == std::chrono::floor<std::chrono::seconds>(*t),
            "a time that is written as the specification has it is read as the same second");
    require(iso.substr(0, 10) == specification.substr(0, 10) && iso.substr(11, 8) == specification.substr(11),
            "both formats tell the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    // The years 1082 to 9929.
    const std::time_t now = std::time_t(in.number()) * 65 - 28'000'000'000;
    const std::uint32_t step = in.number();
    // Half of the steps are within some years, where the formats' edges are.
    const std::time_t then =
        (step & 1U) != 0 ? now + std::time_t(step) - 0x7FFF'FFFF : std::time_t(step) * 65 - 28'000'000'000;
    check_written(now, then);
    const std::string_view value = in.line();
    const std::string_view date = in.line();
    check_any(value, date);
    check_time(in.line());
    return 0;
}
