// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/time_text.hpp>
#include <watchers/rooms/room.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
using namespace std::chrono;

namespace {

using moment = watchers::rooms::time_point;

constexpr moment example = sys_days(2024y / December / 31) + 5h + 33min + 32s;

std::string text_of(moment t, time_format f)
{
    std::string out = "<";
    append_time(out, t, f);
    return out + ">";
}

} // namespace

TEST_CASE("append_time_writes_both_formats")
{
    const struct
    {
        moment t;
        const char* specification;
        const char* iso;
    } rows[] = {
        {example, "<2024-12-31 05:33:32>", "<2024-12-31T05:33:32.000Z>"},
        {example + 1ms, "<2024-12-31 05:33:32>", "<2024-12-31T05:33:32.001Z>"},
        {example + 999ms, "<2024-12-31 05:33:32>", "<2024-12-31T05:33:32.999Z>"},
        {sys_days(1970y / 1 / 1), "<1970-01-01 00:00:00>", "<1970-01-01T00:00:00.000Z>"},
        {sys_days(1970y / 1 / 1) - 1ms, "<1969-12-31 23:59:59>", "<1969-12-31T23:59:59.999Z>"},
        {sys_days(2024y / 2 / 29) + 12h, "<2024-02-29 12:00:00>", "<2024-02-29T12:00:00.000Z>"},
        {sys_days(10000y / 1 / 1) - 1ms, "<9999-12-31 23:59:59>", "<9999-12-31T23:59:59.999Z>"},
        {sys_days(0y / 1 / 1), "<0000-01-01 00:00:00>", "<0000-01-01T00:00:00.000Z>"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.iso);
        CHECK(text_of(row.t, time_format::specification) == row.specification);
        CHECK(text_of(row.t, time_format::iso_8601) == row.iso);
    }
}

TEST_CASE("parse_time_reads_all_forms_of_a_time")
{
    const struct
    {
        const char* text;
        moment expected;
    } rows[] = {
        {"2024-12-31 05:33:32", example},
        {"2024-12-31T05:33:32.000Z", example},
        {"2024-12-31T05:33:32Z", example},
        {"2024-12-31T05:33:32", example},
        {"2024-12-31 05:33:32Z", example},
        {"2024-12-31T05:33:32.1Z", example + 100ms},
        {"2024-12-31T05:33:32.12Z", example + 120ms},
        {"2024-12-31 05:33:32.123", example + 123ms},
        {"2024-12-31T05:33:32.123456Z", example + 123ms},
        {"2024-12-31T05:33:32.999999999Z", example + 999ms},
        {"2024-12-31T05:33:32+00:00", example},
        {"2024-12-31T05:33:32-00:00", example},
        {"2024-12-31T11:03:32+05:30", example},
        {"2024-12-30T21:33:32.007-08:00", example + 7ms},
        {"2024-02-29T00:00:00Z", sys_days(2024y / 2 / 29)},
        {"2000-02-29T00:00:00Z", sys_days(2000y / 2 / 29)},
        {"9999-12-31T23:59:59.999Z", sys_days(10000y / 1 / 1) - 1ms},
        {"0000-01-01T00:00:00Z", sys_days(0y / 1 / 1)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto t = parse_time(row.text);
        REQUIRE(t.has_value());
        CHECK(*t == row.expected);
    }
}

TEST_CASE("parse_time_refuses_everything_else")
{
    const char* const rows[] = {
        "",
        "soon",
        "2024-12-31",
        "2024-12-31 05:33",
        "2024-12-31 05:33:3",
        "2024-12-31  05:33:32",
        " 2024-12-31 05:33:32",
        "2024-12-31 05:33:32 ",
        "2024-12-31t05:33:32z",
        "2024/12/31 05:33:32",
        "24-12-31 05:33:32",
        "2024-1-31 05:33:32",
        "2024-00-31 05:33:32",
        "2024-13-31 05:33:32",
        "2024-12-00 05:33:32",
        "2024-12-32 05:33:32",
        "2024-11-31 05:33:32",
        "2023-02-29 05:33:32",
        "1900-02-29 05:33:32",
        "2024-12-31 24:00:00",
        "2024-12-31 05:60:32",
        "2024-12-31 05:33:60",
        "2024-12-31 05:33:32.",
        "2024-12-31T05:33:32.Z",
        "2024-12-31 05:33:32,5",
        "2024-12-31 05:33:32.1234567890",
        "2024-12-31T05:33:32ZZ",
        "2024-12-31T05:33:32Z+01:00",
        "2024-12-31T05:33:32+0100",
        "2024-12-31T05:33:32+1:00",
        "2024-12-31T05:33:32+24:00",
        "2024-12-31T05:33:32+01:60",
        "2024-12-31T05:33:32+",
        "2024-12-31T05:33:32 GMT",
        "-024-12-31 05:33:32",
        "+024-12-31 05:33:32",
        "2024-12-31 0x:33:32",
        "\xD9\xA2\x30\x32-12-31 05:33:32",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    };
    for (const char* text : rows) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text).has_value());
    }
    CHECK_FALSE(parse_time(std::string_view("2024-12-31 05:33:32\0", 20)).has_value());
}

TEST_CASE("parse_time_reads_back_what_append_time_wrote")
{
    // A step that is a prime number of milliseconds meets all days, hours and fractions in turn.
    for (moment t = sys_days(1969y / 1 / 1); t < sys_days(2105y / 1 / 1); t += 86'413'049ms) {
        std::string iso;
        append_time(iso, t, time_format::iso_8601);
        CAPTURE(iso);
        const auto read = parse_time(iso);
        REQUIRE(read.has_value());
        REQUIRE(*read == t);
    }
}
