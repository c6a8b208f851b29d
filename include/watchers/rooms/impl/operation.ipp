// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/operation_reader.ipp>
#include <watchers/rooms/impl/sansio/request_builder.ipp>
#include <watchers/rooms/impl/sansio/validate.ipp>
#include <watchers/rooms/operation.hpp>

#include <utility>

namespace watchers::rooms {
namespace detail {

WATCHERS_ROOMS_DECL new_room take_new_room(operation_reader& in)
{
    using member = operation_reader::member;
    new_room r(*in.take_text(member::room_id), *in.take_text(member::name), *in.take_text(member::about));
    r.voice(in.voice().value_or(false));
    if (const auto t = in.time(member::starts_at)) r.starts_at(*t);
    if (const auto t = in.time(member::ends_at)) r.ends_at(*t);
    if (auto url = in.take_text(member::picture_url)) r.picture_url(*std::move(url));
    if (auto url = in.take_text(member::stream_url)) r.stream_url(*std::move(url));
    if (auto url = in.take_text(member::source_url)) r.source_url(*std::move(url));
    if (const auto t = in.time(member::stream_starts_at)) r.stream_starts_at(*t);
    if (const auto t = in.time(member::stream_ends_at)) r.stream_ends_at(*t);
    return r;
}

WATCHERS_ROOMS_DECL operation take_operation(operation_reader& in)
{
    using member = operation_reader::member;
    if (in.kind() == operation_kind::create_room) return operation::create(take_new_room(in));
    std::string id = *in.take_text(member::room_id);
    switch (in.kind()) {
    case operation_kind::set_voice: return operation::set_voice(std::move(id), *in.voice());
    case operation_kind::set_status: return operation::set_status(std::move(id), *in.status());
    case operation_kind::delete_room: return operation::erase(std::move(id));
    default: return operation::get(std::move(id));
    }
}

} // namespace detail

WATCHERS_ROOMS_DECL std::string operation::check() const { return detail::check_request(request_); }

WATCHERS_ROOMS_DECL std::string operation::to_json() const
{
    std::string out = "{\"op\":\"";
    out.append(detail::operation_name(kind())).append("\",\"roomId\":");
    detail::append_json_string(out, room_id());
    switch (kind()) {
    case operation_kind::create_room: detail::append_new_room(out, room(), time_format::iso_8601); break;
    case operation_kind::set_voice: out += voice() ? ",\"isSpeak\":true" : ",\"isSpeak\":false"; break;
    case operation_kind::set_status:
        out.append(",\"status\":\"").append(to_string(status())).append("\"");
        break;
    case operation_kind::get_room:
    case operation_kind::delete_room: break;
    }
    out += '}';
    return out;
}

WATCHERS_ROOMS_DECL std::optional<operation> operation::from_json(std::string_view line, std::string& fault)
{
    detail::operation_reader in;
    std::string found = in.read(line);
    if (found.empty()) {
        operation read = detail::take_operation(in);
        found = read.check();
        if (found.empty()) return read;
    }
    fault = std::move(found);
    return std::nullopt;
}

} // namespace watchers::rooms
