// SPDX-License-Identifier: BSL-1.0

// The table of faults: what one attempt makes of the answers a server can give.

#include "faults.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

std::string chunked(const std::string& tail = "0\r\n\r\n", const std::string& version = "HTTP/1.1")
{
    return version + " 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n" + good_body + "\r\n" + tail;
}

std::string repeat(const std::string& text, int times)
{
    std::string all;
    for (int i = 0; i < times; ++i)
        all += text;
    return all;
}

std::string nested(int depth) { return R"({"a":)" + repeat("[", depth - 1) + repeat("]", depth - 1) + "}"; }

void room_is_read(const outcome& o) { CHECK(o.room.name() == "Room"); }
void noted(const outcome& o) { CHECK_FALSE(o.diagnostics.note().empty()); }

} // namespace

TEST_CASE("fault_the_answer_is_cut")
{
    const std::string body_21 = answer("200 OK", "Content-Length: 100\r\n");
    check_all({
        {"7 reset", fault::reset_mid(), op::voice, errc::truncated_response, effect::unknown,
         fate::discarded},
        {"7 reset, get", fault::reset_mid(), op::get, errc::truncated_response, effect::none,
         fate::discarded},
        {"7 reset in the head", fault::reset_mid().cut(20), op::create, errc::truncated_response,
         effect::unknown, fate::discarded},
        {"12 short body", fault::truncate(), op::create, errc::truncated_response, effect::unknown,
         fate::discarded},
        {"12 short body, no close_notify", fault::raw(body_21).close(), op::get, errc::truncated_response,
         effect::none, fate::discarded},
        {"12 only the head",
         fault::raw(answer("200 OK", "Content-Length: 9\r\n", "")).close().close_notify(true), op::get,
         errc::truncated_response, effect::none, fate::discarded},
        {"13 no last chunk", fault::raw(chunked("")).close().close_notify(true), op::status,
         errc::truncated_response, effect::unknown, fate::discarded},
        {"13 no end of the trailer", fault::raw(chunked("0\r\n")).close().close_notify(true), op::status,
         errc::truncated_response, effect::unknown, fate::discarded},
        {"20 EOF-framed without close_notify", fault::raw(answer("200 OK")).close(), op::get,
         errc::truncated_response, effect::none, fate::discarded},
        {"25 headers stall", fault::raw("HTTP/1.1 200 OK\r\nX: y\r\n").then_stall(), op::voice,
         errc::response_timeout, effect::unknown, fate::discarded, short_attempts},
    });
}

TEST_CASE("fault_the_answer_is_slow")
{
    check_all({
        {"10 trickle", fault::trickle(5ms), op::voice, errc::response_timeout, effect::unknown,
         fate::discarded, short_attempts,
         [](const outcome& o) { CHECK(o.diagnostics.phase() == rooms::phase::read); }},
        {"10 stall", fault::stall(), op::create, errc::response_timeout, effect::unknown, fate::discarded,
         short_attempts, [](const outcome& o) { CHECK(o.diagnostics.phase() == rooms::phase::wait); }},
        {"10 stall, get", fault::stall(), op::get, errc::response_timeout, effect::none, fate::discarded,
         short_attempts},
        {"10 in time", fault::delay(5ms), op::voice, {}, effect::applied, fate::kept},
    });
}

TEST_CASE("fault_the_framing_is_wrong")
{
    const auto malformed = [](const char* row, const std::string& bytes) {
        return fault_case{
            row, fault::raw(bytes), op::voice, errc::malformed_response, effect::unknown, fate::discarded};
    };
    const auto large = [](const char* row, const std::string& bytes) {
        return fault_case{row,          fault::raw(bytes), op::get, errc::response_too_large,
                          effect::none, fate::discarded};
    };
    check_all({
        malformed("22 garbage", "!\x01 no HTTP\r\n\r\n"),
        {"22 garbage, get", fault::garbage(), op::get, errc::malformed_response, effect::none,
         fate::discarded},
        malformed("22 HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        malformed("23 status 099", answer("099 Low", length(good_body))),
        malformed("23 status 999", answer("999 High", length(good_body))),
        malformed("23 status 1000", answer("1000 Higher", length(good_body))),
        large("24 9 KiB of header", ok(good_body, "X: " + std::string(9 * 1024, 'x') + "\r\n")),
        large("24 1,501 fields", ok(good_body, repeat("a:\r\n", 1501))),
        large("25 headers without end", "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')),
        malformed("26 length and coding",
                  "HTTP/1.1 200 OK\r\nContent-Length: 28\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "1c\r\n" +
                      good_body + "\r\n0\r\n\r\n"),
        malformed("26 coding and length",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 28\r\n\r\n"
                  "1c\r\n" +
                      good_body + "\r\n0\r\n\r\n"),
        malformed("27 gzip, chunked", answer("200 OK", "Transfer-Encoding: gzip, chunked\r\n")),
        malformed("27 identity", answer("200 OK", "Transfer-Encoding: identity\r\n")),
        malformed("27 twice",
                  answer("200 OK", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
        malformed("28 conflicting", answer("200 OK", "Content-Length: 28\r\nContent-Length: 29\r\n")),
        malformed("28 negative", answer("200 OK", "Content-Length: -1\r\n")),
        malformed("28 signed", answer("200 OK", "Content-Length: +28\r\n")),
        malformed("28 2^64", answer("200 OK", "Content-Length: 18446744073709551616\r\n")),
        {"28 equal duplicates",
         fault::raw(ok(good_body, length(good_body))),
         op::get,
         {},
         effect::none,
         fate::kept,
         nullptr,
         room_is_read},
        large("29 huge length", answer("200 OK", "Content-Length: 9000000000000000000\r\n")),
        large("29 beyond the limit", answer("200 OK", "Content-Length: 1048577\r\n")),
        large("29 chunk beyond the limit",
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"),
        malformed("30 nine 1xx", repeat("HTTP/1.1 100 Continue\r\n\r\n", 9) + ok()),
        {"30 eight 1xx",
         fault::raw(repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 8) + ok()),
         op::get,
         {},
         effect::none,
         fate::kept,
         nullptr,
         room_is_read},
        malformed("30 101", answer("101 Switching Protocols", "Upgrade: x\r\nConnection: upgrade\r\n", "")),
        malformed("38 endless chunk extension",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c" + std::string(100, ';') + "\n"),
        {"38 chunk extensions",
         fault::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c;a=b;c=\"d\"\r\n" + good_body +
                    "\r\n0;x\r\n\r\n"),
         op::get,
         {},
         effect::none,
         fate::kept,
         nullptr,
         room_is_read},
        {"37 trailers",
         fault::raw(chunked("0\r\nRetry-After: 9\r\nConnection: close\r\n\r\n")),
         op::get,
         {},
         effect::none,
         fate::kept,
         nullptr,
         room_is_read},

    });
}

TEST_CASE("fault_the_connection_is_not_to_be_used_again")
{
    const auto read = room_is_read;
    check_all({
        {"9 half-close after the answer",
         fault::close_after().announce(false),
         op::voice,
         {},
         effect::applied,
         fate::lost},
        {"20 framed, no close_notify",
         fault::raw(ok()).close(),
         op::get,
         {},
         effect::none,
         fate::lost,
         nullptr,
         read},
        {"20 EOF-framed with close_notify",
         fault::raw(answer("200 OK")).close().close_notify(true),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
        {"31 204 with a body",
         fault::raw(answer("204 No Content", "Content-Length: 5\r\n", "hello")).apply(),
         op::remove,
         {},
         effect::applied,
         fate::discarded},
        {"31 204 with bytes behind it",
         fault::raw(answer("204 No Content", "", "hello")).apply(),
         op::remove,
         {},
         effect::applied,
         fate::discarded},
        {"31 304 with a body", fault::raw(answer("304 Not Modified", "", "hello")), op::get,
         errc::unexpected_redirect, effect::none, fate::discarded},
        {"34 bytes behind the answer",
         fault::stray("HTTP/1.1 200 OK\r\n"),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
        {"34 a second answer",
         fault::raw(ok() + ok(R"({"name":"Other"})")),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
        {"35 HTTP/1.0",
         fault::raw("HTTP/1.0 200 OK\r\n" + length(good_body) + "\r\n" + good_body),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
        {"35 HTTP/1.0, keep-alive",
         fault::raw("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length(good_body) + "\r\n" + good_body),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
        {"35 HTTP/1.0, chunked", fault::raw(chunked("0\r\n\r\n", "HTTP/1.0")), op::get,
         errc::malformed_response, effect::none, fate::discarded},
        {"36 Connection: close", fault::close_after(), op::voice, {}, effect::applied, fate::discarded},
        {"36 close, though it goes on",
         fault::raw(ok(good_body, "Connection: close\r\n")),
         op::get,
         {},
         effect::none,
         fate::discarded,
         nullptr,
         read},
    });
}

TEST_CASE("fault_the_service_refuses")
{
    const auto waits = [](std::int64_t s) {
        return [s](const outcome& o) { CHECK(o.diagnostics.retry_after() == std::chrono::seconds(s)); };
    };
    const auto no_wait = [](const outcome& o) { CHECK_FALSE(o.diagnostics.retry_after().has_value()); };
    const auto limited = [](const std::string& retry_after) {
        return fault::raw(answer("429 Too Many Requests",
                                 "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: " + retry_after +
                                     "\r\n" + length("{}"),
                                 "{}"));
    };
    const auto status = [](unsigned s) {
        return [s](const outcome& o) { CHECK(o.diagnostics.http_status() == s); };
    };
    std::vector<fault_case> cases{
        {"39 redirect", fault::redirect("/external/room/x"), op::get, errc::unexpected_redirect, effect::none,
         fate::kept, nullptr, status(302)},
        {"39 redirect, same method", fault::respond(307).field("Location", "/x"), op::create,
         errc::unexpected_redirect, effect::none, fate::kept},
        {"40 seconds", limited("7"), op::create, errc::rate_limited, effect::none, fate::kept, nullptr,
         waits(7)},
        {"40 date", limited("Sun, 06 Nov 1994 08:50:37 GMT"), op::voice, errc::rate_limited, effect::none,
         fate::kept, nullptr, waits(60)},
        {"41 huge", limited("99999999999999999999"), op::voice, errc::rate_limited, effect::none, fate::kept,
         nullptr, waits(2'147'483'647)},
        {"41 negative", limited("-1"), op::voice, errc::rate_limited, effect::none, fate::kept, nullptr,
         no_wait},
        {"41 garbage", limited("soon"), op::voice, errc::rate_limited, effect::none, fate::kept, nullptr,
         no_wait},
    };
    for (const unsigned s : {500U, 502U, 503U, 504U}) {
        cases.push_back({"42 change", fault::respond(s), op::voice, errc::server_error, effect::unknown,
                         fate::kept, nullptr, status(s)});
        cases.push_back({"42 get", fault::respond(s), op::get, errc::server_error, effect::none, fate::kept});
    }
    for (const auto& [s, e] : {std::pair{400U, errc::bad_request},
                               {401U, errc::unauthorized},
                               {403U, errc::forbidden},
                               {404U, errc::not_found},
                               {418U, errc::bad_request}})
        cases.push_back(
            {"4xx", fault::respond(s), op::status, e, effect::none, fate::kept, nullptr, status(s)});
    cases.push_back(
        {"408", fault::respond(408), op::status, errc::request_timeout, effect::unknown, fate::discarded});
    cases.push_back(
        {"421", fault::respond(421), op::get, errc::misdirected_request, effect::none, fate::discarded});
    check_all(cases);
}

TEST_CASE("fault_the_refusal_is_not_json")
{
    const auto told = [](const char* text) {
        return [text](const outcome& o) { CHECK(o.diagnostics.message().find(text) != std::string::npos); };
    };
    const auto harmless = [](const outcome& o) {
        const std::string line = o.diagnostics.to_string() + rooms::error(o.error, o.diagnostics).what();
        CHECK(o.diagnostics.message().size() <= 512);
        CHECK(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    };
    check_all({
        {"43 HTML", fault::respond(503, "<html>down</html>").field("Content-Type", "text/html"), op::get,
         errc::server_error, effect::none, fate::kept, nullptr, told("<html>down</html>")},
        {"43 429 without JSON", fault::respond(429, "slow down"), op::get, errc::rate_limited, effect::none,
         fate::kept, nullptr, told("slow down")},
        {"43 long", fault::respond(500, std::string(100'000, 'x')), op::get, errc::server_error, effect::none,
         fate::kept, nullptr, harmless},
        {"43 escapes", fault::respond(500, "\x1b[31m\r\nInjected: line\x7f\xff\x80"), op::get,
         errc::server_error, effect::none, fate::kept, nullptr, harmless},
        {"43 escapes in JSON", fault::respond(500, R"({"message":"\u001b[31m\r\nInjected"})"), op::get,
         errc::server_error, effect::none, fate::kept, nullptr, harmless},
        {"43 empty", fault::respond(500), op::get, errc::server_error, effect::none, fate::kept, nullptr,
         harmless},
    });
}

TEST_CASE("fault_the_body_is_not_usable")
{
    const std::pair<const char*, std::string> bodies[] = {
        {"45 no JSON", "{\"roomId\":"},
        {"45 no JSON array", "[1"},
        {"45 byte order mark", "\xEF\xBB\xBF{}"},
        {"45 bad UTF-8", "{\"name\":\"\xff\"}"},
        {"45 raw NUL", std::string("{\"name\":\"a\0b\"}", 14)},
        {"46 deeper than 32", nested(33)},
        {"47 duplicate keys", R"({"name":"a","name":"b"})"},
        {"48 1e400", R"({"x":1e400})"},
    };
    for (const auto& [row, body] : bodies) {
        check_case({row, fault::raw(ok(body)), op::get, errc::bad_body, effect::none, fate::kept});
        check_case({row,
                    fault::raw(ok(body)),
                    op::voice,
                    {},
                    effect::applied,
                    fate::kept,
                    nullptr,
                    [](const outcome& o) {
                        CHECK(o.room.id() == "r"); // what was set is known all the same
                        CHECK(o.room.voice() == true);
                        CHECK(o.room.raw_json().empty());
                        noted(o);
                    }});
        check_case({row,
                    fault::raw(ok(body)).apply(),
                    op::create,
                    {},
                    effect::applied,
                    fate::kept,
                    nullptr,
                    [](const outcome& o) {
                        CHECK(o.room.id() == "r");
                        CHECK(o.room.name() == "Room");
                        CHECK(o.room.about() == "About");
                    }});
        check_case({row, fault::raw(ok(body)).apply(), op::remove, {}, effect::applied, fate::kept});
    }
    for (const char* body : {"OK", "[]", "true", ""})
        check_case({"45 50 65", fault::raw(ok(body)), op::get, errc::bad_body, effect::none, fate::kept});
    check_case({"46 32 deep", fault::raw(ok(nested(32))), op::get, {}, effect::none, fate::kept});
    check_case({"49 wrong types",
                fault::raw(ok(R"({"roomId":"r","name":7,"isSpeak":"maybe","status":[]})")),
                op::get,
                {},
                effect::none,
                fate::kept,
                nullptr,
                [](const outcome& o) {
                    CHECK(o.room.id() == "r");
                    CHECK_FALSE(o.room.name().has_value());
                    CHECK_FALSE(o.room.voice().has_value());
                    CHECK_FALSE(o.room.status().has_value());
                    CHECK(o.room.raw_json() == R"({"roomId":"r","name":7,"isSpeak":"maybe","status":[]})");
                    noted(o);
                }});
}
