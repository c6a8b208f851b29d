// SPDX-License-Identifier: BSL-1.0

// How the sandbox treats requests that no client of this library sends.

#include "net.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <string_view>

using namespace net;

namespace {

using asio::ip::tcp;

// A peer that sends what it likes, over plain TCP.
class raw_peer
{
public:
    explicit raw_peer(const sandbox::server& s) : socket_(io_)
    {
        socket_.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), s.port()));
    }

    void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes.data(), bytes.size())); }

    // All that comes until the server closes. A server that does not close fails the test.
    std::string rest()
    {
        std::string text;
        rooms::error_code ended;
        bool done = false;
        asio::async_read(socket_, asio::dynamic_buffer(text), [&](rooms::error_code ec, std::size_t) {
            ended = ec;
            done = true;
        });
        io_.restart();
        io_.run_for(20s);
        REQUIRE(done);
        CHECK(ended == asio::error::eof);
        return text;
    }

private:
    asio::io_context io_;
    tcp::socket socket_;
};

sandbox::options plain() { return sandbox::options().tls(false); }

std::string head(std::string_view fields)
{
    return "POST /external/room HTTP/1.1\r\nHost: localhost\r\nx-api-key: sandbox\r\n"
           "Authorization: Bearer sandbox\r\n" +
           std::string(fields) + "\r\n";
}

constexpr std::string_view room = R"({"roomId":"r","name":"n","about":"a","isSpeak":false})";

} // namespace

TEST_CASE("sandbox_body_with_two_lengths_or_none_is_refused")
{
    struct
    {
        const char* context;
        const char* fields;
        const char* body;
    } const cases[] = {
        {"both", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"},
        {"both, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"},
        {"a coding besides chunked", "Transfer-Encoding: gzip\r\n", ""},
        {"chunked is not the last coding", "Transfer-Encoding: chunked, gzip\r\n", ""},
        {"two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "12345"},
        {"a second host", "Host: other\r\nContent-Length: 0\r\n", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(c.context);
        // Setup
        sandbox::server server(plain());
        raw_peer peer(server);

        // Run
        peer.send(head(c.fields) + c.body);
        const std::string response = peer.rest();

        // Check
        CHECK(response.starts_with("HTTP/1.1 400 "));
        CHECK(server.room_count() == 0);
        CHECK(server.counters().bad_requests == 1);
        CHECK(server.counters().requests(sandbox::operation::any) == 0);
    }
}

TEST_CASE("sandbox_request_that_is_not_completed_is_given_up")
{
    const std::string whole =
        head("Content-Length: " + std::to_string(room.size()) + "\r\n") + std::string(room);
    const std::size_t head_size = whole.size() - room.size();
    struct
    {
        const char* context;
        std::size_t sent;
    } const cases[] = {
        {"one byte", 1},
        {"half a head", head_size / 2},
        {"a head without its end", head_size - 1},
        {"a head without its body", head_size},
        {"half a body", head_size + room.size() / 2},
    };
    for (const auto& c : cases) {
        CAPTURE(c.context);
        // Setup
        sandbox::server server(plain().request_timeout(50ms));
        raw_peer peer(server);

        // Run
        peer.send(whole.substr(0, c.sent));
        const std::string response = peer.rest();

        // Check
        CHECK(response == "");
        CHECK(server.room_count() == 0);
    }
}

TEST_CASE("sandbox_request_timeout_counts_from_the_first_byte_of_each_request")
{
    // Setup: far longer than a request takes, and far shorter than the silence between two
    sandbox::server server(plain().request_timeout(300ms));
    raw_peer peer(server);
    const std::string get = "GET /external/room/r HTTP/1.1\r\nHost: localhost\r\nx-api-key: sandbox\r\n"
                            "Authorization: Bearer sandbox\r\n\r\n";

    // Run: a connection that is idle for longer goes on
    peer.send(get);
    REQUIRE(server.wait([](const auto& n) { return n.responses(404) == 1; }, 20s));
    asio::io_context io;
    asio::steady_timer idle(io, 400ms);
    idle.wait();
    peer.send(get);
    REQUIRE(server.wait([](const auto& n) { return n.responses(404) == 2; }, 20s));

    // Check: and its next request is bounded again
    peer.send("GET /");
    const std::string responses = peer.rest();
    CHECK(responses.find("HTTP/1.1 404 ") != std::string::npos);
    CHECK(server.counters().bad_requests == 0);
}

TEST_CASE("sandbox_handshake_that_is_not_completed_is_given_up")
{
    // Setup
    sandbox::server server(sandbox::options().request_timeout(50ms));
    raw_peer peer(server);

    // Run: the beginning of a record
    peer.send("\x16\x03\x01");
    peer.rest();

    // Check
    CHECK(server.counters().handshakes_failed == 1);
}
