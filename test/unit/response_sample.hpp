// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/response_reader.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::test {

using detail::response;
using detail::response_limits;
using detail::response_reader;
using state = response_reader::state;

enum class ending
{
    open,    // the stream goes on
    clean,   // close_notify, or an end without TLS
    unclean, // FIN or RST beneath TLS
};

class sample
{
public:
    std::string what; // begins with the row in the table of faults
    std::string bytes;
    std::string expected; // see outcome_of
    ending end = ending::open;
    response_limits limits = {};
};

inline std::string name_of(errc e)
{
    switch (e) {
    case errc::malformed_response: return "malformed";
    case errc::response_too_large: return "too large";
    case errc::truncated_response: return "truncated";
    case errc::connection_lost: return "lost";
    default: return "unexpected error";
    }
}

// "200 [body] kept", "200 [body] dropped", either with " surplus" and the texts behind it; or "reading", or
// the error.
inline std::string outcome_of(const response_reader& reader, state s)
{
    if (s == state::reading) return "reading";
    if (s == state::failed) return name_of(reader.error());
    const response& r = reader.answer();
    std::string text =
        std::to_string(r.status) + " [" + r.body + "]" + (reader.reusable() ? " kept" : " dropped");
    if (reader.surplus()) text += " surplus";
    if (!r.retry_after.empty()) text += " retry-after=" + r.retry_after;
    if (!r.date.empty()) text += " date=" + r.date;
    if (!r.location.empty()) text += " location=" + r.location;
    if (!r.coding.empty()) text += " coding=" + r.coding;
    return text;
}

inline std::string read_in_pieces(const sample& s, const std::vector<std::size_t>& cuts)
{
    response_reader reader(s.limits);
    auto now = state::reading;
    std::size_t from = 0;
    for (const std::size_t cut : cuts) {
        // A copy of its own for each piece: what it leaves behind is caught by the address sanitizer.
        const std::vector<char> piece(s.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                      s.bytes.begin() + static_cast<std::ptrdiff_t>(cut));
        now = reader.feed({piece.data(), piece.size()});
        from = cut;
    }
    if (s.end != ending::open) now = reader.end(s.end == ending::clean);
    CHECK(reader.bytes() == s.bytes.size());
    CHECK(reader.started() == !s.bytes.empty());
    return outcome_of(reader, now);
}

inline void check(const sample& s)
{
    CAPTURE(s.what);
    const auto size = s.bytes.size();

    CHECK(read_in_pieces(s, {size}) == s.expected);

    std::vector<std::size_t> every;
    for (std::size_t i = 1; i <= size; ++i)
        every.push_back(i);
    CHECK(read_in_pieces(s, every) == s.expected);

    for (std::size_t cut = 0; cut <= size; ++cut) {
        const std::string outcome = read_in_pieces(s, {cut, size});
        if (outcome == s.expected) continue;
        CAPTURE(cut);
        CHECK(outcome == s.expected);
    }
}

inline void check(const std::vector<sample>& table)
{
    for (const sample& s : table)
        check(s);
}

inline std::string repeat(std::string_view text, std::size_t times)
{
    std::string all;
    for (std::size_t i = 0; i != times; ++i)
        all += text;
    return all;
}

inline response_limits limits(std::size_t header, std::size_t fields, std::size_t body)
{
    response_limits l;
    l.header = header;
    l.fields = fields;
    l.body = body;
    return l;
}

inline const std::string ok = "HTTP/1.1 200 OK\r\n";
inline const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
inline const std::string sized = ok + "Content-Length: 2\r\n\r\n{}";

} // namespace watchers::rooms::test
