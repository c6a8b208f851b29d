// SPDX-License-Identifier: BSL-1.0
#include "answer.hpp"

#include <boost/beast/http/status.hpp>

#include <charconv>

namespace watchers::rooms::sandbox::detail {
namespace {

void append_number(std::string& out, std::size_t value)
{
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, end);
}

void append_two(std::string& out, long value)
{
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
}

/// As RFC 9110 wants it: Sun, 06 Nov 1994 08:49:37 GMT.
void append_date(std::string& out, time_point time)
{
    using namespace std::chrono;
    static constexpr std::string_view week = "SunMonTueWedThuFriSat";
    static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const auto in_s = floor<seconds>(time);
    const auto midnight = floor<days>(in_s);
    const year_month_day date(midnight);
    const hh_mm_ss<seconds> clock(in_s - midnight);
    out += week.substr(weekday(midnight).c_encoding() * 3, 3);
    out += ", ";
    append_two(out, static_cast<unsigned>(date.day()));
    out += ' ';
    out += months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3);
    out += ' ';
    append_number(out, static_cast<std::size_t>(static_cast<int>(date.year())));
    out += ' ';
    append_two(out, clock.hours().count());
    out += ':';
    append_two(out, clock.minutes().count());
    out += ':';
    append_two(out, clock.seconds().count());
    out += " GMT";
}

void append_error_tail(std::string& out, dialect how, unsigned status)
{
    if (how == dialect::plain) {
        out += ",\"error\":";
        append_json_string(out, reason(status));
    }
    out += '}';
}

void append_member(std::string& out, std::string_view name, const std::optional<std::string>& value)
{
    if (!value) return;
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, *value);
}

void append_member(std::string& out, std::string_view name, const std::optional<time_point>& value)
{
    if (!value) return;
    out += ",\"";
    out += name;
    out += "\":\"";
    append_time(out, *value);
    out += '"';
}

} // namespace

std::string_view reason(unsigned status)
{
    const auto text = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return std::string_view(text.data(), text.size());
}

answer bad_request(dialect how, const std::vector<std::string>& messages)
{
    answer a(400);
    a.body = "{\"statusCode\":400,\"message\":[";
    for (const std::string& message : messages) {
        if (&message != &messages.front()) a.body += ',';
        append_json_string(a.body, message);
    }
    a.body += ']';
    append_error_tail(a.body, how, 400);
    return a;
}

answer refusal(dialect how, unsigned status, std::string_view message)
{
    answer a(status);
    a.body = "{\"statusCode\":";
    append_number(a.body, status);
    a.body += ",\"message\":";
    append_json_string(a.body, message);
    append_error_tail(a.body, how, status);
    return a;
}

void append_json_string(std::string& out, std::string_view text)
{
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out += text.substr(done, i - done);
        done = i + 1;
        if (c >= 0x20) {
            out += '\\';
            out += static_cast<char>(c);
        } else {
            out += "\\u00";
            out += hex[c >> 4];
            out += hex[c & 15];
        }
    }
    out += text.substr(done);
    out += '"';
}

void append_json(std::string& out, dialect how, std::string_view id, const room_record& room, time_point now)
{
    out.reserve(out.size() + id.size() + room.name.size() + room.about.size() + 320);
    if (how == dialect::vendor) {
        out += "{\"id\":";
        append_number(out, room.number);
        out += ",\"externalRoomId\":";
    } else {
        out += "{\"roomId\":";
    }
    append_json_string(out, id);
    out += ",\"name\":";
    append_json_string(out, room.name);
    out += ",\"about\":";
    append_json_string(out, room.about);
    out += room.voice ? ",\"isSpeak\":true" : ",\"isSpeak\":false";
    out += ",\"status\":\"";
    out += to_string(room.times.at(now));
    out += '"';
    append_member(out, "startTime", room.times.start());
    append_member(out, "endTime", room.times.end());
    append_member(out, "pic", room.picture);
    append_member(out, "streamUrl", room.stream_url);
    append_member(out, "sourceUrl", room.source_url);
    append_member(out, "streamStartTime", room.stream_start);
    append_member(out, "streamEndTime", room.stream_end);
    if (how == dialect::vendor) {
        append_member(out, "createdAt", std::optional(room.created));
        append_member(out, "updatedAt", std::optional(room.updated));
    }
    out += '}';
}

std::string to_wire(const answer& a, bool close, time_point now)
{
    std::string out;
    out.reserve(a.body.size() + 224);
    out += "HTTP/1.1 ";
    append_number(out, a.status);
    out += ' ';
    out += reason(a.status);
    out += "\r\nDate: ";
    append_date(out, now);
    out += "\r\n";
    if (!a.allow.empty()) {
        out += "Allow: ";
        out += a.allow;
        out += "\r\n";
    }
    if (a.status != 204) {
        out += "Content-Type: application/json; charset=utf-8\r\nContent-Length: ";
        append_number(out, a.body.size());
        out += "\r\n";
    }
    if (close) out += "Connection: close\r\n";
    out += "\r\n";
    if (a.status != 204) out += a.body;
    return out;
}

} // namespace watchers::rooms::sandbox::detail
