// SPDX-License-Identifier: BSL-1.0
#include "response_sample.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

TEST_CASE("fault_72 response_reader body_in_a_content_coding_counts_against_the_limits")
{
    response_limits narrow;
    narrow.body = 4;
    check({
        {"72: announced", ok + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", "too large",
         ending::open, narrow},
        {"72: in chunks",
         ok + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
         "too large", ending::open, narrow},
        {"72: within", ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n1234",
         "200 [] dropped coding=gzip", ending::open, narrow},
    });
}

TEST_CASE("response_reader limits_exact")
{
    const std::string length = "Content-Length: 2\r\n";
    const auto padded = [&](std::size_t header) { // to so many bytes
        const auto rest = ok.size() + length.size() + std::string_view("X: \r\n\r\n").size();
        return ok + length + "X: " + std::string(header - rest, 'x') + "\r\n\r\n{}";
    };
    const auto endless = ok + "X: " + std::string(300, 'x');
    const auto fields = [&](std::size_t count) {
        return ok + length + repeat("X: y\r\n", count - 1) + "\r\n{}";
    };
    const auto trailer = [&](std::size_t all) { // header and trailer of so many bytes
        return chunked + "0\r\nX: " + std::string(all - chunked.size() - 7, 'x') + "\r\n\r\n";
    };
    const auto small = limits(256, 4, 8);
    check({
        {"24: header at the limit", padded(256), "200 [{}] kept", ending::open, small},
        {"24: header one byte beyond", padded(257), "too large", ending::open, small},
        {"24: fields at the limit", fields(4), "200 [{}] kept", ending::open, small},
        {"24: one field too many", fields(5), "too large", ending::open, small},
        {"25: header that never ends", endless, "too large", ending::open, small},
        {"25: fields that never end", ok + repeat("X: y\r\n", 20), "too large", ending::open, small},
        {"28: limit, but first of all no number", ok + "Content-Length: 9x\r\n\r\n", "malformed",
         ending::open, small},
        {"29: body at the limit", ok + "Content-Length: 8\r\n\r\n12345678", "200 [12345678] kept",
         ending::open, small},
        {"29: announced beyond", ok + "Content-Length: 9\r\n\r\n", "too large", ending::open, small},
        {"29: announced 2^64 - 1", ok + "Content-Length: 18446744073709551615\r\n\r\n", "too large",
         ending::open, small},
        {"29: chunk beyond", chunked + "9\r\n", "too large", ending::open, small},
        {"29: chunk of 2^64 - 1", chunked + "1\r\n{\r\nffffffffffffffff\r\n", "too large", ending::open,
         small},
        {"29: chunks at the limit", chunked + "4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n", "200 [12345678] kept",
         ending::open, small},
        {"29: chunks beyond", chunked + "4\r\n1234\r\n5\r\n", "too large", ending::open, small},
        {"29: until the end, at the limit", ok + "\r\n12345678", "200 [12345678] dropped", ending::clean,
         small},
        {"29: until the end, beyond", ok + "\r\n123456789", "too large", ending::clean, small},
        {"37: trailer at the limit", trailer(256), "200 [] kept", ending::open, small},
        {"37: trailer beyond", trailer(257), "too large", ending::open, small},
        {"37: trailer that never ends", chunked + "0\r\nX: " + std::string(300, 'x'), "too large",
         ending::open, small},
        {"37: trailer of too many lines", chunked + "0\r\n" + repeat("X: y\r\n", 4), "too large",
         ending::open, small},
        {"38: extension beyond", chunked + "2;a=" + std::string(300, 'x'), "too large", ending::open, small},
    });
}

// Row 38.
TEST_CASE("response_reader wire_bytes_bounded")
{
    // 38: small chunks with large extensions, within every other limit.
    const auto most = limits(1024, 4, 1000);
    const std::string chunk = "1;" + std::string(900, 'x') + "\r\n{\r\n";
    const std::string end = "0\r\n\r\n";
    const auto chunks = static_cast<std::size_t>(most.wire()) / chunk.size() - 1;
    const std::string many = repeat(chunk, chunks);
    const std::string body = repeat("{", chunks);
    const auto left = static_cast<std::size_t>(most.wire()) - many.size();
    const auto extended = [](std::size_t size,
                             std::string_view data) { // a chunk of so many bytes on the wire
        const std::string length = data.size() == 1 ? "1;" : "258;";
        return length + std::string(size - length.size() - data.size() - 4, 'x') + "\r\n" +
               std::string(data) + "\r\n";
    };
    class exact
    {
    public:
        std::string what;
        std::string last;
        std::string expected;
    };
    const std::vector<exact> table{
        {"at the limit", extended(left - 800, "{") + extended(800 - end.size(), "{"),
         "200 [" + body + "{{] kept"},
        {"one byte beyond", extended(left - 800, "{") + extended(801 - end.size(), "{"), "too large"},
        {"beyond inside of a chunk", extended(left - 500, "{") + extended(700, std::string(600, '{')),
         "too large"},
    };
    for (const exact& e : table) {
        CAPTURE(e.what);
        const std::string bytes = chunked + many + e.last + end;
        for (const std::size_t piece : {std::size_t(1), std::size_t(7), chunk.size(), bytes.size()}) {
            CAPTURE(piece);
            response_reader reader(most);
            for (int round = 0; round != 2; ++round) { // each answer is counted by itself
                CAPTURE(round);
                reader.reset();
                auto now = state::reading;
                for (std::size_t at = 0; at < bytes.size(); at += piece)
                    now = reader.feed(std::string_view(bytes).substr(at, piece));
                CHECK(outcome_of(reader, now) == e.expected);
            }
        }
    }
}

TEST_CASE("response_reader memory_follows_what_came")
{
    response_reader reader{response_limits()};

    SUBCASE("29: an announced length allocates little")
    {
        reader.feed(ok + "Content-Length: 1048576\r\n\r\n{");
        CHECK(reader.answer().body.capacity() < 70 * 1024);
    }
    SUBCASE("29: one beyond the limit allocates nothing")
    {
        const auto before = reader.answer().body.capacity();
        CHECK(outcome_of(reader, reader.feed(ok + "Content-Length: 1048577\r\n\r\n")) == "too large");
        CHECK(reader.answer().body.capacity() == before);
    }
    SUBCASE("a large body's memory is not kept")
    {
        reader.feed(ok + "Content-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
        CHECK(reader.answer().body.size() == 1'000'000);
        reader.reset();
        CHECK(reader.answer().body.capacity() < 1024);
    }
    SUBCASE("a small body's memory is kept")
    {
        reader.feed(ok + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
        reader.reset();
        CHECK(reader.answer().body.capacity() >= 1000);
    }
    SUBCASE("a long location is cut")
    {
        reader.feed(ok + "Location: " + std::string(2000, 'x') + "\r\nContent-Length: 0\r\n\r\n");
        CHECK(reader.answer().location.size() == response::longest_text);
    }
}

TEST_CASE("response_reader limits_of_config")
{
    config c{credentials("key", "token")};
    c.max_response_header = 300;
    c.max_response_fields = 7;
    c.max_response_body = 9;

    const response_limits l(c);

    CHECK(l.header == 300);
    CHECK(l.fields == 7);
    CHECK(l.body == 9);
    CHECK(l.wire() == 2 * 9 + 64 * 1024);
}
