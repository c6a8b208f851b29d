// SPDX-License-Identifier: BSL-1.0
#include "manifest_file.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace roomctl;
using namespace std::chrono;
using namespace std::string_literals;
using watchers::rooms::operation;
using watchers::rooms::operation_kind;
using watchers::rooms::room_status;

namespace {

constexpr watchers::rooms::time_point noon = sys_days(2026y / December / 31) + 12h;

std::string room(const std::string& id, const std::string& more = {})
{
    return R"({"roomId":")" + id + R"(","name":"n","about":"b")" + more + "}\n";
}

} // namespace

TEST_CASE("manifest_of_rooms_keeps_every_member")
{
    // Setup
    const manifest_file f(
        R"({"roomId":"a","name":"Final","about":"","isSpeak":true,"status":"ENDED","startTime":"2026-12-31 12:00:00",)"
        R"("endTime":"2026-12-31T14:00:00.123456+01:00","pic":"p","streamUrl":"s","sourceUrl":"o",)"
        R"("streamStartTime":"2026-12-31T12:00:00Z","streamEndTime":"2026-12-31T15:00:00.5Z"})"
        "\n" +
        room("b"));

    // Run
    const manifest m = f.read();
    const auto entries = entries_of(m);

    // Check
    CHECK(m.faults().to_text() == "");
    CHECK(m.usable());
    CHECK(m.kind() == entry_kind::desired_room);
    CHECK(m.size() == 2);
    CHECK(m.selected() == 2);
    REQUIRE(entries.size() == 2);
    const auto& full = std::get<desired_room>(entries[0].content);
    CHECK(full.room.id() == "a");
    CHECK(full.room.name() == "Final");
    CHECK(full.room.about() == "");
    CHECK(full.room.voice());
    CHECK(full.voice_given);
    CHECK(full.status == room_status::ended);
    CHECK(full.room.starts_at() == noon);
    CHECK(full.room.ends_at() == noon + 1h + 123ms);
    CHECK(full.room.picture_url() == "p");
    CHECK(full.room.stream_url() == "s");
    CHECK(full.room.source_url() == "o");
    CHECK(full.room.stream_starts_at() == noon);
    CHECK(full.room.stream_ends_at() == noon + 3h + 500ms);
    const auto& plain = std::get<desired_room>(entries[1].content);
    CHECK_FALSE(plain.status);
    CHECK_FALSE(plain.voice_given);
    CHECK_FALSE(plain.room.voice());
    CHECK_FALSE(plain.room.starts_at());
    CHECK_FALSE(plain.room.picture_url());
    CHECK(entries[1].index == 1);
    CHECK(entries[1].at == position{2, 1});
}

TEST_CASE("manifest_of_operations_reads_what_operations_write")
{
    // Setup
    const operation written[] = {
        operation::create(watchers::rooms::new_room("a", "n\n\"\u00f6\"", "\U0001F600")
                              .voice(true)
                              .starts_at(noon + 1ms)
                              .ends_at(noon + 1h)
                              .picture_url("p")
                              .stream_url("s")
                              .source_url("o")
                              .stream_starts_at(noon)
                              .stream_ends_at(noon + 2h)),
        operation::get("a"),
        operation::set_voice("a", false),
        operation::set_status("a", room_status::soon),
        operation::erase("a"),
    };
    std::string text;
    for (const auto& op : written)
        text += op.to_json() + '\n';
    const manifest_file f(text);

    // Run
    const manifest m = f.read();
    const auto entries = entries_of(m);

    // Check
    CHECK(m.faults().to_text() == "");
    CHECK(m.kind() == entry_kind::operation);
    REQUIRE(entries.size() == std::size(written));
    for (std::size_t i = 0; i < entries.size(); ++i)
        CHECK(std::get<operation>(entries[i].content).to_json() == written[i].to_json());
}

TEST_CASE("manifest_lines_may_end_and_begin_in_many_ways")
{
    const struct
    {
        std::string text;
        std::string ids;
        position last;
    } rows[] = {
        {"\xEF\xBB\xBF" + room("a") + room("b"), "a b ", {2, 1}},
        {"{\"roomId\":\"a\",\"name\":\"\",\"about\":\"\"}\r\n\r\n \t\r\n\n  " + room("b"), "a b ", {5, 3}},
        {room("a") + R"({"roomId":"b","name":"","about":""})", "a b ", {2, 1}},
        {room("a") + "\n\n\n", "a ", {1, 1}},
    };
    for (const auto& row : rows) {
        const manifest_file f(row.text);
        const manifest m = f.read();
        CHECK(m.faults().to_text() == "");
        CHECK(ids_of(m) == row.ids);
        CHECK(entries_of(m).back().at == row.last);
    }
    const manifest_file nothing("\n\n");
    const manifest m = nothing.read();
    CHECK(m.usable());
    CHECK_FALSE(m.kind());
    CHECK(ids_of(m) == "");
}

TEST_CASE("manifest_faults_tell_line_column_field_and_rule")
{
    static constexpr char no_time[] =
        ": must be a time as in 2024-12-31T20:00:00.000Z or 2024-12-31 20:00:00\n";
    const struct
    {
        std::string text;
        std::string faults;
    } rows[] = {
        {"{", "line 1, column 2: ends within the object, which has to stand on one line\n"},
        {R"({"roomId":"a")", "line 1, column 14: ends within the object, which has to stand on one line\n"},
        {room("a") + "  {\"roomId\" \"b\"}", "line 2, column 13: not valid JSON\n"},
        {"{} {}", "line 1, column 4: more text after the object\n"},
        {"\n\n [" + room("a"), "line 3, column 2: not a JSON object: a manifest has one on each line\n"},
        {"{\"roomId\":\"a\xFF\"}", "line 1, column 13: not valid JSON\n"},
        {"{\"roomId\":\"a\0\"}"s, "line 1, column 13: not valid JSON\n"},
        {R"({"x":)" + std::string(40, '['), "line 1, column 37: nested more than 32 levels deep\n"},
        {"{}", "line 1, column 1: roomId: is missing\n"
               "line 1, column 1: name: is missing\n"
               "line 1, column 1: about: is missing\n"},
        {R"({"roomId":1, "name":null ,"about": ["a",{"roomId":"\"}"}],"isSpeak":"true"})",
         "line 1, column 11: roomId: must be a text\n"
         "line 1, column 21: name: must be a text\n"
         "line 1, column 36: about: must be a text\n"
         "line 1, column 69: isSpeak: must be true or false\n"},
        {room("a", R"(,"Status":"LIVE","status":"live")"),
         "line 1, column 38: Status: " UNKNOWN_MEMBER "\n"
         "line 1, column 63: status: must be LIVE, SOON, ENDED or DISABLED\n"},
        {room("a", R"( , "n\u0061me":"c","":1,"a\u001b[2J\n":{"":[]})"),
         "line 1, column 40: name: appears twice\n"
         "line 1, column 56: a member without a name\n"
         "line 1, column 61: a\\x1b[2J\\n: " UNKNOWN_MEMBER "\n"},
        {room("a",
              R"(,"startTime":"+30m","endTime":"2026-12-31T12:00:00.0123456789Z","streamEndTime":"never")"),
         "line 1, column 50: startTime"s + no_time + "line 1, column 67: endTime" + no_time +
             "line 1, column 117: streamEndTime" + no_time},
        {room("a", R"(,"startTime":"2026-12-31 12:00","endTime":"2026-12-31 12:00")"),
         "line 1, column 79: endTime: must be after startTime\n"},
        {room("a\\n", R"(,"endTime":"1900-01-01 12:00:00","pic":")" + std::string(9000, 'p') + '"'),
         "line 1, column 11: roomId: must not hold control characters\n"
         "line 1, column 50: endTime: must lie in the years 1970 to 9999\n"
         "line 1, column 78: pic: must be at most 8192 bytes long, and has 9000\n"},
        {R"({"op":"purge","roomId":"a"})",
         "line 1, column 7: op: must be create, get, voice, status or delete\n"},
        {R"({"op":"get","roomId":"","isSpeak":true})",
         "line 1, column 22: roomId: must not be empty\n"
         "line 1, column 35: isSpeak: is not a member of get\n"},
        {R"({"op":"status","roomId":"a"})", "line 1, column 1: status: is missing\n"},
        {R"({"op":"voice","roomId":"a","isSpeak":"1"})",
         "line 1, column 38: isSpeak: must be true or false\n"},
        {R"({"op":"create","roomId":"a","name":"n","about":"b","status":"LIVE"})",
         "line 1, column 61: status: is not a member of create\n"},
        {room("a") + R"({"op":"get","roomId":"b"})",
         "line 2, column 1: a manifest holds desired rooms as in line 1, or operations, and not both\n"},
        {"\n{\"op\":\"get\",\"roomId\":\"b\"}\n" + room("a"),
         "line 3, column 1: a manifest holds operations as in line 2, or desired rooms, and not both\n"},
        {room("a") + room("b") + room("a") + room("c") + "  " + room("a"),
         "line 3, column 11: roomId: is the room of line 1, too\n"
         "line 5, column 13: roomId: is the room of line 1, too\n"},
        {room("a", ",\"isSpeak\":0") + room("a"), "line 1, column 48: isSpeak: must be true or false\n"
                                                  "line 2, column 11: roomId: is the room of line 1, too\n"},
    };
    for (const auto& row : rows) {
        INFO(row.text.substr(0, 300));
        const manifest_file f(row.text);
        const manifest m = f.read();
        CHECK(m.faults().to_text() == row.faults);
        CHECK_FALSE(m.usable());
    }
}

TEST_CASE("manifest_operations_on_one_room_may_repeat")
{
    const manifest_file f(R"({"op":"get","roomId":"a"})"
                          "\n"
                          R"({"op":"get","roomId":"a"})");
    CHECK(ids_of(f.read()) == "a a ");
}

TEST_CASE("manifest_line_length_is_bounded")
{
    // Setup: what is around the long lines is longer than a piece that is read at once
    const auto line_of = [](std::size_t size) {
        return room("a", R"(,"x":")" + std::string(size - room("a", R"(,"x":"")").size() + 1, 'x') + "\"");
    };
    const std::size_t bound = 1024 * 1024;
    const manifest_file f(line_of(bound) + line_of(bound + 1) + line_of(3 * bound) + room("c"));

    // Run
    const manifest m = f.read({{}, {}, true});

    // Check
    CHECK(m.faults().to_text() == "line 1, column 38: x: " UNKNOWN_MEMBER "\n"
                                  "line 2, column 1: a line of more than 1 MiB\n"
                                  "line 3, column 1: a line of more than 1 MiB\n");
    CHECK(ids_of(m) == "c ");
    CHECK(entries_of(m).front().at.line == 4);
}

TEST_CASE("manifest_faults_are_counted_and_the_first_ones_kept")
{
    // Setup
    std::string text;
    for (int i = 0; i < 1234; ++i)
        text += room(i < 200 ? "same" : "a\\n");
    const manifest_file f(text);

    // Run
    const manifest m = f.read();

    // Check: duplicates are found last, and stand first
    CHECK(m.faults().count() == 199 + 1034);
    CHECK(m.invalid() == 199 + 1034);
    REQUIRE(m.faults().first().size() == 100);
    CHECK(m.faults().first().front().at.line == 2);
    CHECK(m.faults().first().back().at.line == 101);
    const std::string printed = m.faults().to_text();
    CHECK(printed.ends_with("line 101, column 11: roomId: is the room of line 1, too\nand 1,133 more\n"));
}

TEST_CASE("manifest_fault_text_is_bounded")
{
    std::string name;
    for (int i = 0; i < 1000; ++i)
        name += "\u202e";
    const std::string text = to_text(manifest_fault{{1234, 5}, name, "is not known"});
    CHECK(text.starts_with("line 1,234, column 5: \\u202e\\u202e"));
    CHECK(text.ends_with("\\u202e...: is not known"));
    CHECK(text.size() < 200);
}

TEST_CASE("manifest_invalid_entries_are_left_out_if_asked_for")
{
    // Setup
    const manifest_file f(room("a") + "{\n" + room("b") + room("a") + room("") + room("c") +
                          R"({"op":"get","roomId":"d"})");

    // Run
    const manifest strict = f.read();
    const manifest m = f.read({{}, {}, true});
    const auto entries = entries_of(m);

    // Check
    CHECK_FALSE(strict.usable());
    CHECK(m.usable());
    CHECK(m.size() == 7);
    CHECK(m.invalid() == 4);
    CHECK(m.selected() == 3);
    CHECK(ids_of(m) == "a b c ");
    CHECK(entries[0].index == 0);
    CHECK(entries[1].index == 2);
    CHECK(entries[2].index == 5);
}
