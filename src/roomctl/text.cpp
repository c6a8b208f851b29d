// SPDX-License-Identifier: BSL-1.0
#include "text.hpp"

#include <watchers/rooms/is_printable.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>

namespace roomctl {

namespace rooms = watchers::rooms;

namespace {

struct code_point
{
    char32_t value;
    std::size_t size;
};

// The code point at the front; empty if the bytes are no well-formed UTF-8.
std::optional<code_point> front(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return code_point{lead, 1};

    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return std::nullopt;
    char32_t value = lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) return std::nullopt;
        value = (value << 6U) | (byte(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return std::nullopt;
    return code_point{value, size};
}

bool is_printable(std::string_view text) noexcept
{
    while (!text.empty()) {
        const auto c = front(text);
        if (!c || !rooms::is_printable(c->value)) return false;
        text.remove_prefix(c->size);
    }
    return true;
}

std::string formatted(const char* format, unsigned value)
{
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), format, value);
    return buffer.data();
}

std::string quote_with_escapes(std::string_view text)
{
    std::string out = "$'";
    while (!text.empty()) {
        const auto c = front(text);
        const std::size_t size = c ? c->size : 1;
        const bool as_it_is = c && rooms::is_printable(c->value);
        for (const char byte : text.substr(0, size)) {
            if (!as_it_is)
                out += formatted("\\x%02x", static_cast<unsigned char>(byte));
            else if (byte == '\'' || byte == '\\')
                out += std::string("\\") + byte;
            else
                out += byte;
        }
        text.remove_prefix(size);
    }
    return out + '\'';
}

std::string hour_of_day(watchers::rooms::time_point t, char separator, bool always_milliseconds)
{
    using namespace std::chrono;
    const auto midnight = floor<days>(t);
    const year_month_day date(midnight);
    const hh_mm_ss time(t - midnight);
    std::array<char, 64> buffer{};
    const int size =
        std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02u%c%02d:%02d:%02d",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), separator, static_cast<int>(time.hours().count()),
                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    std::string text(buffer.data(), static_cast<std::size_t>(size));
    const auto rest = static_cast<unsigned>(time.subseconds().count());
    if (always_milliseconds || rest != 0) text += formatted(".%03u", rest);
    return text;
}

} // namespace

std::string escape(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto c = front(text);
        if (!c) {
            out += formatted("\\x%02x", static_cast<unsigned char>(text.front()));
        } else if (c->value == '\n') {
            out += "\\n";
        } else if (c->value == '\r') {
            out += "\\r";
        } else if (c->value == '\t') {
            out += "\\t";
        } else if (c->value == '\\') {
            out += "\\\\";
        } else if (rooms::is_printable(c->value)) {
            out += text.substr(0, c->size);
        } else if (c->value < 0x80) {
            out += formatted("\\x%02x", c->value);
        } else {
            out += formatted(c->value > 0xffff ? "\\U%08x" : "\\u%04x", c->value);
        }
        text.remove_prefix(c ? c->size : 1);
    }
    return out;
}

std::string escape_json(std::string_view json)
{
    std::string out;
    out.reserve(json.size());
    while (!json.empty()) {
        const auto c = front(json);
        if (!c) {
            out += "\\ufffd";
        } else if (rooms::is_printable(c->value)) {
            out += json.substr(0, c->size);
        } else if (c->value > 0xffff) {
            const unsigned above = c->value - 0x10000U;
            out += formatted("\\u%04x", 0xd800U + (above >> 10U));
            out += formatted("\\u%04x", 0xdc00U + (above & 0x3ffU));
        } else {
            out += formatted("\\u%04x", c->value);
        }
        json.remove_prefix(c ? c->size : 1);
    }
    return out;
}

std::string shell_quote(std::string_view text)
{
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+=,";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
    if (!is_printable(text)) return quote_with_escapes(text);
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

std::string with_thousands(std::uint64_t n)
{
    std::string text = std::to_string(n);
    for (std::size_t i = text.size(); i > 3;) {
        i -= 3;
        text.insert(i, 1, ',');
    }
    return text;
}

std::string to_text(std::chrono::nanoseconds d)
{
    auto value = static_cast<double>(d.count());
    const char* unit = "ns";
    if (value >= 999.5e6) {
        value /= 1e9;
        unit = "s";
    } else if (value >= 999.5e3) {
        value /= 1e6;
        unit = "ms";
    } else {
        value /= 1e3;
        unit = "us";
    }
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    std::array<char, 48> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.*f %s", digits, value, unit);
    return buffer.data();
}

std::string to_text(watchers::rooms::time_point t) { return hour_of_day(t, ' ', false) + " UTC"; }

std::string to_iso_text(watchers::rooms::time_point t) { return hour_of_day(t, 'T', true) + "Z"; }

} // namespace roomctl
