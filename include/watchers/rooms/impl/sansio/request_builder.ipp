// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/json_text.ipp>
#include <watchers/rooms/impl/sansio/origin.ipp>
#include <watchers/rooms/impl/sansio/percent.ipp>
#include <watchers/rooms/impl/sansio/redaction.ipp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/sansio/time_text.ipp>
#include <watchers/rooms/impl/wipe.ipp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace watchers::rooms::detail {

inline constexpr std::string_view room_path = "/external/room/";

WATCHERS_ROOMS_DECL request_heads::request_heads(const origin& to, const credentials& c)
{
    const std::initializer_list<std::string_view> parts = {
        " HTTP/1.1\r\nHost: ",
        to.host_header(),
        "\r\naccept: application/json\r\nAccept-Encoding: identity\r\nContent-Type: "
        "application/json\r\nx-api-key: ",
        c.api_key().reveal(),
        "\r\nAuthorization: Bearer ",
        c.bearer_token().reveal(),
        "\r\nUser-Agent: watchers-rooms/0.1\r\n",
    };
    std::size_t size = 0;
    for (const std::string_view part : parts)
        size += part.size();
    common_.reserve(size); // growing would leave copies of the secrets behind
    for (const std::string_view part : parts)
        common_ += part;
}

inline std::string_view field_value(std::string_view heads, std::string_view name) noexcept
{
    const std::string_view value = heads.substr(heads.find(name) + name.size());
    return value.substr(0, value.find("\r\n"));
}

WATCHERS_ROOMS_DECL std::string request_heads::redacted(std::string_view text, std::size_t enough) const
{
    const redaction redact(field_value(common_, "\r\nx-api-key: "),
                           field_value(common_, "\r\nAuthorization: Bearer "));
    return redact(text, enough);
}

WATCHERS_ROOMS_DECL void append_text_member(std::string& out, std::string_view prefix,
                                            const std::optional<std::string>& text)
{
    if (!text) return;
    out += prefix;
    append_json_string(out, *text);
}

WATCHERS_ROOMS_DECL void append_time_member(std::string& out, std::string_view prefix,
                                            std::optional<time_point> t, time_format format)
{
    if (!t) return;
    out += prefix;
    out += '"';
    append_time(out, *t, format);
    out += '"';
}

WATCHERS_ROOMS_DECL void append_new_room(std::string& out, const new_room& r, time_format format)
{
    out += ",\"name\":";
    append_json_string(out, r.name());
    out += ",\"about\":";
    append_json_string(out, r.about());
    out += r.voice() ? std::string_view(",\"isSpeak\":true") : std::string_view(",\"isSpeak\":false");
    append_time_member(out, ",\"startTime\":", r.starts_at(), format);
    append_time_member(out, ",\"endTime\":", r.ends_at(), format);
    append_text_member(out, ",\"pic\":", r.picture_url());
    append_text_member(out, ",\"streamUrl\":", r.stream_url());
    append_text_member(out, ",\"sourceUrl\":", r.source_url());
    append_time_member(out, ",\"streamStartTime\":", r.stream_starts_at(), format);
    append_time_member(out, ",\"streamEndTime\":", r.stream_ends_at(), format);
}

WATCHERS_ROOMS_DECL void encode_call(const call_request& r, time_format format, encoded_call& out)
{
    out.kind = r.kind();
    out.target.clear();
    out.body.clear();
    if (r.kind() == operation_kind::get_room || r.kind() == operation_kind::delete_room) {
        out.target += room_path;
        append_percent_encoded(out.target, r.room_id());
        return;
    }

    out.body += "{\"roomId\":";
    append_json_string(out.body, r.room_id());
    if (r.kind() == operation_kind::create_room) {
        append_new_room(out.body, r.created(), format);
    } else if (r.kind() == operation_kind::set_voice) {
        out.body +=
            r.voice() ? std::string_view(",\"isSpeak\":true") : std::string_view(",\"isSpeak\":false");
    } else {
        out.body.append(",\"status\":\"").append(to_string(r.status())).append("\"");
    }
    out.body += '}';
}

WATCHERS_ROOMS_DECL std::string_view request_line_start(operation_kind k) noexcept
{
    switch (k) {
    case operation_kind::create_room: return "POST /external/room";
    case operation_kind::get_room: return "GET ";
    case operation_kind::set_voice: return "POST /external/room/speak";
    case operation_kind::set_status: return "POST /external/room/status";
    case operation_kind::delete_room: return "DELETE ";
    }
    return {};
}

// As reserve, but leaves no copy of the old text behind in freed memory.
WATCHERS_ROOMS_DECL void reserve_wiping(std::string& text, std::size_t size)
{
    if (text.capacity() >= size) return;
    std::string larger;
    larger.reserve(size);
    larger = text;
    text.swap(larger);
    wipe_text(larger);
}

WATCHERS_ROOMS_DECL void append_request(std::string& out, const request_heads& heads,
                                        const encoded_call& call)
{
    static constexpr std::string_view length_field = "Content-Length: ";
    static constexpr std::string_view blank_line = "\r\n\r\n";
    const std::string_view start = request_line_start(call.kind);

    if (call.kind == operation_kind::get_room || call.kind == operation_kind::delete_room) {
        reserve_wiping(out, out.size() + start.size() + call.target.size() + heads.common().size() + 2);
        out.append(start).append(call.target).append(heads.common()).append("\r\n", 2);
        return;
    }

    std::array<char, 20> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), call.body.size()).ptr;
    const std::string_view length(digits.data(), static_cast<std::size_t>(end - digits.data()));
    reserve_wiping(out, out.size() + start.size() + heads.common().size() + length_field.size() +
                            length.size() + blank_line.size() + call.body.size());
    out.append(start).append(heads.common());
    out.append(length_field).append(length).append(blank_line).append(call.body);
}

} // namespace watchers::rooms::detail
