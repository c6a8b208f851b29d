// SPDX-License-Identifier: BSL-1.0
// A text as the body of an answer. What room::from_json makes of it is compared with Boost.JSON's tree of the
// same text, with the rules that room.hpp adds to it.

#include "fuzz.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/time_text.hpp>
#include <watchers/rooms/room.hpp>

#include <boost/json.hpp>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace watchers::rooms;
using fuzz::require;

// Of all objects of a tree.
std::size_t keys_in(const boost::json::value& v)
{
    std::size_t count = 0;
    if (const auto* object = v.if_object()) {
        count += object->size();
        for (const auto& member : *object)
            count += keys_in(member.value());
    } else if (const auto* array = v.if_array()) {
        for (const auto& element : *array)
            count += keys_in(element);
    }
    return count;
}

// Of a valid JSON text: each key, repeated ones included, has one colon outside of strings.
std::size_t keys_in(std::string_view text)
{
    std::size_t count = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (in_string && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && text[i] == ':')
            ++count;
    }
    return count;
}

bool all_finite(const boost::json::value& v)
{
    if (const double* number = v.if_double()) return std::isfinite(*number);
    if (const auto* object = v.if_object()) {
        for (const auto& member : *object)
            if (!all_finite(member.value())) return false;
    } else if (const auto* array = v.if_array()) {
        for (const auto& element : *array)
            if (!all_finite(element)) return false;
    }
    return true;
}

// The tree of a text that from_json has to take.
std::optional<boost::json::object> expected_of(std::string_view text)
{
    error_code ec;
    boost::json::value v = boost::json::parse(boost::json::string_view(text.data(), text.size()), ec);
    if (ec || !v.is_object() || !all_finite(v) || keys_in(v) != keys_in(text)) return std::nullopt;
    return std::move(v.get_object());
}

std::optional<std::string_view> text_in(const boost::json::object& o, const char* name)
{
    const boost::json::value* const v = o.if_contains(name);
    if (v == nullptr || !v->is_string()) return std::nullopt;
    return std::string_view(v->get_string().data(), v->get_string().size());
}

std::optional<time_point> time_in(const boost::json::object& o, const char* name)
{
    const auto text = text_in(o, name);
    return text ? detail::parse_time(*text) : std::nullopt;
}

// An empty text names no room.
std::optional<std::string_view> id_in(const boost::json::object& o)
{
    for (const char* name : {"roomId", "externalRoomId"})
        if (const auto text = text_in(o, name); text && !text->empty()) return text;
    return std::nullopt;
}

std::optional<bool> voice_in(const boost::json::object& o)
{
    const boost::json::value* const v = o.if_contains("isSpeak");
    if (v != nullptr && v->is_bool()) return v->get_bool();
    if (v != nullptr && v->is_number()) {
        const double number = v->to_number<double>();
        if (number == 1 || number == 0) return number == 1;
        return std::nullopt;
    }
    const auto text = text_in(o, "isSpeak");
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return std::nullopt;
}

std::optional<room_status> status_in(const boost::json::object& o)
{
    const auto text = text_in(o, "status");
    return text ? parse_room_status(*text) : std::nullopt;
}

void check_members(const room& r, const boost::json::object& tree)
{
    const std::pair<const char*, std::optional<std::string_view>> texts[] = {
        {"name", r.name()},
        {"about", r.about()},
        {"pic", r.picture_url()},
        {"streamUrl", r.stream_url()},
        {"sourceUrl", r.source_url()},
    };
    for (const auto& [name, text] : texts) {
        require(text == text_in(tree, name), "a text is the tree's");
        require(!text || fuzz::well_formed(*text), "a text is valid UTF-8");
    }
    require(r.id() == id_in(tree), "the id is the tree's");
    require(!r.id() || fuzz::well_formed(*r.id()), "the id is valid UTF-8");
    require(r.starts_at() == time_in(tree, "startTime"), "startTime is the tree's");
    require(r.ends_at() == time_in(tree, "endTime"), "endTime is the tree's");
    require(r.stream_starts_at() == time_in(tree, "streamStartTime"), "streamStartTime is the tree's");
    require(r.stream_ends_at() == time_in(tree, "streamEndTime"), "streamEndTime is the tree's");
    require(r.voice() == voice_in(tree), "isSpeak is the tree's");
    require(r.status() == status_in(tree), "status is the tree's");
}

void check_empty(const room& r)
{
    check_members(r, {});
    require(r.raw_json().empty() && r.json().empty(), "what is refused leaves an empty room");
}

void check_same(const room& a, const room& b)
{
    require(a.raw_json() == b.raw_json(), "the same text");
    require(a.id() == b.id() && a.name() == b.name() && a.about() == b.about(), "the same texts");
    require(a.picture_url() == b.picture_url() && a.stream_url() == b.stream_url() &&
                a.source_url() == b.source_url(),
            "the same URLs");
    require(a.starts_at() == b.starts_at() && a.ends_at() == b.ends_at(), "the same times");
    require(a.stream_starts_at() == b.stream_starts_at() && a.stream_ends_at() == b.stream_ends_at(),
            "the same times of the stream");
    require(a.voice() == b.voice() && a.status() == b.status(), "the same settings");
}

void check_copies(const room& r)
{
    room copied = r;
    check_same(copied, r);
    room moved = std::move(copied);
    check_same(moved, r);
    copied = moved;
    check_same(copied, r);
    const room& itself = copied;
    copied = itself;
    check_same(copied, r);
    error_code ec;
    room other = room::from_json(R"({"roomId":"of another room, and longer than a short string"})", ec);
    other = std::move(moved);
    check_same(other, r);
}

void check_time(std::optional<time_point> t)
{
    if (!t) return;
    std::string iso;
    std::string specification;
    detail::append_time(iso, *t, time_format::iso_8601);
    detail::append_time(specification, *t, time_format::specification);
    require(detail::parse_time(iso) == t, "a time that is written as ISO 8601 is read as the same");
    require(detail::parse_time(specification) == std::chrono::floor<std::chrono::seconds>(*t),
            "a time that is written as the specification has it is read as the same second");
}

// A room matches a wish that has all of its own members.
void check_matches(const room& r)
{
    new_room wanted(std::string(r.id().value_or("")), std::string(r.name().value_or("")),
                    std::string(r.about().value_or("")));
    wanted.voice(r.voice().value_or(false));
    if (r.starts_at()) wanted.starts_at(*r.starts_at());
    if (r.ends_at()) wanted.ends_at(*r.ends_at());
    require(detail::room_builder::matches(r, wanted), "a room is the one that has its members");
    if (!r.id()) return;
    const new_room another(std::string(*r.id()) + "2", wanted.name(), wanted.about());
    require(!detail::room_builder::matches(r, another), "a room is none that has another id");
}

// The note never holds text of the server's, nor does it tell of nothing.
void check_note(std::string_view text, const room& r, error_code expected)
{
    std::string note = "of before";
    error_code ec;
    const room again = detail::room_builder::parse(std::string(text), ec, &note);
    require(ec == expected, "an rvalue is read as a view is");
    check_same(again, r);
    require(ec ? note.starts_with("body: ")
               : note.empty() || note.find(": not a") != note.npos || note.ends_with(": differ"),
            "the note tells what was wrong");
    require(note.size() < 300 && fuzz::printable(note), "the note is the library's own text");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = fuzz::input(data, size).rest();
    error_code ec = errc::cancelled;
    const room r = room::from_json(text, ec);
    const std::optional<boost::json::object> expected = expected_of(text);
    require(ec ? ec == errc::bad_body : expected.has_value(), "only what is JSON is taken");
    require(!ec || !expected, "all that is JSON, and breaks none of the other rules, is taken");
    check_note(text, r, ec);
    if (ec) {
        check_empty(r);
        return 0;
    }
    require(r.raw_json() == text, "the text is kept as it is");
    require(r.json() == *expected, "json() is the tree");
    require(!r.confirmed(), "an answer is no confirmation");
    check_members(r, *expected);
    check_copies(r);
    for (const auto& t : {r.starts_at(), r.ends_at(), r.stream_starts_at(), r.stream_ends_at()})
        check_time(t);
    check_matches(r);
    return 0;
}
