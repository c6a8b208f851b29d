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

void check(const std::vector<sample>& table)
{
    for (const sample& s : table) {
        CAPTURE(s.what);
        CAPTURE(s.value);
        CAPTURE(s.date);

        const auto wait = parse_retry_after(s.value, s.date);

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
        {"41: fraction", "1.5", none},
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
        {"41: no Date", "Sun, 06 Nov 1994 08:49:38 GMT", none, ""},
        {"41: Date of garbage", "Sun, 06 Nov 1994 08:49:38 GMT", none, "yesterday"},
        {"41: Date of seconds", "Sun, 06 Nov 1994 08:49:38 GMT", none, "120"},
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
