// SPDX-License-Identifier: BSL-1.0

// The table of faults, row by row: what one attempt makes of what a server, or the network, can do to it.

#include "net.hpp"

#include <algorithm>
#include <functional>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

enum class op
{
    create,
    get,
    voice,
    status,
    remove
};

enum class fate
{
    kept,
    discarded,    // at once
    lost,         // when the server's close comes to notice
    never_opened, // and no call could be made
};

struct fault_case
{
    const char* row; // of the table of faults
    fault script;
    op operation;
    std::optional<errc> error;
    effect told;
    fate connection;
    void (*tweak)(rooms::config&) = nullptr;
    std::function<void(const outcome&)> check = {};
};

outcome call(rig& r, op o)
{
    switch (o) {
    case op::create: return r.call<create_room>();
    case op::get: return r.call<get_room>();
    case op::voice: return r.call<set_voice>();
    case op::status: return r.call<set_status>();
    case op::remove: break;
    }
    return r.call<delete_room>();
}

void short_attempts(rooms::config& c) { c.attempt_timeout = 150ms; }
void short_handshake(rooms::config& c) { c.tls_timeout = 80ms; }

const std::string good_body = R"({"roomId":"r","name":"Room"})";

// An answer as it goes over the wire, with what is after the status code and the fields given.
std::string answer(const std::string& status, const std::string& fields = {},
                   const std::string& body = good_body)
{
    return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n" + body;
}

std::string length(const std::string& body)
{
    return "Content-Length: " + std::to_string(body.size()) + "\r\n";
}

std::string ok(const std::string& body = good_body, const std::string& fields = {})
{
    return answer("200 OK", fields + length(body), body);
}

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

// A second call, undisturbed, shows whether the connection was kept and whether the client is sound.
void check_case(const fault_case& c)
{
    CAPTURE(c.row);
    CAPTURE(static_cast<int>(c.operation));
    rig r(sandbox::options(), c.tweak);
    if (c.operation != op::create) r.server.put(sandbox::stored_room("r", "Room", "About"));
    r.server.inject(c.script);

    const outcome first = call(r, c.operation);
    if (c.connection == fate::lost) run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
    const auto after = r.client().stats();
    r.server.clear_faults();
    r.server.put(sandbox::stored_room("r", "Stored", "About"));
    const outcome second = r.call<get_room>();

    if (c.error)
        CHECK(first.error == *c.error);
    else
        CHECK(!first.error);
    CHECK(first.diagnostics.effect() == c.told);
    if (c.check) c.check(first);
    CHECK(after.idle_connections == (c.connection == fate::kept ? 1 : 0));
    CHECK(after.open_connections == after.idle_connections);
    CHECK(after.calls == 0);

    REQUIRE(!second.error);
    CHECK(second.room.name() == "Stored"); // the answer to this request, not what is left of another
    CHECK(r.server.counters().connections_accepted == (c.connection == fate::kept ? 1 : 2));
    CHECK(r.client().stats().connections_opened ==
          (c.connection == fate::discarded || c.connection == fate::lost ? 2 : 1));
}

void check_all(const std::vector<fault_case>& cases)
{
    for (const fault_case& c : cases)
        check_case(c);
}

} // namespace

TEST_CASE("fault_the_connection_ends_before_an_answer")
{
    check_all({
        {"6 EOF, get", fault::drop_before(), op::get, errc::connection_lost, effect::none, fate::discarded},
        {"6 EOF, create", fault::drop_before(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, voice", fault::drop_before(), op::voice, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, status", fault::drop_before(), op::status, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 EOF, delete", fault::drop_before(), op::remove, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 applied", fault::drop_after(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 reset, get", fault::reset_before(), op::get, errc::connection_lost, effect::none,
         fate::discarded},
        {"6 reset, applied", fault::reset_after(), op::create, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"6 close_notify", fault::drop_before().close_notify(true), op::voice, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"6 closed after the handshake", fault::close_after_handshake(), op::create, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"6 reset after the handshake", fault::reset_after_handshake(), op::create, errc::connection_lost,
         effect::unknown, fate::discarded},
        {"21 garbage record", fault::garbage_record(), op::voice, errc::connection_lost, effect::unknown,
         fate::discarded},
        {"21 garbage record, get", fault::garbage_record(), op::get, errc::connection_lost, effect::none,
         fate::discarded},
    });
}

TEST_CASE("fault_the_handshake_fails")
{
    check_all({
        {"19 stall", fault::stall_handshake(), op::create, errc::tls_timeout, effect::none,
         fate::never_opened, short_handshake},
        {"no TLS", fault::garbage_handshake(), op::create, errc::tls_failed, effect::none,
         fate::never_opened},
        {"EOF", fault::close_on_accept(), op::create, errc::connection_lost, effect::none,
         fate::never_opened},
    });
}

// The reset comes before or after the client has noticed that it is connected.
TEST_CASE("fault_the_connection_is_reset_when_accepted")
{
    rig r;
    r.server.inject(fault::reset_on_accept());

    const outcome o = r.call<create_room>();

    const bool known = o.error == errc::connection_lost || o.error == errc::connect_failed;
    CHECK(known);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(r.call<create_room>().error == rooms::error_code());
}

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
        malformed("44 Content-Encoding", ok(good_body, "Content-Encoding: gzip\r\n")),
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
        {"45 text", "OK"},
        {"45 array", "[]"},
        {"45 byte order mark", "\xEF\xBB\xBF{}"},
        {"45 bad UTF-8", "{\"name\":\"\xff\"}"},
        {"45 raw NUL", std::string("{\"name\":\"a\0b\"}", 14)},
        {"46 deeper than 32", nested(33)},
        {"47 duplicate keys", R"({"name":"a","name":"b"})"},
        {"48 1e400", R"({"x":1e400})"},
        {"50 empty", ""},
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

// Row 3.
TEST_CASE("connect_refused_is_an_error_without_effect")
{
    rig r;
    r.client();
    r.server.stop();

    const outcome o = r.call<create_room>();

    CHECK(o.error == errc::connect_failed);
    CHECK(o.error == rooms::condition::not_reached);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.phase() == rooms::phase::connect);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(r.client().stats().connections_failed == 1);
}

// Row 3: a name with an address that refuses and one that answers. Where the name has only the one, nothing
// is shown.
TEST_CASE("connect_goes_on_to_the_next_address")
{
    rig r;
    rooms::config c = config_for(r.server);
    c.base_url = "https://localhost:" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), c);

    const outcome o = r.call<create_room>();

    CHECK(!o.error);
    CHECK(r.server.creations("r") == 1);
}

// Row 8: the end of an idle connection is noticed while nobody uses it.
TEST_CASE("idle_connection_closed_by_the_server_is_evicted")
{
    for (const bool by_reset : {false, true}) {
        CAPTURE(by_reset);
        rig r;
        r.server.put(sandbox::stored_room("r"));
        REQUIRE(!r.call<get_room>().error);
        REQUIRE(r.client().stats().idle_connections == 1);

        r.server.drop_connections(by_reset);
        run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
        const outcome o = r.call<create_room>(); // not even replayable

        CHECK(o.error == errc::conflict);
        CHECK(r.client().stats().replays == 0);
        CHECK(r.server.counters().connections_accepted == 2);
    }
}

// Row 8: it ends just as it is picked.
TEST_CASE("reused_connection_that_turns_out_dead_is_replaced_once")
{
    for (const op o : {op::get, op::voice, op::status, op::remove}) {
        for (const bool by_reset : {false, true}) {
            CAPTURE(static_cast<int>(o));
            CAPTURE(by_reset);
            rig r;
            r.server.put(sandbox::stored_room("r"));
            REQUIRE(!r.call<get_room>().error);
            r.server.inject(by_reset ? fault::reset_before() : fault::drop_before());

            const outcome replayed = call(r, o);

            CHECK(!replayed.error);
            CHECK(replayed.diagnostics.attempts() == 2);
            CHECK(r.client().stats().replays == 1);
            CHECK(r.server.counters().connections_accepted == 2);
        }
    }
}

TEST_CASE("replay_happens_once_only")
{
    rig r;
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::drop_before().times(2));

    const outcome o = r.call<set_voice>();

    CHECK(o.error == errc::connection_lost);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.attempts() == 2);
    CHECK(r.server.counters().requests(sandbox::operation::voice) == 2);
    CHECK(r.client().stats().replays == 1);
}

TEST_CASE("replay_is_not_for_a_create_nor_for_an_answer_that_began")
{
    SUBCASE("create")
    {
        rig r;
        REQUIRE(r.call<get_room>().error == errc::not_found);
        r.server.inject(fault::drop_after());

        const outcome o = r.call<create_room>();

        CHECK(o.error == errc::connection_lost);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.attempts() == 1);
        CHECK(r.server.creations("r") == 1);
        CHECK(r.server.counters().requests(sandbox::operation::create) == 1);
    }
    SUBCASE("answer began")
    {
        rig r;
        r.server.put(sandbox::stored_room("r"));
        REQUIRE(!r.call<get_room>().error);
        r.server.inject(fault::truncate());

        const outcome o = r.call<set_voice>();

        CHECK(o.error == errc::truncated_response);
        CHECK(r.server.counters().requests(sandbox::operation::voice) == 1);
    }
}

// Row 8 with delete: the first request was applied, and its replay finds nothing.
TEST_CASE("replayed_delete_that_finds_nothing_is_a_success_and_says_so")
{
    rig r;
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::drop_after());

    const outcome o = r.call<delete_room>();

    CHECK(!o.error);
    CHECK(o.diagnostics.effect() == effect::applied);
    CHECK_FALSE(o.diagnostics.note().empty());
    CHECK(r.server.room_count() == 0);
}

// The most that a create can hold: control characters take six bytes each in JSON.
rooms::new_room large_room() { return {"r", std::string(64 * 1024, '\x01'), std::string(64 * 1024, '\x02')}; }

// Row 11.
TEST_CASE("peer_that_stops_reading_ends_in_a_write_timeout")
{
    rig r(sandbox::options().receive_buffer(4096), short_attempts);
    r.server.inject(fault::stop_reading());

    outcome o;
    r.client().async_create_room(large_room(), o.diagnostics, o.handler());
    r.io.run();

    CHECK(o.error == errc::write_timeout);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.phase() == rooms::phase::write);
    CHECK(o.completions == 1);
    CHECK(r.client().stats().open_connections == 0);
}

// Row 32.
TEST_CASE("answer_before_the_request_is_written_is_delivered")
{
    rig r(sandbox::options().receive_buffer(4096), nullptr);
    r.server.inject(
        fault::respond(413, R"({"message":"too large"})").early().after(1s)); // reads nothing meanwhile

    outcome o;
    r.client().async_create_room(large_room(), o.diagnostics, o.handler());
    r.io.run();

    CHECK(o.error == errc::bad_request);
    CHECK(o.diagnostics.http_status() == 413);
    CHECK(o.diagnostics.message() == "too large");
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(r.client().stats().open_connections == 0);
}

// Row 33.
TEST_CASE("bytes_on_an_idle_connection_evict_it")
{
    rig r;
    r.server.put(sandbox::stored_room("r", "Stored"));
    r.server.inject(fault::stray(ok(R"({"name":"Smuggled"})")).after(1ms));

    REQUIRE(!r.call<set_voice>().error);
    run_until(r.io, [&] { return r.client().stats().open_connections == 0; });
    const outcome o = r.call<get_room>();

    REQUIRE(!o.error);
    CHECK(o.room.name() == "Stored");
    CHECK(r.server.counters().connections_accepted == 2);
}

// Rows 52 and 54: nothing is sent, not even a connection opened.
TEST_CASE("bad_argument_sends_nothing")
{
    rig r;
    const std::string ids[] = {"", ".", "..", "\xff", std::string(1025, 'x'), "a\nb"};
    for (const std::string& id : ids) {
        CAPTURE(id);
        outcome o;
        r.client().async_get_room(id, o.diagnostics, o.handler());
        CHECK_FALSE(o.ended()); // never before the initiating function has returned
        r.io.restart();
        r.io.run();
        CHECK(o.error == errc::invalid_argument);
        CHECK(o.diagnostics.message().starts_with("roomId"));
        CHECK(o.diagnostics.phase() == rooms::phase::validation);
        CHECK(o.diagnostics.effect() == effect::none);
    }
    CHECK(r.server.counters().connections_accepted == 0);
}

// The call's own limit bounds everything; row 14's limits on waiting.
TEST_CASE("deadline_of_the_call_ends_it_in_each_phase")
{
    SUBCASE("stalled handshake")
    {
        rig r;
        r.server.inject(fault::stall_handshake());
        const outcome o = r.call<create_room>(300ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(o.diagnostics.phase() == rooms::phase::handshake);
    }
    SUBCASE("stalled answer")
    {
        rig r;
        r.server.inject(fault::stall());
        const outcome o = r.call<create_room>(300ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::unknown);
        CHECK(o.diagnostics.phase() == rooms::phase::wait);
    }
    SUBCASE("passed before it began")
    {
        rig r;
        const outcome o = r.call<create_room>(0ms);
        CHECK(o.error == errc::deadline_exceeded);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(r.server.counters().connections_accepted == 0);
    }
}

TEST_CASE("waiting_calls_are_bounded_in_number_and_time")
{
    rig r(sandbox::options(), [](rooms::config& c) {
        c.max_connections = 1;
        c.max_waiting_calls = 1;
        c.pool_timeout = 50ms;
    });
    r.server.put(sandbox::stored_room("r"));
    REQUIRE(!r.call<get_room>().error);
    r.server.inject(fault::delay(150ms));

    outcome busy;
    outcome waiting;
    outcome refused;
    for (outcome* o : {&busy, &waiting, &refused})
        r.client().async_set_voice("r", true, o->diagnostics, o->handler());
    r.io.restart();
    r.io.run();

    CHECK(!busy.error);
    CHECK(waiting.error == errc::pool_timeout);
    CHECK(waiting.diagnostics.phase() == rooms::phase::queue);
    CHECK(waiting.diagnostics.effect() == effect::none);
    CHECK(refused.error == errc::pool_full);
    CHECK(refused.diagnostics.effect() == effect::none);
    CHECK(r.server.counters().requests(sandbox::operation::voice) == 1);
}
