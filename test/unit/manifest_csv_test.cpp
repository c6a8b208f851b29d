// SPDX-License-Identifier: BSL-1.0
#include "manifest_file.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace roomctl;
using namespace std::chrono;
using namespace std::string_literals;
using watchers::rooms::operation;
using watchers::rooms::room_status;

namespace {

constexpr char header[] = "roomId,name,about\n";

// Of each room its three texts in brackets.
std::string texts_of(const manifest& m)
{
    std::string text;
    for (const auto& e : entries_of(m)) {
        const auto& r = std::get<desired_room>(e.content).room;
        text += "[" + r.id() + "|" + r.name() + "|" + r.about() + "]";
    }
    return text;
}

} // namespace

TEST_CASE("csv_rows_are_read_as_rfc_4180_has_them")
{
    const struct
    {
        const char* name;
        std::string rows;
        std::string texts;
        position last;
    } rows[] = {
        {"line ends", "a,b,c\nd,e,f\n", "[a|b|c][d|e|f]", {3, 1}},
        {"CR LF", "a,b,c\r\nd,e,f\r\n", "[a|b|c][d|e|f]", {3, 1}},
        {"CR", "a,b,c\rd,e,f\r", "[a|b|c][d|e|f]", {3, 1}},
        {"none at the end", "a,b,c\nd,e,f", "[a|b|c][d|e|f]", {3, 1}},
        {"none at the end, the last field empty", "a,b,c\nd,e,", "[a|b|c][d|e|]", {3, 1}},
        {"none at the end, the last field quoted", "a,b,c\nd,e,\"f\"", "[a|b|c][d|e|f]", {3, 1}},
        {"quotes", "\"a\",\"b\",\"c\"\n", "[a|b|c]", {2, 1}},
        {"doubled quotes", "a,\"say \"\"b\"\"\",\"\"\"\"\n", "[a|say \"b\"|\"]", {2, 1}},
        {"separators in quotes", "a,\"b,b\",\",\"\n", "[a|b,b|,]", {2, 1}},
        {"line ends in quotes", "a,\"b\nb\r\nb\",c\nd,e,f\n", "[a|b\nb\r\nb|c][d|e|f]", {5, 1}},
        {"CR in quotes", "a,\"b\rb\",c\nd,e,f\n", "[a|b\rb|c][d|e|f]", {3, 1}},
        {"LF CR", "a,b,c\n\rd,e,f\n", "[a|b|c][d|e|f]", {4, 1}},
        {"empty lines", "\n\r\na,b,c\n\n\nd,e,f\n\n", "[a|b|c][d|e|f]", {7, 1}},
        {"blanks belong to the fields", "a b , b,\tc\t\n", "[a b | b|\tc\t]", {2, 1}},
        {"blanks in quotes", "a,\" b \",c\n", "[a| b |c]", {2, 1}},
        {"empty texts", "a,,\nd,\"\",\"\"\n", "[a||][d||]", {3, 1}},
        {"unicode", "r\u00f6m,\U0001F600,\u4f60\n", "[r\u00f6m|\U0001F600|\u4f60]", {2, 1}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const manifest_file f(header + row.rows, "rooms.csv");
        const manifest m = f.read();
        CHECK(m.faults().to_text() == "");
        CHECK(texts_of(m) == row.texts);
        CHECK(entries_of(m).back().at == row.last);
    }
}

TEST_CASE("csv_reads_every_member_in_any_order")
{
    // Setup
    const manifest_file f(
        "\xEF\xBB\xBFstatus,streamEndTime,streamStartTime,sourceUrl,streamUrl,pic,endTime,startTime,"
        "isSpeak,about,name,roomId\r\n"
        "LIVE,2026-12-31 15:00:00,2026-12-31 12:00:00,o,s,p,2026-12-31T14:00:00.000Z,"
        "2026-12-31T12:00:00Z,true,about,name,a\r\n"
        ",,,,,,,,,,,b\r\n",
        "rooms.csv");
    const watchers::rooms::time_point noon = sys_days(2026y / December / 31) + 12h;

    // Run
    const manifest m = f.read();
    const auto entries = entries_of(m);

    // Check
    CHECK(m.faults().to_text() == "");
    REQUIRE(entries.size() == 2);
    const auto& full = std::get<desired_room>(entries[0].content);
    CHECK(full.room.id() == "a");
    CHECK(full.room.name() == "name");
    CHECK(full.room.about() == "about");
    CHECK(full.room.voice());
    CHECK(full.status == room_status::live);
    CHECK(full.room.starts_at() == noon);
    CHECK(full.room.ends_at() == noon + 2h);
    CHECK(full.room.picture_url() == "p");
    CHECK(full.room.stream_url() == "s");
    CHECK(full.room.source_url() == "o");
    CHECK(full.room.stream_starts_at() == noon);
    CHECK(full.room.stream_ends_at() == noon + 3h);
    const auto& empty = std::get<desired_room>(entries[1].content);
    CHECK(empty.room.name() == "");
    CHECK_FALSE(empty.status);
    CHECK_FALSE(empty.voice_given);
    CHECK_FALSE(empty.room.starts_at());
    CHECK_FALSE(empty.room.picture_url());
}

TEST_CASE("csv_reads_booleans_as_spreadsheets_write_them")
{
    const manifest_file f("op,roomId,isSpeak\nvoice,a,true\nvoice,a,TRUE\nvoice,a,1\n"
                          "voice,a,false\nvoice,a,FALSE\nvoice,a,0\n",
                          "rooms.csv");
    const auto entries = entries_of(f.read());
    REQUIRE(entries.size() == 6);
    for (std::size_t i = 0; i < entries.size(); ++i)
        CHECK(std::get<operation>(entries[i].content).voice() == (i < 3));
}

TEST_CASE("csv_of_operations_leaves_empty_what_one_does_not_take")
{
    const manifest_file f("op,roomId,name,about,isSpeak,status\ncreate,a,,b,,\nget,b,,,,\nvoice,c,,,false,\n"
                          "status,d,,,,SOON\ndelete,e,,,,\n",
                          "rooms.csv");
    const manifest m = f.read();
    CHECK(m.faults().to_text() == "");
    CHECK(m.kind() == entry_kind::operation);
    std::string json;
    for (const auto& e : entries_of(m))
        json += std::get<operation>(e.content).to_json() + '\n';
    CHECK(json == R"({"op":"create","roomId":"a","name":"","about":"b","isSpeak":false})"
                  "\n"
                  R"({"op":"get","roomId":"b"})"
                  "\n"
                  R"({"op":"voice","roomId":"c","isSpeak":false})"
                  "\n"
                  R"({"op":"status","roomId":"d","status":"SOON"})"
                  "\n"
                  R"({"op":"delete","roomId":"e"})"
                  "\n");
}

TEST_CASE("csv_faults_tell_line_column_field_and_rule")
{
    static constexpr char loose[] = ": a quote within a field that has none around it\n";
    static constexpr char after[] = ": text after the closing quote; a quote within quotes is doubled\n";
    const struct
    {
        std::string text;
        std::string faults;
    } rows[] = {
        {"", "line 1, column 1: a header row is missing\n"},
        {"\xEF\xBB\xBF\r\n\n", "line 1, column 1: a header row is missing\n"},
        {"\nroomId,about\na,b", "line 2, column 1: name: is missing in the header row\n"},
        {"name\na\n", "line 1, column 1: roomId: is missing in the header row\n"
                      "line 1, column 1: about: is missing in the header row\n"},
        {"op,name\nget,a\n", "line 1, column 1: roomId: is missing in the header row\n"},
        {"roomId,name,about,Name,,name\na,b,c,,,\n,b,c,,,\n",
         "line 1, column 19: Name: " UNKNOWN_MEMBER "\n"
         "line 1, column 24: a column without a name\n"
         "line 1, column 25: name: appears twice\n"
         "line 3, column 1: roomId: must not be empty\n"},
        {"\xFF\xFEr\0o\0"s, "line 1, column 1: \\xff\\xfer\\x00o\\x00: " UNKNOWN_MEMBER "\n"
                            "line 1, column 1: roomId: is missing in the header row\n"
                            "line 1, column 1: name: is missing in the header row\n"
                            "line 1, column 1: about: is missing in the header row\n"},
        {"roomId,\"na\"me,about\na,b,c", "line 1, column 12"s + after},
        {header + "a,b\na,b,c,d,e\na,b,c\n"s, "line 2, column 1: 2 fields, fewer than the header row's 3\n"
                                              "line 3, column 7: more fields than the header row's 3\n"},
        {header + "a,b,\"c\nc\",d\n"s, "line 3, column 4: more fields than the header row's 3\n"},
        {header + "a,\"b\n\nb\",\"\xFF\"\n\"\",b,c\n.,b,c"s,
         "line 4, column 4: about: must be valid UTF-8\n"
         "line 5, column 1: roomId: must not be empty\n"
         "line 6, column 1: roomId: must not be \".\" or \"..\", nor hold them between slashes\n"},
        {header + "a,b\0b,c\n"s, "line 2, column 3: name: must not hold NUL bytes; is the file UTF-16?\n"},
        {header + "a,b \"b\",c\n,b,c\n"s,
         "line 2, column 5"s + loose + "line 3, column 1: roomId: must not be empty\n"},
        {header + "a,\"b\nb\"b,c\r\n,b,c\n"s,
         "line 3, column 3"s + after + "line 4, column 1: roomId: must not be empty\n"},
        {header + "a,\"b\" ,c\n"s, "line 2, column 6"s + after},
        {header + "a,b,c\nd,\"e,f\n\ng,h,i\n"s, "line 3, column 3: a quote that is not closed\n"},
        {"roomId,name,about,isSpeak,status,startTime\na,b,c,yes,live,soon\n",
         "line 2, column 7: isSpeak: must be true or false\n"
         "line 2, column 11: status: must be LIVE, SOON, ENDED or DISABLED\n"
         "line 2, column 16: startTime: must be a time as in 2024-12-31T20:00:00.000Z or 2024-12-31 "
         "20:00:00\n"},
        {"op,roomId,isSpeak,status\n,a,,\nget,a,true,\ncreate,a,,\nvoice,a,,\nstatus,a,,\n",
         "line 2, column 1: op: must be create, get, voice, status or delete\n"
         "line 3, column 7: isSpeak: is not a member of get\n"
         "line 4, column 1: name: is missing\n"
         "line 4, column 1: about: is missing\n"
         "line 5, column 9: isSpeak: is missing\n"
         "line 6, column 11: status: is missing\n"},
        {"name,about,roomId\n\"n\nn\",b,a\nn,b,\"a\"\n",
         "line 4, column 5: roomId: is the room of line 3, too\n"},
    };
    for (const auto& row : rows) {
        INFO(row.text);
        const manifest_file f(row.text, "rooms.csv");
        const manifest m = f.read();
        CHECK(m.faults().to_text() == row.faults);
        CHECK_FALSE(m.usable());
    }
}

TEST_CASE("csv_entries_are_left_out_only_where_rows_are_certain")
{
    // Setup
    const manifest_file values(header + "a,b,c\n,b,c\na,b,c\nb,c\nd,e,f\n"s, "rooms.csv");
    const manifest_file quotes(header + "a,b,c\nb,\"c\"c,\"\nd,e,f\n\"\n"s, "rooms.csv");
    const manifest_file columns("roomId,name,about,notes\na,b,c,d\n", "rooms.csv");
    const manifest_options skip{{}, {}, true};

    // Run
    const manifest m = values.read(skip);

    // Check
    CHECK(m.usable());
    CHECK(m.size() == 5);
    CHECK(m.invalid() == 3);
    CHECK(ids_of(m) == "a d ");
    CHECK(entries_of(m).back().index == 4);
    CHECK_FALSE(quotes.read(skip).usable());
    CHECK_FALSE(columns.read(skip).usable());
}

TEST_CASE("csv_row_size_is_bounded")
{
    const std::string mebibyte(1024 * 1024, 'x');
    const manifest_file open(header + "a,b,c\nd,\""s + mebibyte + "\n" + mebibyte, "rooms.csv");
    const manifest_file wide(std::string(1024 * 1024 + 1, ','), "rooms.csv");
    CHECK(open.read().faults().to_text() ==
          "line 3, column 3: a row of more than 1 MiB; is a quote not closed?\n");
    CHECK(wide.read().faults().count() > 0);
    CHECK_FALSE(wide.read({{}, {}, true}).usable());
}

TEST_CASE("csv_positions_hold_across_pieces_that_are_read_at_once")
{
    // Setup: rows of many lengths, so that the pieces' ends fall anywhere
    std::string text = header;
    for (int i = 0; i < 20'000; ++i)
        text += "room-" + std::to_string(i) + ",\"n\r\n" +
                std::string(static_cast<std::size_t>(i % 37), 'n') + "\"\"\",b\r\n";
    const manifest_file f(text, "rooms.csv");

    // Run
    const manifest m = f.read();
    auto reader = m.read();

    // Check
    CHECK(m.faults().to_text() == "");
    CHECK(m.size() == 20'000);
    bool right = true;
    while (const auto e = reader.next())
        right = right && e->at == position{2 + 2 * e->index, 1} &&
                id_of(*e) == "room-" + std::to_string(e->index) &&
                std::get<desired_room>(e->content).room.name().size() == 4 + e->index % 37;
    CHECK(right);
}
