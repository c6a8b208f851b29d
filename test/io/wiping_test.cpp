// SPDX-License-Identifier: BSL-1.0
// No secret stays in memory that is freed. A secret of less than 16 bytes lies in its string, a longer one
// in a block of its own: each is wiped in its own way.
#include "support/allocation_gate.hpp"
#include "support/freed_memory.hpp"

#include <watchers/rooms.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/redaction.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using test::freed_memory;

struct secrets
{
    std::string_view key;
    std::string_view token;
    std::string_view refused; // a token that the service does not accept
};

constexpr secrets in_the_object{"key-c4n4ry", "token-c4n4ry", "stale-c4n4ry"};
constexpr secrets in_a_block{"key-c4n4ry-of-more-than-fifteen-bytes",
                             "token-c4n4ry-of-more-than-fifteen-bytes",
                             "stale-c4n4ry-of-more-than-fifteen-bytes"};

// A service in a thread of its own, and a client in this one, whose memory is watched.
class watched_client
{
public:
    watched_client(const secrets& s, bool tls)
        : memory{s.key, s.token, s.refused}
        , server(sandbox::options()
                     .tls(tls)
                     .api_key(std::string(s.key))
                     .bearer_token(std::string(s.token))
                     .receive_buffer(4096))
    {
        server.put(sandbox::stored_room("r", "Room"));
    }

    config settings(credentials c) const
    {
        config out(std::move(c));
        out.base_url = server.base_url();
        out.retry.backoff_base = out.retry.backoff_cap = 1ms;
        if (server.ca_pem().empty())
            out.plain_http_to_loopback = true;
        else
            out.trust = trust::ca_pem(server.ca_pem());
        return out;
    }

    // Everything of the client's is made and destroyed within.
    void run(const std::function<void(boost::asio::io_context&)>& body)
    {
        const freed_memory::watched watching;
        boost::asio::io_context io;
        body(io);
    }

    freed_memory memory;
    sandbox::server server;
};

error_code get(boost::asio::io_context& io, client& c)
{
    error_code result = errc::cancelled;
    c.async_get_room("r", [&](error_code ec, const room&) { result = ec; });
    io.restart();
    io.run();
    return result;
}

error_code create(boost::asio::io_context& io, client& c, std::string about)
{
    error_code result = errc::cancelled;
    c.async_create_room(new_room("new", "Room", std::move(about)),
                        [&](error_code ec, const room&) { result = ec; });
    io.restart();
    io.run();
    return result;
}

void for_each_way(const std::function<void(const secrets&, bool tls)>& test)
{
    for (const bool tls : {false, true}) {
        for (const secrets* s : {&in_the_object, &in_a_block}) {
            CAPTURE(tls);
            CAPTURE(s->key.size());
            test(*s, tls);
        }
    }
}

void check_clean(const freed_memory& m)
{
    INFO("the first one stood behind: ", m.first());
    CHECK(m.found() == 0);
}

// Both in memory of the heap: memory on the stack is not looked at.
template <class T>
std::unique_ptr<T> on_heap(T&& value)
{
    return std::make_unique<T>(std::move(value));
}

} // namespace

TEST_CASE("wiping the_test_finds_what_is_not_wiped")
{
    freed_memory memory{in_a_block.key};
    {
        const freed_memory::watched watching;
        const auto left = std::make_unique<std::string>(in_a_block.key);
        CHECK(memory.found() == 0);
    }
    CHECK(memory.found() == 1);
}

TEST_CASE("wiping secret_that_is_copied_moved_and_assigned")
{
    for (const secrets* s : {&in_the_object, &in_a_block}) {
        CAPTURE(s->key.size());
        freed_memory memory{s->key, s->token};
        {
            const freed_memory::watched watching;
            auto first = on_heap(secret(s->key));
            const auto copy = std::make_unique<secret>(*first);
            const auto moved = std::make_unique<secret>(std::move(*first));
            CHECK(first->empty());
            first.reset();
            *copy = secret(s->token);
            CHECK(copy->reveal() == s->token);
            *copy = std::move(*moved);
            CHECK(copy->reveal() == s->key);
        }
        check_clean(memory);
    }
}

TEST_CASE("wiping request_that_is_appended_to_another")
{
    std::string why;
    const auto origin = detail::parse_origin("https://rooms.example", false, why);
    freed_memory memory{in_a_block.key, in_a_block.token};
    {
        const freed_memory::watched watching;
        auto heads = on_heap(detail::request_heads(*origin, credentials(in_a_block.key, in_a_block.token)));
        detail::encoded_call call;
        call.target = "/external/room/r";
        std::string text;
        for (int i = 0; i < 20; ++i)
            detail::append_request(text, *heads, call);
        call.kind = operation_kind::set_voice;
        for (int i = 0; i < 20; ++i)
            detail::append_request(text, *heads, call);
        *heads = detail::request_heads(*origin, credentials("other", "other"));
        detail::wipe_text(text);
    }
    check_clean(memory);
}

TEST_CASE("wiping a_search_for_the_secrets_leaves_none")
{
    // Letters and digits only, so that each form that is searched for is the secret itself.
    constexpr std::string_view key = "keyc4n4ryofmorethanfifteenbytes";
    constexpr std::string_view token = "tokenc4n4ryofmorethanfifteenbytes";
    constexpr std::string_view escaped = R"(escap\u0065dc4n4ryofmorethanfifteenbytes)";
    constexpr std::string_view unescaped = "escapedc4n4ryofmorethanfifteenbytes";
    constexpr std::string_view part = "c4n4ryofmo"; // a string that grew leaves less than the whole
    constexpr std::string_view capitals = "TOKENC4N4RYOFMORETHANFIFTEENBYTES";
    const std::string_view texts[] = {
        "a text without any",
        "keyc4n4ryofmorethanfifteenbytes",
        R"(tok\u0065nc4n4ryofmorethanfifteenbytes)",
        R"(tok\\u0065nc4n4ryofmorethanfifteenbytes, \\u0041)",
        "tokenc4n4ryofmo%252572ethanfifteenb%252579tes", // no long run shows before it is decoded
        "TOKENC4N4RYOFMORETHANFIFTEENBYTES",
        "tok=65nc4n4ryofmorethanfifteenbytes",
        "tok-en-c4n4ry-of-more-than-fifteen-bytes",
        "dG9rZW5jNG40cnlvZm1vcmV0aGFuZmlmdGVlbmJ5dGVz",                       // Base64
        "746f6b656e63346e3472796f666d6f72657468616e6669667465656e6279746573", // hexadecimal
    };
    for (const std::string_view second : {token, escaped}) {
        for (const std::string_view text : texts) {
            CAPTURE(second.size());
            CAPTURE(text.size());
            freed_memory memory{key, token, escaped, unescaped, part, capitals};
            {
                const freed_memory::watched watching;
                const detail::redaction redact(key, second);
                redact(text, 1000);
            }
            check_clean(memory);
        }
    }
}

TEST_CASE("wiping calls_and_retries")
{
    for_each_way([](const secrets& s, bool tls) {
        watched_client w(s, tls);
        w.server.inject(sandbox::fault::respond(503).on(sandbox::operation::get));
        w.server.inject(sandbox::fault::drop_after().on(sandbox::operation::get));
        w.run([&](boost::asio::io_context& io) {
            client c(io.get_executor(), w.settings(credentials(s.key, s.token)));
            CHECK(!get(io, c));
            CHECK(!get(io, c)); // on a connection that has served
            CHECK(!create(io, c, std::string(60'000, 'x')));
            check_clean(w.memory);
        });
        check_clean(w.memory);
    });
}

TEST_CASE("wiping credentials_that_are_replaced")
{
    for_each_way([](const secrets& s, bool tls) {
        for (const auto mode : {threading::automatic, threading::single}) {
            watched_client w(s, tls);
            w.run([&](boost::asio::io_context& io) {
                config settings = w.settings(credentials(s.key, s.refused));
                settings.threading = mode;
                client c(io.get_executor(), settings);
                CHECK(get(io, c) == errc::forbidden);
                c.set_credentials(credentials(s.key, s.token));
                CHECK(!get(io, c));
                check_clean(w.memory);
            });
            check_clean(w.memory);
        }
    });
}

TEST_CASE("wiping credentials_of_a_provider")
{
    for_each_way([](const secrets& s, bool tls) {
        watched_client w(s, tls);
        w.run([&](boost::asio::io_context& io) {
            int asked = 0;
            config settings = w.settings(credentials());
            settings.credential_provider = [&](const credential_reply& reply) {
                reply(credentials(s.key, ++asked == 1 ? s.refused : s.token));
                reply(credentials(s.key, s.refused)); // too late
            };
            client c(io.get_executor(), settings);
            CHECK(!get(io, c));
            CHECK(asked == 2);
            check_clean(w.memory);
        });
        check_clean(w.memory);
    });
}

// The client is destroyed while its request waits for room in the socket's buffer.
TEST_CASE("wiping request_that_is_not_written_to_its_end")
{
    for_each_way([](const secrets& s, bool tls) {
        watched_client w(s, tls);
        w.server.inject(sandbox::fault::stop_reading().always());
        w.run([&](boost::asio::io_context& io) {
            std::optional<client> c(std::in_place, io.get_executor(),
                                    w.settings(credentials(s.key, s.token)));
            error_code result;
            c->async_create_room(new_room("new", "Room", std::string(65'536, '\x01')),
                                 [&](error_code ec, const room&) { result = ec; });
            while (c->stats().requests == 0)
                REQUIRE(io.run_one_for(20s) == 1);
            c.reset();
            io.run();
            CHECK(result == errc::shutting_down);
        });
        check_clean(w.memory);
    });
}

#endif
