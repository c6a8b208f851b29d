// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/room.hpp>

#include <doctest/doctest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
using namespace std::chrono;
using namespace std::string_literals;

namespace {

using moment = watchers::rooms::time_point;

constexpr moment start = sys_days(2026y / December / 31) + 20h;

class parsed
{
public:
    explicit parsed(std::string_view text) { r = room_builder::parse(text, ec, &note); }

    error_code ec;
    std::string note = "left over";
    room r;
};

std::string nested(std::size_t levels)
{
    std::string text;
    for (std::size_t i = 0; i < levels; ++i)
        text += i % 2 == 0 ? "{\"a\":" : "[";
    text += "1";
    for (std::size_t i = levels; i-- > 0;)
        text += i % 2 == 0 ? "}" : "]";
    return text;
}

// So many members, in objects of two.
std::string objects_with(std::size_t members)
{
    std::string text = R"({"list":[{})";
    for (std::size_t i = 1; i + 1 < members; i += 2)
        text += R"(,{"a":1,"b":2})";
    if (members % 2 == 0) text += R"(,{"a":1})";
    return text + "]}";
}

} // namespace

TEST_CASE("room_with_all_members")
{
    const std::string text =
        R"({"roomId":"match-321","name":"Final","about":"Kick-off","isSpeak":true,"status":"SOON",)"
        R"("startTime":"2026-12-31 20:00:00","endTime":"2026-12-31T23:00:00.500Z","pic":"https://a",)"
        R"("streamUrl":"https://b","sourceUrl":"https://c","streamStartTime":"2026-12-31T21:00:00Z",)"
        R"("streamEndTime":"2026-12-31T23:00:00+01:00","extra":{"roomId":"inner","list":[1,-2,3.5,null,true,"x"]}})";

    const parsed p(text);

    CHECK_FALSE(p.ec.failed());
    CHECK(p.note == "");
    CHECK(p.r.id() == "match-321");
    CHECK(p.r.name() == "Final");
    CHECK(p.r.about() == "Kick-off");
    CHECK(p.r.voice() == true);
    CHECK(p.r.status() == room_status::soon);
    CHECK(p.r.starts_at() == start);
    CHECK(p.r.ends_at() == start + 3h + 500ms);
    CHECK(p.r.picture_url() == "https://a");
    CHECK(p.r.stream_url() == "https://b");
    CHECK(p.r.source_url() == "https://c");
    CHECK(p.r.stream_starts_at() == start + 1h);
    CHECK(p.r.stream_ends_at() == start + 2h);
    CHECK(p.r.raw_json() == text);
    CHECK(p.r.json().at("extra").as_object().at("roomId").as_string() == "inner");
}

TEST_CASE("room_without_members")
{
    for (const char* text :
         {"{}", " \r\n\t{ }\n ", R"({"data":{"roomId":"inner","isSpeak":true}})",
          R"({"ROOMID":"x","roomID":"x","roomId ":"x","":"x"})", R"({"list":[{"name":"x"}]})"}) {
        INFO("faults.md 49, nothing is guessed: ", text);
        const parsed p(text);
        CHECK_FALSE(p.ec.failed());
        CHECK(p.note == "");
        CHECK_FALSE(p.r.id());
        CHECK_FALSE(p.r.name());
        CHECK_FALSE(p.r.about());
        CHECK_FALSE(p.r.voice());
        CHECK_FALSE(p.r.status());
        CHECK_FALSE(p.r.starts_at());
        CHECK_FALSE(p.r.ends_at());
        CHECK_FALSE(p.r.picture_url());
        CHECK_FALSE(p.r.stream_url());
        CHECK_FALSE(p.r.source_url());
        CHECK_FALSE(p.r.stream_starts_at());
        CHECK_FALSE(p.r.stream_ends_at());
        CHECK(p.r.raw_json() == text);
    }
}

TEST_CASE("room_text_refused")
{
    std::string many_keys = "{";
    for (int i = 0; i < 100; ++i)
        many_keys += "\"k" + std::to_string(i) + "\":1,";
    const struct
    {
        const char* name;
        std::string text;
        const char* note;
    } rows[] = {
        {"45, not JSON", "OK", "body: not valid JSON"},
        {"45, HTML", "<html></html>", "body: not valid JSON"},
        {"45, cut short", R"({"roomId":"a")", "body: not valid JSON"},
        {"45, cut within a text", R"({"roomId":"a)", "body: not valid JSON"},
        {"45, trailing comma", R"({"roomId":"a",})", "body: not valid JSON"},
        {"45, comment", R"({/**/"roomId":"a"})", "body: not valid JSON"},
        {"45, single quotes", "{'roomId':'a'}", "body: not valid JSON"},
        {"45, NaN", R"({"a":NaN})", "body: not valid JSON"},
        {"45, leading zero", R"({"a":01})", "body: not valid JSON"},
        {"45, byte order mark", "\xEF\xBB\xBF{}", "body: not valid JSON"},
        {"45, bad UTF-8", "{\"name\":\"\xC3(\"}", "body: not valid JSON"},
        {"45, bad UTF-8 in an unknown member", "{\"x\":\"\xFF\"}", "body: not valid JSON"},
        {"45, bad UTF-8 in a key", "{\"\xFF\":1}", "body: not valid JSON"},
        {"45, encoded surrogate", "{\"name\":\"\xED\xA0\x80\"}", "body: not valid JSON"},
        {"45, lone surrogate", R"({"name":"\ud800"})", "body: not valid JSON"},
        {"45, lone low surrogate", R"({"name":"\udc00"})", "body: not valid JSON"},
        {"45, raw NUL within", "{\"name\":\"a\0b\"}"s, "body: not valid JSON"},
        {"45, raw NUL after", "{}\0"s, "body: not valid JSON"},
        {"45, raw line end", "{\"name\":\"a\nb\"}", "body: not valid JSON"},
        {"45, bytes after", "{}x", "body: not valid JSON"},
        {"45, two objects", "{}{}", "body: not valid JSON"},
        {"46, 33 levels", nested(33), "body: nested more than 32 levels deep"},
        {"46, very deep", nested(100'000), "body: nested more than 32 levels deep"},
        {"47, same key twice", R"({"roomId":"a","roomId":"a"})", "body: a key appears twice in an object"},
        {"47, unknown key twice", R"({"x":1,"y":2,"x":3})", "body: a key appears twice in an object"},
        {"47, empty key twice", R"({"":1,"":2})", "body: a key appears twice in an object"},
        {"47, same key by an escape", R"({"roomId":"a","room\u0049d":"b"})",
         "body: a key appears twice in an object"},
        {"47, within", R"({"x":{"y":[{"z":1,"z":2}]}})", "body: a key appears twice in an object"},
        {"47, after an inner object", R"({"x":{"x":1},"x":2})", "body: a key appears twice in an object"},
        {"47, among many", many_keys + R"("k7":2})", "body: a key appears twice in an object"},
        {"members, too many", objects_with(10'001), "body: more than 10000 members"},
        {"members, far too many", objects_with(100'000), "body: more than 10000 members"},
        {"48, 1e400", R"({"x":1e400})", "body: a number is out of range"},
        {"48, -1e400", R"({"x":[-1e400]})", "body: a number is out of range"},
        {"48, for a known member", R"({"roomId":1e999999999})", "body: a number is out of range"},
        {"50, empty", "", "body: empty"},
        {"white space only", " \n", "body: not valid JSON"},
        {"array", "[]", "body: not a JSON object"},
        {"array of rooms", R"([{"roomId":"a"}])", "body: not a JSON object"},
        {"text", R"("roomId")", "body: not a JSON object"},
        {"text with escapes", R"("\n")", "body: not a JSON object"},
        {"number", "1", "body: not a JSON object"},
        {"negative number", "-1", "body: not a JSON object"},
        {"real number", "1.5", "body: not a JSON object"},
        {"true", "true", "body: not a JSON object"},
        {"null", "null", "body: not a JSON object"},
    };
    for (const auto& row : rows) {
        INFO("faults.md ", row.name);
        const parsed p(row.text);
        CHECK(p.ec == errc::bad_body);
        CHECK(p.note == row.note);
        CHECK_FALSE(p.r.id().has_value());
        CHECK(p.r.raw_json().empty());
        CHECK(p.r.json().empty());

        error_code ec;
        CHECK(room::from_json(row.text, ec).raw_json().empty());
        CHECK(ec == errc::bad_body);
    }
}

TEST_CASE("room_text_at_the_limits_accepted")
{
    std::string many_keys = "{";
    for (int i = 0; i < 2'000; ++i)
        many_keys += "\"key" + std::to_string(i) + "\":{\"a\":1,\"b\":2},";
    const struct
    {
        const char* name;
        std::string text;
    } rows[] = {
        {"46, 32 levels", nested(32)},
        {"47, same key in neighbours", R"({"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}],"x":1})"},
        {"47, same key in parent and child", R"({"x":{"x":{"x":1}}})"},
        {"47, keys of one word alike but for the end",
         R"({"createdAt":"1","createdAx":"2","createdA":"3","xcreatedA":4})"},
        {"47, keys alike but for zeros", "{\"\":1,\"\\u0000\":2,\"\\u0000\\u0000\":3}"},
        {"47, many keys", many_keys + "\"end\":1}"},
        {"members, as many as may be", objects_with(10'000)},
        {"48, greatest double", R"({"x":1.7976931348623157e308,"y":-1e308,"z":1e-400})"},
        {"integers", R"({"a":18446744073709551615,"b":-9223372036854775808,"c":99999999999999999999999})"},
    };
    for (const auto& row : rows) {
        INFO("faults.md ", row.name);
        const parsed p(row.text);
        CHECK_MESSAGE(!p.ec.failed(), p.note);
        CHECK(p.r.raw_json() == row.text);
    }
}

TEST_CASE("room_members_of_the_wrong_type")
{
    const struct
    {
        std::string text;
        const char* note;
    } rows[] = {
        {R"({"roomId":42})", "roomId: not a text"},
        {R"({"roomId":-42})", "roomId: not a text"},
        {R"({"roomId":1.5})", "roomId: not a text"},
        {R"({"roomId":true})", "roomId: not a text"},
        {R"({"name":{"roomId":"inner"}})", "name: not a text"},
        {R"({"about":["roomId","inner"]})", "about: not a text"},
        {R"({"pic":1})", "pic: not a text"},
        {R"({"streamUrl":1})", "streamUrl: not a text"},
        {R"({"sourceUrl":1})", "sourceUrl: not a text"},
        {R"({"isSpeak":2})", "isSpeak: not a boolean"},
        {R"({"isSpeak":-1})", "isSpeak: not a boolean"},
        {R"({"isSpeak":0.5})", "isSpeak: not a boolean"},
        {R"({"isSpeak":1.0000000000000002})", "isSpeak: not a boolean"},
        {R"({"isSpeak":18446744073709551615})", "isSpeak: not a boolean"},
        {R"({"isSpeak":1e308})", "isSpeak: not a boolean"},
        {R"({"isSpeak":[1]})", "isSpeak: not a boolean"},
        {R"({"isSpeak":"1.0"})", "isSpeak: not a boolean"},
        {R"({"externalRoomId":42})", "externalRoomId: not a text"},
        {R"({"externalRoomId":["inner"]})", "externalRoomId: not a text"},
        {R"({"roomId":1,"externalRoomId":{}})", "roomId: not a text; externalRoomId: not a text"},
        {R"({"isSpeak":"yes"})", "isSpeak: not a boolean"},
        {R"({"isSpeak":"TRUE"})", "isSpeak: not a boolean"},
        {R"({"isSpeak":""})", "isSpeak: not a boolean"},
        {R"({"isSpeak":[true]})", "isSpeak: not a boolean"},
        {R"({"status":"live"})", "status: not a known status"},
        {R"({"status":"PAUSED"})", "status: not a known status"},
        {R"({"status":1})", "status: not a known status"},
        {R"({"startTime":"tomorrow"})", "startTime: not a time"},
        {R"({"endTime":1735623212})", "endTime: not a time"},
        {R"({"streamStartTime":""})", "streamStartTime: not a time"},
        {R"({"streamEndTime":{}})", "streamEndTime: not a time"},
        {R"({"status":false,"isSpeak":"x","roomId":{"a":[]},"name":"n"})",
         "roomId: not a text; isSpeak: not a boolean; status: not a known status"},
        {R"({"roomId":null,"isSpeak":null,"status":null,"startTime":null})", ""},
    };
    for (const auto& row : rows) {
        INFO("faults.md 49: ", row.text);
        const parsed p(row.text);
        CHECK_FALSE(p.ec.failed());
        CHECK(p.note == row.note);
        CHECK_FALSE(p.r.id().has_value());
        CHECK_FALSE(p.r.about().has_value());
        CHECK_FALSE(p.r.voice().has_value());
        CHECK_FALSE(p.r.status().has_value());
        CHECK_FALSE(p.r.starts_at().has_value());
        CHECK_FALSE(p.r.ends_at().has_value());
        CHECK_FALSE(p.r.picture_url().has_value());
        CHECK(p.r.raw_json() == row.text);
    }
}

TEST_CASE("fault_64_room_id_by_either_name_and_never_the_vendors_own")
{
    using id = std::optional<std::string_view>;
    constexpr const char* differ = "roomId and externalRoomId: differ";
    const struct
    {
        const char* text;
        id expected;
        const char* note;
    } rows[] = {
        {R"({"id":1,"externalRoomId":"67890","name":"n"})", "67890", ""},
        {R"({"externalRoomId":"67890","id":1})", "67890", ""},
        {R"({"id":"67890"})", id(), ""},
        {R"({"id":67890})", id(), ""},
        {R"({"id":"1","roomId":"r"})", "r", ""},
        {R"({"roomId":"r"})", "r", ""},
        {R"({"roomId":"r","externalRoomId":"r"})", "r", ""},
        {R"({"roomId":"r","externalRoomId":"x"})", "r", differ},
        {R"({"externalRoomId":"x","roomId":"r"})", "r", differ},
        {R"({"externalRoomId":"\u0078","roomId":"\u0072"})", "r", differ},
        {R"({"externalRoomId":"a\/b","roomId":"a/b"})", "a/b", ""},
        {R"({"roomId":17,"externalRoomId":"x"})", "x", "roomId: not a text"},
        {R"({"roomId":null,"externalRoomId":"x"})", "x", ""},
        {R"({"roomId":"","externalRoomId":"x"})", "x", ""},
        {R"({"roomId":"r","externalRoomId":""})", "r", ""},
        {R"({"roomId":"r","externalRoomId":null})", "r", ""},
        {R"({"roomId":"r","externalRoomId":3})", "r", "externalRoomId: not a text"},
        {R"({"roomId":""})", id(), ""},
        {R"({"externalRoomId":""})", id(), ""},
        {R"({"externalRoomID":"x","ExternalRoomId":"x","externalRoomId2":"x"})", id(), ""},
        {R"({"room":{"externalRoomId":"inner","roomId":"inner"}})", id(), ""},
        {R"({"externalRoomId":"a\/b","name":"c\/d"})", "a/b", ""},
    };
    for (const auto& row : rows) {
        INFO("Row 64: ", row.text);
        const parsed p(row.text);
        CHECK_FALSE(p.ec.failed());
        CHECK(p.r.id() == row.expected);
        CHECK(p.note == row.note);
        CHECK(p.r.raw_json() == row.text);
    }

    INFO("Row 47: the other name is a key as any");
    CHECK(parsed(R"({"externalRoomId":"a","externalRoom\u0049d":"b"})").ec == errc::bad_body);
}

TEST_CASE("room_voice_in_each_form")
{
    const struct
    {
        const char* value;
        bool on;
    } rows[] = {
        {"true", true},        {"false", false},  {R"("true")", true},      {R"("1")", true},
        {R"("false")", false}, {R"("0")", false}, {R"("tr\u0075e")", true}, {"1", true},
        {"0", false},          {"1.0", true},     {"0.0", false},           {"-0", false},
        {"-0.0", false},       {"1e0", true},     {"10E-1", true},
    };
    for (const auto& row : rows) {
        INFO("Row 64: ", row.value);
        const parsed p(std::string(R"({"isSpeak":)") + row.value + "}");
        CHECK(p.note == "");
        CHECK(p.r.voice() == row.on);
    }
}

TEST_CASE("room_escaped_text_decoded")
{
    const std::string text =
        R"({"roomId":"a\/b","na\u006de":"","about":"\u00e9\ud83d\ude00\n\"\\\u0000","pic":"plain",)"
        R"("startTime":"2026-12-31\u002020:00:00","status":"\u004cIVE"})";

    const parsed p(text);

    CHECK_FALSE(p.ec.failed());
    CHECK(p.note == "");
    CHECK(p.r.id() == "a/b");
    CHECK(p.r.name() == "");
    CHECK(p.r.about() == "\xC3\xA9\xF0\x9F\x98\x80\n\"\\\0"s);
    CHECK(p.r.picture_url() == "plain");
    CHECK(p.r.starts_at() == start);
    CHECK(p.r.status() == room_status::live);
    CHECK(p.r.raw_json() == text);
}

TEST_CASE("room_long_escaped_text_decoded_across_the_parsers_buffer")
{
    std::string json;
    std::string expected;
    for (int i = 0; i < 3'000; ++i) {
        json += "abc\\n\\u00e9";
        expected += "abc\n\xC3\xA9";
    }

    const parsed p("{\"x\":\"" + json + "\",\"" + json + "\":1,\"about\":\"" + json + "\",\"name\":\"n\"}");

    CHECK_FALSE(p.ec.failed());
    CHECK(p.r.about() == expected);
    CHECK(p.r.name() == "n");
}

TEST_CASE("room_copied_and_moved_keeps_its_views_right")
{
    for (const std::string& text :
         {R"({"roomId":"a\/b"})"s, R"({"roomId":"a/b"})"s,
          R"({"roomId":"a/b","about":"some more text than fits a short string"})"s}) {
        CAPTURE(text);
        parsed p(text);
        const room copy = p.r;
        const room moved = std::move(p.r);
        CHECK(copy.id() == "a/b");
        CHECK(moved.id() == "a/b");
        CHECK(copy.id()->data() != moved.id()->data());
        CHECK(copy.raw_json() == moved.raw_json());
    }
}

TEST_CASE("room_parse_takes_over_the_buffer")
{
    std::string text = R"({"roomId":"a-room-id-too-long-for-a-short-string"})";
    const char* const memory = text.data();
    error_code ec = errc::bad_body;

    const room r = room_builder::parse(std::move(text), ec, nullptr);

    CHECK_FALSE(ec.failed());
    CHECK(r.raw_json().data() == memory);
    CHECK(r.id() == "a-room-id-too-long-for-a-short-string");
}

TEST_CASE("room_default_constructed_is_empty")
{
    const room r;
    CHECK_FALSE(r.id().has_value());
    CHECK(r.raw_json().empty());
    CHECK(r.json().empty());
}

TEST_CASE("room_status_names_round_trip")
{
    for (const room_status s :
         {room_status::live, room_status::soon, room_status::ended, room_status::disabled})
        CHECK(parse_room_status(to_string(s)) == s);
    CHECK_FALSE(parse_room_status("live").has_value());
    CHECK_FALSE(parse_room_status("").has_value());
    CHECK(to_string(static_cast<room_status>(9)) == "");
    CHECK_FALSE(parse_room_status(" LIVE").has_value());
}

TEST_CASE("room_synthesized_from_a_create")
{
    const room r = room_builder::synthesize(call_request::create(new_room("id", "", "about")
                                                                     .voice(true)
                                                                     .starts_at(start)
                                                                     .ends_at(start + 1h)
                                                                     .picture_url("p")
                                                                     .stream_url("s")
                                                                     .source_url("o")
                                                                     .stream_starts_at(start + 2h)
                                                                     .stream_ends_at(start + 3h)));

    CHECK(r.id() == "id");
    CHECK(r.name() == "");
    CHECK(r.about() == "about");
    CHECK(r.voice() == true);
    CHECK_FALSE(r.status().has_value());
    CHECK(r.starts_at() == start);
    CHECK(r.ends_at() == start + 1h);
    CHECK(r.picture_url() == "p");
    CHECK(r.stream_url() == "s");
    CHECK(r.source_url() == "o");
    CHECK(r.stream_starts_at() == start + 2h);
    CHECK(r.stream_ends_at() == start + 3h);
    CHECK(r.raw_json().empty());
    CHECK(r.json().empty());
}

TEST_CASE("room_synthesized_from_a_create_of_required_members_only")
{
    const room r = room_builder::synthesize(call_request::create(new_room("id", "name", "about")));
    CHECK(r.voice() == false);
    CHECK_FALSE(r.starts_at().has_value());
    CHECK_FALSE(r.ends_at().has_value());
    CHECK_FALSE(r.picture_url().has_value());
    CHECK_FALSE(r.stream_ends_at().has_value());
}

TEST_CASE("room_synthesized_from_a_change")
{
    INFO("faults.md 50, an empty 200");
    const room voiced = room_builder::synthesize(call_request::set_voice("id", false));
    CHECK(voiced.id() == "id");
    CHECK(voiced.voice() == false);
    CHECK_FALSE(voiced.status().has_value());
    CHECK_FALSE(voiced.name().has_value());

    const room changed = room_builder::synthesize(call_request::set_status("id", room_status::ended));
    CHECK(changed.id() == "id");
    CHECK(changed.status() == room_status::ended);
    CHECK_FALSE(changed.voice().has_value());
}
