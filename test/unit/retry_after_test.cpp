// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/retry_after.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

using watchers::rooms::detail::parse_retry_after;

class sample
{
public:
    std::string what; // begins with the row in the table of faults
    std::string value;
    std::optional<long long> expected; // seconds
    std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
};

// Thu, 06 Nov 2025 08:49:37.250 GMT: another moment than any Date here, so that a mix-up would show.
constexpr std::chrono::system_clock::time_point local_now{std::chrono::milliseconds(1'762'418'977'250)};

void check(const std::vector<sample>& table)
{
    for (const sample& s : table) {
        CAPTURE(s.what);
        CAPTURE(s.value);
        CAPTURE(s.date);

        const auto wait = parse_retry_after(s.value, s.date, local_now);

        REQUIRE(wait.has_value() == s.expected.has_value());
        if (wait) CHECK(wait->count() == *s.expected);
    }
}

constexpr auto none = std::nullopt;

} // namespace

TEST_CASE("retry_after seconds")
{
    check({
        {"40", "0", 0},
        {"40", "1", 1},
        {"40", "120", 120},
        {"40: no Date needed", "120", 120, ""},
        {"40: blanks", " \t120 ", 120},
        {"40: leading zeros", "0000000000000000000000000000007", 7},
        {"41: huge", "2147483647", 2147483647},
        {"41: huger", "2147483648", 2147483647},
        {"41: hugest", std::string(64, '9'), 2147483647},
        {"41: negative", "-1", none},
        {"41: plus", "+1", none},
        {"41: unit", "1s", none},
        {"41: two", "1, 2", none},
        {"41: two", "1 2", none},
        {"41: hex", "0x10", none},
        {"41: empty", "", none},
        {"41: blank", "  ", none},
        {"41: garbage", "soon", none},
        {"41: NUL", std::string("1\0", 2), none},
    });
}

TEST_CASE("retry_after dates")
{
    check({
        {"40: IMF-fixdate", "Sun, 06 Nov 1994 08:49:38 GMT", 1},
        {"40: RFC 850", "Sunday, 06-Nov-94 08:50:37 GMT", 60},
        {"40: asctime", "Sun Nov  6 09:49:37 1994", 3600},
        {"40: asctime, two digits", "Wed Nov 16 08:49:37 1994", 864000},
        {"40: the next year", "Mon, 06 Nov 1995 08:49:37 GMT", 31536000},
        {"40: leap day", "Wed, 01 Mar 2000 00:00:00 GMT", 172800, "Mon, 28 Feb 2000 00:00:00 GMT"},
        {"40: leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 60, "Sat, 31 Dec 2016 23:59:00 GMT"},
        {"40: now", "Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"40: over", "Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"40: long over", "Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"41: far", "Fri, 31 Dec 9999 23:59:59 GMT", 2147483647},
        {"40: Date in RFC 850", "Sun, 06 Nov 1994 08:49:38 GMT", 1, "Sunday, 06-Nov-94 08:49:37 GMT"},
        {"40: Date in RFC 850, later", "Thu, 06 Nov 2025 08:49:38 GMT", 1,
         "Thursday, 06-Nov-25 08:49:37 GMT"},
        {"40: Date in asctime", "Sun, 06 Nov 1994 08:49:38 GMT", 1, "Sun Nov  6 08:49:37 1994"},
        {"40: both in RFC 850", "Friday, 01-Jan-00 00:00:00 GMT", 1, "Friday, 31-Dec-99 23:59:59 GMT"},
        {"40: year of two digits is near", "Sunday, 06-Nov-26 08:49:37 GMT", 0,
         "Wed, 06 Nov 2075 08:49:37 GMT"},
        {"40: year of two digits, 51 years ahead, is past", "Saturday, 06-Nov-76 08:49:37 GMT", 0,
         "Thu, 06 Nov 2025 08:49:37 GMT"},
    });
}

TEST_CASE("fault_71_retry_after_fraction_of_a_second_rounded_up")
{
    check({
        {"71: fraction", "1.5", 2},
        {"71: small fraction", "1.000000000000000000001", 2},
        {"71: fraction of zeros", "1.000", 1},
        {"71: below one", "0.2", 1},
        {"71: zero", "0.0", 0},
        {"71: no digit before the point", ".5", 1},
        {"71: no digit before the point, zero", ".0", 0},
        {"71: no digit behind the point", "1.", 1},
        {"71: zero, no digit behind the point", "0.", 0},
        {"71: leading zeros", "007.10", 8},
        {"71: blanks", " \t2.5 ", 3},
        {"71: blanks around seconds", " 2 ", 2},
        {"71: no Date needed", "1.5", 2, ""},
        {"71: just below the longest", "2147483646.5", 2147483647},
        {"71: the longest", "2147483647.5", 2147483647},
        {"71: huge", "99999999999999999999999999.9", 2147483647},
        {"71: a point alone", ".", none},
        {"71: comma", "1,5", none},
        {"71: two points", "1.5.0", none},
        {"71: two points together", "1..5", none},
        {"71: negative", "-1.5", none},
        {"71: negative fraction", "-.5", none},
        {"71: plus", "+1.5", none},
        {"71: exponent", "1.5e1", none},
        {"71: exponent alone", "1e3", none},
        {"71: unit", "1.5s", none},
        {"71: unit behind a blank", "1.5 s", none},
        {"71: blank within", "1. 5", none},
        {"71: blank before the point", "1 .5", none},
        {"71: infinity", "inf", none},
        {"71: not a number", "nan", none},
        {"71: NUL", std::string("1.5\0", 4), none},
        {"71: other digits", "\xD9\xA1.\xD9\xA5", none},
    });
}

TEST_CASE("fault_71_retry_after_date_without_a_Date_measured_against_the_local_clock")
{
    check({
        {"71: no Date", "Thu, 06 Nov 2025 08:49:47 GMT", 10, ""},
        {"71: blank Date", "Thu, 06 Nov 2025 08:49:47 GMT", 10, " "},
        {"71: Date of garbage", "Thu, 06 Nov 2025 08:49:47 GMT", 10, "yesterday"},
        {"71: Date of seconds", "Thu, 06 Nov 2025 08:49:47 GMT", 10, "120"},
        {"71: RFC 850", "Thursday, 06-Nov-25 08:50:37 GMT", 60, ""},
        {"71: RFC 850, the years are near the local one", "Monday, 06-Nov-75 08:49:37 GMT", 1577836800, ""},
        {"71: asctime", "Thu Nov  6 09:49:37 2025", 3600, ""},
        {"71: now", "Thu, 06 Nov 2025 08:49:37 GMT", 0, ""},
        {"71: the next second", "Thu, 06 Nov 2025 08:49:38 GMT", 1, ""},
        {"71: over", "Sun, 06 Nov 1994 08:49:38 GMT", 0, ""},
        {"71: far", "Fri, 31 Dec 9999 23:59:59 GMT", 2147483647, ""},
        {"71: a Date wins over the local clock", "Thu, 06 Nov 2025 08:49:47 GMT", 7,
         "Thu, 06 Nov 2025 08:49:40 GMT"},
        {"71: no date", "soon", none, ""},
    });
}

TEST_CASE("retry_after dates_refused")
{
    check({
        {"41: no such weekday", "Xyz, 06 Nov 1994 08:49:38 GMT", none},
        {"41: no such month", "Sun, 06 Foo 1994 08:49:38 GMT", none},
        {"41: lower case", "sun, 06 nov 1994 08:49:38 gmt", none},
        {"41: other zone", "Sun, 06 Nov 1994 08:49:38 UTC", none},
        {"41: offset", "Sun, 06 Nov 1994 08:49:38 +0000", none},
        {"41: no zone", "Sun, 06 Nov 1994 08:49:38", none},
        {"41: something behind", "Sun, 06 Nov 1994 08:49:38 GMT x", none},
        {"41: day of one digit", "Sun, 6 Nov 1994 08:49:38 GMT", none},
        {"41: day 0", "Sun, 00 Nov 1994 08:49:38 GMT", none},
        {"41: day 31 of November", "Sun, 31 Nov 1994 08:49:38 GMT", none},
        {"41: no leap year", "Mon, 29 Feb 1900 08:49:38 GMT", none},
        {"41: hour 24", "Sun, 06 Nov 1994 24:00:00 GMT", none},
        {"41: minute 60", "Sun, 06 Nov 1994 08:60:00 GMT", none},
        {"41: second 61", "Sun, 06 Nov 1994 08:49:61 GMT", none},
        {"41: letters for digits", "Sun, 0x Nov 1994 08:49:38 GMT", none},
        {"41: short weekday in RFC 850", "Sun, 06-Nov-94 08:49:38 GMT", none},
        {"41: long weekday in IMF-fixdate", "Sunday, 06 Nov 1994 08:49:38 GMT", none},
        {"41: ISO 8601", "1994-11-06T08:49:38Z", none},
        {"41: cut", "Sun, 06 Nov 1994 08:4", none},
        {"41: asctime unpadded", "Sun Nov 6 08:49:37 1994", none},
        {"41: a comma", ",", none},
    });
}
