// SPDX-License-Identifier: BSL-1.0

// What must not happen whatever the server, or the caller's data, are.

#include "net.hpp"

#include <boost/asio/as_tuple.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <sstream>
#include <tuple>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

constexpr std::string_view key_canary = "canary-key-7f3a";
constexpr std::string_view token_canary = "canary-token-91bc";

void check_no_secret(const std::string& text)
{
    CAPTURE(text);
    CHECK(text.find(key_canary) == std::string::npos);
    CHECK(text.find(token_canary) == std::string::npos);
}

// Writes down all that the hooks are told.
class recorder final : public rooms::observer
{
public:
    void on_call_start(const rooms::call_start& e) override
    {
        ++starts;
        line() << to_string(e.operation) << ' ' << e.call_id << ' ' << e.room_id;
    }
    void on_attempt_end(const rooms::attempt_end& e) override
    {
        ++attempts;
        line() << to_string(e.operation) << ' ' << e.attempt << ' ' << e.error.message() << ' '
               << e.http_status;
        bytes_written += e.bytes_written;
    }
    void on_call_end(const rooms::call_end& e) override
    {
        ++ends;
        line() << to_string(e.operation) << ' ' << e.room_id << ' ' << e.error.message() << ' '
               << e.diagnostics.to_string();
    }

    std::string text() const { return text_.str(); }

    int starts = 0;
    int attempts = 0;
    int ends = 0;
    std::size_t bytes_written = 0;

private:
    std::ostream& line() { return text_ << '\n'; }

    std::ostringstream text_;
};

asio::awaitable<void> expect_redirects(rooms::client& c, rooms::error_code expected)
{
    rooms::diagnostics d;
    const auto created =
        co_await c.async_create_room(rooms::new_room("r", "n", "a"), d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(created) == expected);
    CHECK(d.attempts() == 1);
    const auto got = co_await c.async_get_room("r", d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(got) == expected);
    const auto set = co_await c.async_set_voice("r", true, d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(set) == expected);
    const auto changed =
        co_await c.async_set_status("r", rooms::room_status::live, d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(changed) == expected);
    const auto removed = co_await c.async_delete_room("r", d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(removed) == expected);
    CHECK(d.attempts() == 1);
}

void append_utf8(std::string& out, std::uint32_t c)
{
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        tail(0);
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        tail(12);
        tail(6);
        tail(0);
    }
}

// A text of what is special in URLs, JSON and paths, mixed with any character there is.
std::string random_id(std::mt19937& random)
{
    static constexpr std::string_view special = "/?#%&=+ .:;@\\\"'<>[]{}|^`~$!*(),-_aZ09";
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    std::string id;
    const auto length = 1 + below(20);
    for (std::uint32_t i = 0; i < length; ++i) {
        switch (below(4)) {
        case 0: id += "%2F"; break;
        case 1: {
            std::uint32_t c = 0xa0 + below(0x10ffff - 0xa0);
            if (c >= 0xd800 && c < 0xe000) c = 0x1f600;
            append_utf8(id, c);
            break;
        }
        default: id += special[below(static_cast<std::uint32_t>(special.size()))];
        }
    }
    // A dot segment is refused: proxies resolve it even where its slashes are encoded.
    for (auto at = id.find("./"); at != id.npos; at = id.find("./"))
        id.erase(at, 1);
    return id.ends_with('.') ? id + "x" : id;
}

asio::awaitable<void> live_through(rooms::client& c, const sandbox::server& s, const std::string& id)
{
    CAPTURE(id);
    rooms::room r = co_await c.async_create_room(rooms::new_room(id, "Room", "About"));
    CHECK(r.id() == id);
    CHECK(s.creations(id) == 1);
    CHECK(s.room_count() == 1);
    r = co_await c.async_get_room(id);
    CHECK(r.id() == id);
    co_await c.async_set_voice(id, true);
    co_await c.async_set_status(id, rooms::room_status::disabled);
    const auto stored = s.find(id);
    REQUIRE(stored.has_value());
    CHECK(stored->voice);
    CHECK(stored->status == "DISABLED");
    co_await c.async_delete_room(id);
    CHECK(s.room_count() == 0);
}

} // namespace

TEST_CASE("redirect_is_never_followed")
{
    const sandbox::server other;
    for (const unsigned status : {301U, 302U, 303U, 307U, 308U, 300U}) {
        CAPTURE(status);
        rig r;
        r.server.inject(
            fault::respond(status).field("Location", other.base_url() + "/external/room/r").always());

        run(r.io, [&] { return expect_redirects(r.client(), errc::unexpected_redirect); });

        CHECK(r.server.counters().requests(sandbox::operation::any) == 5);
        CHECK(r.server.counters().requests(sandbox::operation::other) == 0);
        CHECK(r.server.counters().connections_accepted == 1);
    }
    CHECK(other.counters().connections_accepted == 0);
}

TEST_CASE("redirect_to_the_same_server_is_not_followed_either")
{
    rig r;
    r.server.put(sandbox::stored_room("elsewhere"));
    r.server.inject(fault::redirect("/external/room/elsewhere"));
    const outcome o = r.call<get_room>();
    CHECK(o.error == errc::unexpected_redirect);
    CHECK(r.server.counters().requests(sandbox::operation::any) == 1);
}

TEST_CASE("room_id_reaches_the_server_byte_for_byte")
{
    rig r;
    std::vector<std::string> ids{
        "a/b",
        "..a/b",
        "..%2F",
        "%2e%2e",
        "a?b=c",
        "a#b",
        "100%",
        "%",
        "%25",
        "a b",
        " a ",
        "+",
        "a+b",
        "...",
        ".a",
        "a.",
        "a/b/c",
        "brand:match",
        "?",
        "#",
        "&",
        "=",
        ";",
        ":",
        "@",
        "speak",
        "status",
        "sandbox/counters",
        "\"quoted\"",
        "back\\slash",
        "\xc3\xa9t\xc3\xa9",
        "\xe6\x97\xa5\xe6\x9c\xac",
        "\xf0\x9f\x8e\x89",
        "e\xcc\x81",
        "~-._",
        "'\"<>",
        "[1]",
        "{x}",
        std::string(1024, 'x'),
        std::string(1024, '%'),
    };
    std::mt19937 random(20'241'231); // the same ids in every run
    for (int i = 0; i < 200; ++i)
        ids.push_back(random_id(random));
    std::erase_if(ids, [](const std::string& id) { return !rooms::operation::get(id).check().empty(); });
    REQUIRE(ids.size() > 200);
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());

    for (const std::string& id : ids)
        run(r.io, [&] { return live_through(r.client(), r.server, id); });

    const auto seen = r.server.counters();
    CHECK(seen.requests(sandbox::operation::other) == 0);
    CHECK(seen.requests(sandbox::operation::admin) == 0);
    CHECK(seen.requests(sandbox::operation::get) == ids.size());
    CHECK(seen.requests(sandbox::operation::remove) == ids.size());
}

TEST_CASE("fault_52_91_room_id_with_a_dot_segment_or_an_empty_one_is_not_sent")
{
    rig r;
    for (const char* id : {".", "..", "../../admin", "a/../b", "a/..", "./a", "/victim", "victim/", "a//b",
                           "/", "\\victim", "a/\\b"}) {
        CAPTURE(id);
        outcome o;
        if (r.io.stopped()) r.io.restart();
        r.client().async_delete_room(id, o.diagnostics, o.handler());
        r.io.run();
        CHECK(o.error == errc::invalid_argument);
        CHECK(o.diagnostics.effect() == effect::none);
    }
    CHECK(r.server.counters().connections_accepted == 0);
}

TEST_CASE("text_reaches_the_server_byte_for_byte")
{
    rig r;
    std::mt19937 random(1);
    for (int i = 0; i < 50; ++i) {
        std::string text = random_id(random);
        for (char c = 1; c < 0x20; ++c)
            text += c; // control characters are allowed in text
        CAPTURE(text);
        const std::string id = "room " + std::to_string(i);
        outcome o;
        if (r.io.stopped()) r.io.restart();
        r.client().async_create_room(rooms::new_room(id, text, text + text), o.handler());
        r.io.run();
        REQUIRE(!o.error);
        CHECK(o.room.name() == text);
        CHECK(o.room.about() == text + text);
        const auto stored = r.server.find(id);
        REQUIRE(stored.has_value());
        CHECK(stored->name == text);
        CHECK(stored->about == text + text);
    }
}

TEST_CASE("secrets_are_never_told")
{
    rig r(sandbox::options().api_key(std::string(key_canary)).bearer_token(std::string(token_canary)));
    const auto seen = std::make_shared<recorder>();
    rooms::config c = config_for(r.server);
    c.credentials = rooms::credentials(key_canary, token_canary);
    c.observer = seen;
    r.own_client.emplace(r.io.get_executor(), c);
    r.server.put(sandbox::stored_room("r"));
    int calls = 0;
    int failures = 0;
    const auto call = [&] {
        const outcome o = r.call<set_voice>();
        ++calls;
        failures += o.error.failed();
        check_no_secret(o.diagnostics.to_string());
        check_no_secret(o.diagnostics.message());
        check_no_secret(rooms::error(o.error, o.diagnostics).what());
        check_no_secret(o.error.message() + o.error.what());
    };

    call();
    CHECK(failures == 0);
    r.server.set_credentials("others", "others");
    call();
    CHECK(failures == 1);
    for (const fault& f :
         {fault::respond(500), fault::respond(429), fault::garbage(), fault::truncate(),
          fault::drop_before().times(2), fault::garbage_record(), fault::redirect("https://example.org")}) {
        r.server.inject(f);
        call();
        r.server.clear_faults();
    }
    try {
        r.client().set_credentials(rooms::credentials(std::string(key_canary) + "\r\nX: y", token_canary));
        CHECK(false);
    } catch (const rooms::error& e) {
        check_no_secret(e.what());
        CHECK(e.code() == errc::invalid_argument);
    }
    try {
        rooms::config bad(rooms::credentials(key_canary, std::string(token_canary) + "\n"));
        const rooms::client refused(r.io.get_executor(), bad);
        CHECK(false);
    } catch (const rooms::error& e) {
        check_no_secret(e.what());
    }
    r.server.stop();
    call();

    check_no_secret(seen->text());
    CHECK(seen->starts == calls);
    CHECK(seen->ends == calls);
    CHECK(seen->attempts >= calls);
}

// A server that echoes the credentials it was given: its text is the server's, and is not searched for them.
// What the library itself adds must not hold them, which the test above shows; here, that the text is at
// least bounded.
TEST_CASE("message_of_the_server_is_bounded_and_printable")
{
    rig r;
    std::mt19937 random(7);
    for (int i = 0; i < 30; ++i) {
        std::string body;
        for (int n = 0; n < 2000; ++n)
            body += static_cast<char>(random() & 0xff);
        r.server.inject(fault::respond(503, body));
        const outcome o = r.call<get_room>();
        CHECK(o.error == errc::server_error);
        const std::string& message = o.diagnostics.message();
        CHECK(message.size() <= 512);
        CHECK(std::none_of(message.begin(), message.end(),
                           [](unsigned char b) { return b < 0x20 || b == 0x7f; }));
    }
}

// Whatever comes in place of an answer, a call ends once, and the next one is served.
TEST_CASE("random_bytes_in_place_of_an_answer_do_no_harm")
{
    rig r;
    r.server.put(sandbox::stored_room("r", "Room"));
    std::mt19937 random(11);
    const std::string good =
        "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"roomId\":\"r\",\"name\":\"Room\"}";
    for (int i = 0; i < 150; ++i) {
        std::string bytes = good;
        const auto changes = 1 + random() % 4;
        for (std::uint32_t n = 0; n < changes; ++n)
            bytes[random() % bytes.size()] = static_cast<char>(random() & 0xff);
        CAPTURE(bytes);
        r.server.inject(fault::raw(bytes).close().close_notify(true));
        const outcome o = r.call<get_room>();
        CHECK(o.diagnostics.effect() == effect::none);
        r.server.clear_faults();
        const outcome next = r.call<get_room>();
        REQUIRE(!next.error);
        CHECK(next.room.name() == "Room");
    }
}

TEST_CASE("plain_http_goes_to_loopback_only_and_only_when_asked_for")
{
    const sandbox::server server(sandbox::options().tls(false));
    asio::io_context io;
    rooms::config c = config_for(server);
    {
        rooms::client client(io.get_executor(), c);
        outcome o;
        client.async_create_room({"r", "Room", "About"}, o.handler());
        io.run();
        CHECK(!o.error);
    }
    c.plain_http_to_loopback = false;
    CHECK_THROWS_AS(rooms::client(io.get_executor(), c), rooms::error);
    c.plain_http_to_loopback = true;
    c.base_url = "http://192.0.2.1";
    CHECK_THROWS_AS(rooms::client(io.get_executor(), c), rooms::error);
    CHECK(server.counters().connections_accepted == 1);
}
