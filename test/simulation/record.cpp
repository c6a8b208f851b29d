// SPDX-License-Identifier: BSL-1.0
#include "record.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>

namespace watchers::rooms::sim {

namespace {

constexpr std::string_view room_path = "/external/room";

std::string text_of(const boost::json::object& o, std::string_view name)
{
    const auto* v = o.if_contains(boost::json::string_view(name.data(), name.size()));
    if (v == nullptr || !v->is_string()) return {};
    return std::string(v->get_string().c_str());
}

unsigned number_behind(std::string_view text, std::string_view prefix)
{
    const auto at = text.find(prefix);
    unsigned n = 0;
    if (at != text.npos) std::from_chars(text.data() + at + prefix.size(), text.data() + text.size(), n);
    return n;
}

} // namespace

const std::string& caller::name() const
{
    if (name_.empty())
        name_ = "call-" + std::to_string(number) + " " + std::string(to_string(kind)) + " " + room;
    return name_;
}

caller& record::new_caller()
{
    caller& c = callers_.emplace_back();
    c.number = static_cast<unsigned>(callers_.size());
    return c;
}

void record::ended(caller& c) { std::erase(active_, &c); }

bool record::distinct(const caller& c, bool ordered) const noexcept
{
    using enum operation_kind;
    return std::none_of(active_.begin(), active_.end(), [&](const caller* other) {
        if (other->room != c.room) return false;
        if (other->kind == c.kind) {
            if (c.kind == set_voice) return other->voice == c.voice;
            if (c.kind == set_status) return other->status == c.status;
            return c.kind != create_room || !ordered;
        }
        return (c.kind == get_room && other->kind == create_room) ||
               (c.kind == create_room && other->kind == get_room);
    });
}

exchange& record::sent(std::string_view bytes)
{
    exchange& x = exchanges_.emplace_back();
    x.number = static_cast<unsigned>(exchanges_.size());
    x.sent = world_.now();
    x.key = number_behind(bytes, "x-api-key: KEY-");
    if (x.key != number_behind(bytes, "Bearer TOKEN-"))
        world_.violate("request", "key and token of two kinds");

    const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
    const std::string_view method = line.substr(0, line.find(' '));
    const std::string_view rest = line.substr(std::min(line.size(), method.size() + 1));
    const std::string_view path = rest.substr(0, rest.find(' '));
    const auto blank = bytes.find("\r\n\r\n");
    x.body = blank == bytes.npos ? std::string_view() : bytes.substr(blank + 4);

    if (method == "GET") {
        x.kind = operation_kind::get_room;
    } else if (method == "DELETE") {
        x.kind = operation_kind::delete_room;
    } else if (path == "/external/room/speak") {
        x.kind = operation_kind::set_voice;
    } else if (path == "/external/room/status") {
        x.kind = operation_kind::set_status;
    } else {
        x.kind = operation_kind::create_room;
    }
    x.by = owner_of(x, path, x.body);
    if (x.by != nullptr) {
        x.looks = x.kind != x.by->kind;
        x.by->exchanges.push_back(&x);
    }
    return x;
}

caller* record::owner_of(exchange& x, std::string_view path, std::string_view body)
{
    const auto find = [&](auto&& of_it) -> caller* {
        const auto found = std::find_if(active_.begin(), active_.end(), [&](const caller* c) {
            return c->begun && !c->over && c->room == x.room && of_it(*c);
        });
        return found == active_.end() ? nullptr : *found;
    };
    if (x.kind == operation_kind::get_room || x.kind == operation_kind::delete_room) {
        x.room = path.substr(std::min(path.size(), room_path.size() + 1));
        if (caller* c = find([&](const caller& other) { return other.kind == x.kind; })) return c;
        if (x.kind == operation_kind::delete_room) return nullptr;
        return find(
            [](const caller& c) { return c.kind == operation_kind::create_room && !c.exchanges.empty(); });
    }
    boost::system::error_code ec;
    const auto v = boost::json::parse(boost::json::string_view(body.data(), body.size()), ec);
    if (ec || !v.is_object()) return nullptr;
    const boost::json::object& o = v.get_object();
    x.room = text_of(o, "roomId");
    if (x.kind == operation_kind::create_room) {
        const unsigned n = number_behind(text_of(o, "sourceUrl"), "call-");
        return find([n](const caller& c) { return c.number == n; });
    }
    if (x.kind == operation_kind::set_voice) {
        const auto* on = o.if_contains("isSpeak");
        if (on == nullptr || !on->is_bool()) return nullptr;
        return find([&](const caller& c) { return c.kind == x.kind && c.voice == on->get_bool(); });
    }
    const std::string status = text_of(o, "status");
    return find([&](const caller& c) { return c.kind == x.kind && to_string(c.status) == status; });
}

} // namespace watchers::rooms::sim
