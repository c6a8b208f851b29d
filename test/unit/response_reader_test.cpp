// SPDX-License-Identifier: BSL-1.0
#include "response_sample.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

TEST_CASE("response_reader answer_well_framed")
{
    check({
        {"plain", sized, "200 [{}] kept"},
        {"no reason phrase", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\n{}", "200 [{}] kept"},
        {"empty body", ok + "Content-Length: 0\r\n\r\n", "200 [] kept"},
        {"names in any case", ok + "cOnTeNt-LeNgTh:\t2 \r\n\r\n{}", "200 [{}] kept"},
        {"folded line", ok + "X-A: b\r\n  c\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] kept"},
        {"folded to nothing", ok + "X-A: b\r\n \r\nContent-Length:\r\n 2\r\n\r\n{}", "200 [{}] kept"},
        {"bytes above ASCII", ok + "X-A: \xFF\xFE\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] kept"},
        {"body of line ends", ok + "Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n",
         "200 [\r\n\r\n\r\n\r\n] kept"},
        {"one chunk", chunked + "2\r\n{}\r\n0\r\n\r\n", "200 [{}] kept"},
        {"chunks", chunked + "2\r\n{}\r\n00a\r\n0123456789\r\nB\r\nabcdefghijk\r\n000\r\n\r\n",
         "200 [{}0123456789abcdefghijk] kept"},
        {"chunks of line ends", chunked + "4\r\n\r\n\r\n\r\n04\r\n0\r\n\r\r\n0\r\n\r\n",
         "200 [\r\n\r\n0\r\n\r] kept"},
        {"no chunk", chunked + "0\r\n\r\n", "200 [] kept"},
        {"coding in capitals", ok + "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
         "200 [{}] kept"},
        {"identity asked for or not", ok + "Content-Encoding: Identity\r\nContent-Length: 2\r\n\r\n{}",
         "200 [{}] kept"},
        {"texts",
         "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nDate: now\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
         "429 [] kept retry-after=7 date=now location=/a"},
        {"texts twice", "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nRetry-After: 8\r\nContent-Length: 0\r\n\r\n",
         "429 [] kept retry-after=7"},
        {"time too long", ok + "Retry-After: " + repeat("1", 65) + "\r\nContent-Length: 0\r\n\r\n",
         "200 [] kept"},
        {"announced close", ok + "Connection: foo, Close\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] dropped"},
        {"announced keep-alive", ok + "Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
         "200 [{}] kept"},
        {"unfinished", ok + "Content-Length: 3\r\n\r\n{}", "reading"},
        {"nothing", "", "reading"},
    });
}

TEST_CASE("response_reader answer_cut_off")
{
    check({
        {"5, 6: nothing came, reset", "", "lost", ending::unclean},
        {"5, 6: nothing came, closed", "", "lost", ending::clean},
        {"7: reset in the status line", "HTTP/1.1 2", "truncated", ending::unclean},
        {"7: reset in the fields", ok + "Content-Le", "truncated", ending::unclean},
        {"7: reset after the fields", ok + "Content-Length: 2\r\n\r\n", "truncated", ending::unclean},
        {"7: closed in the fields", ok + "Content-Le", "truncated", ending::clean},
        {"7: closed after a 1xx", "HTTP/1.1 100 Continue\r\n\r\n", "truncated", ending::clean},
        {"9: half-closed after the answer", sized, "200 [{}] dropped", ending::clean},
        {"12: body shorter than announced", ok + "Content-Length: 3\r\n\r\n{}", "truncated", ending::clean},
        {"13: last chunk missing", chunked + "2\r\n{}\r\n", "truncated", ending::clean},
        {"13: last chunk's line end missing", chunked + "2\r\n{}\r\n0\r\n", "truncated", ending::clean},
        {"13: chunk cut", chunked + "3\r\n{}", "truncated", ending::clean},
        {"13: trailer cut", chunked + "2\r\n{}\r\n0\r\nX: y\r\n", "truncated", ending::clean},
        {"20: framed and complete", sized, "200 [{}] dropped", ending::unclean},
        {"20: framed by chunks and complete", chunked + "2\r\n{}\r\n0\r\n\r\n", "200 [{}] dropped",
         ending::unclean},
        {"20: framed by the end, unclean", ok + "\r\n{}", "truncated", ending::unclean},
        {"36: framed by the end, clean", ok + "\r\n{}", "200 [{}] dropped", ending::clean},
        {"36: framed by the end, empty", ok + "\r\n", "200 [] dropped", ending::clean},
        {"36: framed by the end, unfinished", ok + "Connection: keep-alive\r\n\r\n{}", "reading"},
    });
}

// Row 89: what is taken although RFC 9112 would allow or ask to refuse it, or the parser would, and what is
// not.
TEST_CASE("fault_89 response_reader leniencies_and_refusals")
{
    const auto line = [](std::string_view status_line) {
        return std::string(status_line) + "\r\nContent-Length: 0\r\n\r\n";
    };
    const auto field = [](std::string_view f) {
        return ok + std::string(f) + "\r\nContent-Length: 0\r\n\r\n";
    };
    const std::string kept = "200 [] kept";
    check({
        // The version (RFC 9110, 2.5: a higher minor version is read as the highest that is known)
        {"89: HTTP/1.2", line("HTTP/1.2 200 OK"), kept},
        {"89: HTTP/1.9", line("HTTP/1.9 200 OK"), kept},
        {"89: HTTP/1.2, no blank, no reason", line("HTTP/1.2 200"), kept},
        {"89: HTTP/1.2 with chunks", "HTTP/1.2 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kept},
        {"89: HTTP/1.2 closes", "HTTP/1.2 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
         "200 [] dropped"},
        {"89: 1xx of HTTP/1.2", "HTTP/1.2 100\r\n\r\n" + line("HTTP/1.1 200 OK"), kept},
        {"89: HTTP/1.0", line("HTTP/1.0 200"), "200 [] dropped"},
        {"89: HTTP/1.10", line("HTTP/1.10 200 OK"), "malformed"},
        {"89: HTTP/1.21", line("HTTP/1.21 200 OK"), "malformed"},
        {"89: HTTP/1.x", line("HTTP/1.x 200 OK"), "malformed"},
        {"89: HTTP/1", line("HTTP/1 200 OK"), "malformed"},
        {"89: HTTP/1.", line("HTTP/1. 200 OK"), "malformed"},
        {"89: HTTP/01.1", line("HTTP/01.1 200 OK"), "malformed"},
        {"89: HTTP/0.9", line("HTTP/0.9 200 OK"), "malformed"},
        {"89: HTTP/2.0", line("HTTP/2.0 200 OK"), "malformed"},
        {"89: HTTP/3", line("HTTP/3 200 OK"), "malformed"},
        {"89: lower case", line("http/1.1 200 OK"), "malformed"},
        {"89: a blank in front", line(" HTTP/1.1 200 OK"), "malformed"},
        {"89: an empty line in front", "\r\n" + line("HTTP/1.1 200 OK"), "malformed"},
        // The status (RFC 9112, 4: three digits between blanks)
        {"89: no blank, no reason", line("HTTP/1.1 200"), kept},
        {"89: no blank, no reason, no field", "HTTP/1.1 204\r\n\r\n", "204 [] kept"},
        {"89: a blank, no reason", line("HTTP/1.1 200 "), kept},
        {"89: two digits", line("HTTP/1.1 20"), "malformed"},
        {"89: two digits and a reason", line("HTTP/1.1 20 OK"), "malformed"},
        {"89: four digits", line("HTTP/1.1 2000"), "malformed"},
        {"89: four digits and a reason", line("HTTP/1.1 2000 OK"), "malformed"},
        {"89: no status", line("HTTP/1.1"), "malformed"},
        {"89: no status, a blank", line("HTTP/1.1 "), "malformed"},
        {"89: two blanks before the status", line("HTTP/1.1  200 OK"), "malformed"},
        {"89: a tab before the status", line("HTTP/1.1\t200 OK"), "malformed"},
        {"89: a tab behind the status", line("HTTP/1.1 200\tOK"), "malformed"},
        {"89: a sign", line("HTTP/1.1 +20 OK"), "malformed"},
        {"89: not decimal", line("HTTP/1.1 0xC OK"), "malformed"},
        // The reason, which nobody reads (RFC 9112, 4)
        {"89: two blanks before the reason", line("HTTP/1.1 200  OK"), kept},
        {"89: a tab in the reason", line("HTTP/1.1 200 O\tK"), kept},
        {"89: bytes beyond ASCII in the reason", line("HTTP/1.1 200 \xC3\x96\xFF"), kept},
        {"89: a control character in the reason", line("HTTP/1.1 200 O\x1BK"), "malformed"},
        {"89: DEL in the reason", line("HTTP/1.1 200 O\x7FK"), "malformed"},
        {"89: NUL in the reason", line(std::string_view("HTTP/1.1 200 O\0K", 16)), "malformed"},
        {"89: a bare CR in the reason", line("HTTP/1.1 200 O\rK"), "malformed"},
        // Line ends and fields (RFC 9112, 2.2 and 5)
        {"89: bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "malformed"},
        {"89: bare LF, no reason", "HTTP/1.1 200\nContent-Length: 0\n\n", "malformed"},
        {"89: bare LF at the end alone", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", "malformed"},
        {"89: a field goes on in the next line", field("X: a\r\n b"), kept},
        {"89: the first line of fields goes on nothing", field(" X: a"), "malformed"},
        {"89: a blank before the colon", field("X : a"), "malformed"},
        {"89: a tab before the colon", field("X\t: a"), "malformed"},
        {"89: no name", field(": a"), "malformed"},
        {"89: no colon", field("X a"), "malformed"},
        {"89: a blank in a name", field("X Y: a"), "malformed"},
        {"89: no value", field("X:"), kept},
        {"89: no blank behind the colon", field("X:a"), kept},
        {"89: bytes beyond ASCII in a value", field("X: \xC3\x96\xFF"), kept},
        {"89: a control character in a value", field("X: a\x01"), "malformed"},
        {"89: bytes beyond ASCII in a name", field("\xC3\x96: a"), "malformed"},
    });
}

// Rows 22 and 23.
TEST_CASE("response_reader status_line_refused")
{
    check({
        {"22: garbage", "garbage", "malformed"},
        {"22: another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "malformed"},
        {"22: TLS alert", std::string("\x15\x03\x01\x00\x02", 5), "malformed"},
        {"22: empty line", "\r\n" + sized, "malformed"},
        {"22: HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"22: lower case", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"22: no status", "HTTP/1.1 OK\r\n\r\n", "malformed"},
        {"22: status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "malformed"},
        {"22: status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "malformed"},
        {"22: no space behind the version", "HTTP/1.1200 OK\r\n\r\n", "malformed"},
        {"22: control character in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", "malformed"},
        {"22: bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "malformed"},
        {"23: status 000", "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"23: status 099", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"23: status 600", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"23: status 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"23: status 599 is one", "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", "599 [] kept"},
    });
}

// Row 44.
TEST_CASE("response_reader fields_refused")
{
    check({
        {"no colon", ok + "Content-Length 0\r\n\r\n", "malformed"},
        {"no name", ok + ": 0\r\n\r\n", "malformed"},
        {"blank before the colon", ok + "Content-Length : 0\r\n\r\n", "malformed"},
        {"blank before the first field", ok + " X: y\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"NUL in a value", ok + std::string("X: a\0b\r\n\r\n", 10), "malformed"},
        {"bare CR in a value", ok + "X: a\rb\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"bare CR at a line's end", ok + "X: a\r\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"bare LF", ok + "X: a\nContent-Length: 0\r\n\r\n", "malformed"},
    });
}

TEST_CASE("fault_72 response_reader content_coding_that_was_not_accepted")
{
    const auto with = [](std::string_view codings) {
        return ok + std::string(codings) + "Content-Length: 2\r\n\r\n{}";
    };
    const std::string half(40, 'x');
    check({
        {"72: gzip", with("Content-Encoding: gzip\r\n"), "200 [] dropped coding=gzip"},
        {"72: the name is the server's", with("content-encoding: GZip \r\n"), "200 [] dropped coding=GZip"},
        {"72: identity", with("Content-Encoding: IDENTITY\r\n"), "200 [{}] kept"},
        {"72: empty", with("Content-Encoding:\r\n"), "200 [{}] kept"},
        {"72: a comma alone", with("Content-Encoding: ,\r\n"), "200 [{}] kept"},
        {"72: identity twice", with("Content-Encoding: identity, identity\r\n"), "200 [{}] kept"},
        {"72: identity and another", with("Content-Encoding: identity, br\r\n"), "200 [] dropped coding=br"},
        {"72: several", with("Content-Encoding: gzip ,\tbr\r\n"), "200 [] dropped coding=gzip, br"},
        {"72: in two fields", with("Content-Encoding: identity\r\nContent-Encoding: br\r\n"),
         "200 [] dropped coding=br"},
        {"72: each in a field", with("Content-Encoding: gzip\r\nContent-Encoding: br\r\n"),
         "200 [] dropped coding=gzip, br"},
        {"72: long names are cut", with("Content-Encoding: " + half + ", " + half + "\r\n"),
         "200 [] dropped coding=" + half + ", " + half.substr(0, 22)},
        {"72: of an error", "HTTP/1.1 503 No\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1F\x8B",
         "503 [] dropped coding=gzip"},
        {"72: in chunks",
         ok + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x1F\x8B\r\n0\r\n\r\n",
         "200 [] dropped coding=gzip"},
        {"72: until the end", ok + "Content-Encoding: gzip\r\n\r\n\x1F\x8B", "200 [] dropped coding=gzip",
         ending::clean},
        {"72: cut short", ok + "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1F\x8B", "truncated",
         ending::clean},
        {"72: 204 has no body", "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", "204 [] kept"},
        {"72: of a 1xx", "HTTP/1.1 103 Hints\r\nContent-Encoding: gzip\r\n\r\n" + with(""), "200 [{}] kept"},
    });
}

TEST_CASE("response_reader framing_refused")
{
    const auto with = [](std::string_view fields) {
        return ok + std::string(fields) + "\r\n2\r\n{}\r\n0\r\n\r\n";
    };
    check({
        {"26: length, then coding", with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), "malformed"},
        {"26: coding, then length", with("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"), "malformed"},
        {"26: other coding, then length", with("Transfer-Encoding: gzip\r\nContent-Length: 2\r\n"),
         "malformed"},
        {"26: zero length, then coding", with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
         "malformed"},
        {"27: gzip", with("Transfer-Encoding: gzip\r\n"), "malformed"},
        {"27: gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n"), "malformed"},
        {"27: chunked, gzip", with("Transfer-Encoding: chunked, gzip\r\n"), "malformed"},
        {"27: chunked, chunked", with("Transfer-Encoding: chunked, chunked\r\n"), "malformed"},
        {"27: chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         "malformed"},
        {"27: in two fields", with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), "malformed"},
        {"27: identity", with("Transfer-Encoding: identity\r\n"), "malformed"},
        {"27: xchunked", with("Transfer-Encoding: xchunked\r\n"), "malformed"},
        {"27: quoted", with("Transfer-Encoding: \"chunked\"\r\n"), "malformed"},
        {"27: parameter", with("Transfer-Encoding: chunked;a=b\r\n"), "malformed"},
        {"27: leading comma", with("Transfer-Encoding: , chunked\r\n"), "malformed"},
        {"27: empty", with("Transfer-Encoding:\r\n"), "malformed"},
        {"28: conflicting", with("Content-Length: 2\r\nContent-Length: 3\r\n"), "malformed"},
        {"28: conflicting list", with("Content-Length: 2, 3\r\n"), "malformed"},
        {"28: equal", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] kept"},
        {"28: equal list", ok + "Content-Length: 2, 2\r\n\r\n{}", "200 [{}] kept"},
        {"28: -1", with("Content-Length: -1\r\n"), "malformed"},
        {"28: +3", with("Content-Length: +3\r\n"), "malformed"},
        {"28: 2^64", with("Content-Length: 18446744073709551616\r\n"), "malformed"},
        {"28: 2^64 + 2", with("Content-Length: 18446744073709551618\r\n"), "malformed"},
        {"28: 30 digits", with("Content-Length: 100000000000000000000000000002\r\n"), "malformed"},
        {"28: 0x2", with("Content-Length: 0x2\r\n"), "malformed"},
        {"28: 2 2", with("Content-Length: 2 2\r\n"), "malformed"},
        {"28: 2;a", with("Content-Length: 2;a\r\n"), "malformed"},
        {"28: 2,", with("Content-Length: 2,\r\n"), "malformed"},
        {"28: empty", with("Content-Length:\r\n"), "malformed"},
        {"28: letters", with("Content-Length: two\r\n"), "malformed"},
        {"35: 1.0 with chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "malformed"},
    });
}

TEST_CASE("response_reader chunks_refused")
{
    check({
        {"no size", chunked + "\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"size -2", chunked + "-2\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"size 0x2", chunked + "0x2\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"size g", chunked + "g\r\n", "malformed"},
        {"size 2^64 + 2", chunked + "10000000000000002\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"bare LF behind the size", chunked + "2\n{}\r\n0\r\n\r\n", "malformed"},
        {"bare CR behind the size", chunked + "2\r{}\r\n0\r\n\r\n", "malformed"},
        {"longer than its size", chunked + "2\r\n{}}\r\n0\r\n\r\n", "malformed"},
        {"shorter than its size", chunked + "3\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"bare LF behind the data", chunked + "2\r\n{}\n0\r\n\r\n", "malformed"},
        {"extension without name", chunked + "2;=a\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"extension not closed", chunked + "2;a=\"b\r\n{}\r\n0\r\n\r\n", "malformed"},
        {"extension that closes behind the line", chunked + "2;a=\"b\r\n\"}\r\n0\r\n\r\n", "malformed"},
        {"last extension not closed", chunked + "0;a=\"b\r\n\r\n", "malformed"},
        {"37: trailer without colon", chunked + "0\r\nX y\r\n\r\n", "malformed"},
        {"37: trailer without name", chunked + "0\r\n: y\r\n\r\n", "malformed"},
        {"37: trailer with a control character", chunked + "0\r\nX: \x01\r\n\r\n", "malformed"},
        {"37: trailer with a bare LF", chunked + "0\r\nX: y\n\r\n", "malformed"},
    });
}

// Rows 37 and 38.
TEST_CASE("response_reader trailers_and_extensions_ignored")
{
    const auto trailed = [](std::string_view trailer) {
        return chunked + "2\r\n{}\r\n0\r\n" + std::string(trailer) + "\r\n";
    };
    check({
        {"37: Retry-After", trailed("Retry-After: 9\r\n"), "200 [{}] kept"},
        {"37: Connection", trailed("Connection: close\r\n"), "200 [{}] kept"},
        {"37: Connection, the other way",
         ok + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: keep-alive\r\n\r\n",
         "200 [] dropped"},
        {"37: Content-Length", trailed("Content-Length: 7\r\n"), "200 [{}] kept"},
        {"37: Transfer-Encoding", trailed("Transfer-Encoding: gzip\r\n"), "200 [{}] kept"},
        {"37: Content-Encoding", trailed("Content-Encoding: gzip\r\n"), "200 [{}] kept"},
        {"37: several, one folded", trailed("Location: /a\r\nX: y\r\n z\r\nDate: now\r\n"), "200 [{}] kept"},
        {"37: surplus behind it", trailed("X: y\r\n") + "\r\n", "200 [{}] dropped surplus"},
        {"38: extensions", chunked + "2;a;b=c ; d=\"e;\\\"f\"\r\n{}\r\n0;last\r\n\r\n", "200 [{}] kept"},
    });
}

// Row 30.
TEST_CASE("response_reader informational_skipped")
{
    const std::string hints =
        "HTTP/1.1 103 Early Hints\r\nConnection: close\r\nRetry-After: 5\r\nLocation: /x\r\n\r\n";
    check({
        {"30: one", "HTTP/1.1 100 Continue\r\n\r\n" + sized, "200 [{}] kept"},
        {"30: its fields do not count", hints + sized, "200 [{}] kept"},
        {"30: eight", repeat(hints, 8) + sized, "200 [{}] kept"},
        {"30: nine", repeat(hints, 9) + sized, "malformed"},
        {"30: 101", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + sized,
         "malformed"},
        {"30: the fields of each are counted by themselves", repeat(hints, 2) + sized, "200 [{}] kept",
         ending::open, limits(256, 3, 8)},
    });
}

// Row 31.
TEST_CASE("response_reader bodiless_status")
{
    check({
        {"31: 204", "HTTP/1.1 204 No Content\r\n\r\n", "204 [] kept"},
        {"31: 204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
         "204 [] dropped surplus"},
        {"31: 204 with a body to come", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
         "204 [] dropped"},
        {"31: 204 with chunks to come", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
         "204 [] dropped"},
        {"31: 204 of length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 [] kept"},
        {"31: 304 tells a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999999\r\n\r\n",
         "304 [] dropped"},
        {"31: 304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n{}",
         "304 [] dropped surplus"},
    });
}

TEST_CASE("response_reader connection_kept_or_dropped")
{
    check({
        {"33, 34: line end behind the answer", sized + "\r\n", "200 [{}] dropped surplus"},
        {"33, 34: another answer behind it", sized + sized, "200 [{}] dropped surplus"},
        {"34: behind chunks", chunked + "0\r\n\r\n0", "200 [] dropped surplus"},
        {"34: surplus, then the end", sized + "x", "200 [{}] dropped surplus", ending::unclean},
        {"35: 1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] dropped"},
        {"35: 1.0 with keep-alive",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] dropped"},
        {"35: 1.0 until the end", "HTTP/1.0 200 OK\r\n\r\n{}", "200 [{}] dropped", ending::clean},
        {"36: close", ok + "Connection: close\r\nContent-Length: 2\r\n\r\n{}", "200 [{}] dropped"},
        {"36: close and keep-alive", ok + "Connection: close, keep-alive\r\nContent-Length: 2\r\n\r\n{}",
         "200 [{}] dropped"},
        {"39: redirect", "HTTP/1.1 302 Found\r\nLocation: https://b/\r\nContent-Length: 0\r\n\r\n",
         "302 [] kept location=https://b/"},
    });
}

TEST_CASE("response_reader reset_forgets_everything")
{
    response_reader reader{response_limits()};
    const std::vector<std::function<void()>> befores{
        [&] { reader.feed("HTTP/1.1 2"); },
        [&] { reader.feed("nonsense"); },
        [&] { reader.feed(ok + "Content-Length: 5\r\n\r\n{"); },
        [&] { reader.feed(chunked + "5\r\n{"); },
        [&] { reader.feed(chunked + "2\r\n{}\r\n0\r\nX: "); },
        [&] {
            reader.feed("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nDate: d\r\nLocation: l\r\n" +
                        sized.substr(17) + "x");
        },
        [&] { reader.feed(repeat("HTTP/1.1 100 Continue\r\n\r\n", 8)); },
        [&] { reader.feed(sized), reader.end(true); },
        [&] { reader.end(false); },
    };
    for (std::size_t i = 0; i != befores.size(); ++i) {
        CAPTURE(i);
        befores[i]();

        reader.reset();

        CHECK_FALSE(reader.started());
        CHECK_FALSE(reader.surplus());
        CHECK_FALSE(reader.reusable());
        CHECK(reader.bytes() == 0);
        reader.feed("HTTP/1.1 100 Continue\r\n\r\n");
        CHECK(outcome_of(reader, reader.feed(sized)) == "200 [{}] kept");
        CHECK(reader.answer().header_bytes == sized.size() - 2);
    }
}
