// SPDX-License-Identifier: BSL-1.0
#include "kept_line.hpp"

#include "digest.hpp"
#include "manifest/json_record.hpp"
#include "manifest/member.hpp"
#include "room_json.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>
#include <variant>

namespace roomctl {

namespace json = boost::json;
namespace rooms = watchers::rooms;

namespace {

constexpr std::string_view sum_start = R"(,"sha256":")";
constexpr std::string_view line_end = "\"}";
constexpr std::size_t sum_size = 64;

std::string sum_of(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    sha256 hash;
    hash.update(text);
    std::string sum;
    for (const unsigned char c : hash.finish()) {
        sum += digits[c >> 4U];
        sum += digits[c & 15U];
    }
    return sum;
}

std::string seal(const json::object& o)
{
    std::string text = escape_json(json::serialize(o));
    text.pop_back(); // the brace
    const std::string sum = sum_of(text);
    text.append(sum_start).append(sum).append(line_end);
    return text + '\n';
}

json::object to_json(const desired_room& d)
{
    const rooms::new_room& r = d.room;
    json::object o;
    o[name_of(member::room_id)] = r.id();
    o[name_of(member::name)] = r.name();
    o[name_of(member::about)] = r.about();
    o[name_of(member::voice)] = r.voice();
    if (d.status) o[name_of(member::status)] = rooms::to_string(*d.status);
    add_times_and_urls(o, r);
    return o;
}

std::optional<desired_room> room_of(const json::object& o)
{
    manifest_record record;
    record.clear();
    read_json_record(json::serialize(o), 1, record);
    if (!record.readable || kind_of(record) != entry_kind::desired_room) return std::nullopt;
    std::optional<entry_content> content = read_entry(record);
    if (!content) return std::nullopt;
    return std::get<desired_room>(*std::move(content));
}

std::optional<json::object> unseal(std::string_view text)
{
    const std::size_t tail = sum_start.size() + sum_size + line_end.size();
    if (text.size() < tail || !text.starts_with(kept_line_start) || !text.ends_with(line_end))
        return std::nullopt;
    const std::string_view body = text.substr(0, text.size() - tail);
    const std::string_view rest = text.substr(body.size());
    if (!rest.starts_with(sum_start) || rest.substr(sum_start.size(), sum_size) != sum_of(body))
        return std::nullopt;
    boost::system::error_code ec;
    const json::value v = json::parse(std::string(body) + '}', ec);
    if (ec || !v.is_object()) return std::nullopt;
    return v.get_object();
}

} // namespace

std::string to_kept_line(const desired_room& room, std::string_view service)
{
    json::object o;
    o["kept"] = to_json(room);
    o["service"] = service;
    return seal(o);
}

std::string to_settled_line(std::string_view room_id, std::string_view service)
{
    json::object o;
    o["kept"] = nullptr;
    o["roomId"] = room_id;
    o["service"] = service;
    return seal(o);
}

std::optional<kept_line> read_kept_line(std::string_view text, std::string_view service, std::string& fault)
{
    fault = "is damaged: its checksum is not that of its text";
    const std::optional<json::object> o = unseal(text);
    if (!o) return std::nullopt;
    fault = "is not a line that this version of roomctl writes";
    const json::value* const kept = o->if_contains("kept");
    const json::value* const from = o->if_contains("service");
    if (kept == nullptr || from == nullptr || !from->is_string()) return std::nullopt;
    if (!service.empty() && std::string_view(from->get_string()) != service) {
        fault = "is of another service, " + escape(std::string_view(from->get_string()));
        return std::nullopt;
    }
    kept_line line;
    if (kept->is_object()) {
        line.room = room_of(kept->get_object());
        if (!line.room) return std::nullopt;
        line.room_id = line.room->room.id();
    } else {
        const json::value* const id = o->if_contains("roomId");
        if (id == nullptr || !id->is_string()) return std::nullopt;
        line.room_id = std::string(std::string_view(id->get_string()));
    }
    fault.clear();
    return line;
}

} // namespace roomctl
