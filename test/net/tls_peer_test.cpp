// SPDX-License-Identifier: BSL-1.0

// Servers that misuse TLS, or demand what the client has not.

#include "tls_peer.hpp"

#include <openssl/pem.h>

#include <atomic>

using namespace net;
using rooms::effect;
using rooms::errc;

namespace {

constexpr std::string_view response = "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n"
                                      "{\"roomId\":\"r\",\"name\":\"Room\"}";

void demand(SSL_CTX* c, const sandbox::detail::identity& client)
{
    BIO* const pem = BIO_new_mem_buf(client.chain.data(), static_cast<int>(client.chain.size()));
    X509* const certificate = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(c), certificate);
    X509_free(certificate);
    BIO_free(pem);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>("rooms"), 5);
    SSL_CTX_set_purpose(c, X509_PURPOSE_ANY);
}

void demand_1_2(SSL_CTX* c, const sandbox::detail::identity& client)
{
    SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
    demand(c, client);
}

void at_most_1_2(SSL_CTX* c, const sandbox::detail::identity&)
{
    SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
}

template <class Op>
outcome call(const rooms::config& c)
{
    asio::io_context io;
    rooms::client client(io.get_executor(), c);
    outcome o;
    Op::start(client, rooms::call_options(o.diagnostics), o.handler());
    io.run();
    CHECK(o.completions == 1);
    return o;
}

template <class Op>
void check_refused(const tls_peer& server)
{
    const int before = server.connections();
    const outcome o = call<Op>(server.client_config()); // with the default retries
    CHECK(o.error == errc::tls_client_certificate);
    CHECK(o.error == rooms::condition::tls);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.phase() == rooms::phase::handshake);
    CHECK(o.diagnostics.cause().failed());
    CHECK(o.diagnostics.message().find("trust::context") != std::string::npos);
    CHECK(!o.diagnostics.confirmed());
    CHECK(server.connections() == before + 1);
}

} // namespace

TEST_CASE("fault_88_demanded_client_certificate_is_an_error_of_its_own")
{
    for (const bool old : {false, true}) {
        CAPTURE(old);
        std::atomic<int> requests = 0;
        const tls_peer server(old ? demand_1_2 : demand, [&](tls_peer_connection& c) {
            if (c.accept() && !c.read().empty()) {
                ++requests;
                c.write(response);
                c.flush();
            }
            c.wait_for_end();
        });

        check_refused<create_room>(server);
        check_refused<get_room>(server);
        check_refused<set_voice>(server);
        check_refused<delete_room>(server);
        CHECK(requests == 0);

        const auto context = server.client_context();
        context->use_certificate_chain(asio::buffer(server.client_identity().chain));
        context->use_private_key(asio::buffer(server.client_identity().key), asio::ssl::context::pem);
        rooms::config c = server.client_config();
        c.trust = rooms::trust::context(context);
        const outcome o = call<get_room>(c);
        CHECK(!o.error);
        CHECK(o.room.name() == "Room");
        CHECK(requests == 1);
    }
}

TEST_CASE("fault_87_flood_of_key_updates_ends_the_connection")
{
    std::atomic<int> sent = 0;
    const tls_peer server(nullptr, [&](tls_peer_connection& c) {
        if (!c.accept() || c.read().empty()) return;
        while (sent < 100'000 && c.update_keys() && c.flush())
            ++sent;
        c.wait_for_end();
    });
    rooms::config c = server.client_config();
    c.retry = rooms::retry_policy::none();

    const outcome created = call<create_room>(c);

    CHECK(created.error == errc::connection_lost);
    CHECK(created.diagnostics.effect() == effect::unknown);
    CHECK(created.diagnostics.cause() == boost::system::errc::protocol_error);
    CHECK(server.connections() == 1);
}

// Row 87: each request to renegotiate is refused by an alert. Data in between makes any number of requests
// acceptable, so the alerts that the peer does not read have a bound of their own.
TEST_CASE("fault_87_alerts_that_nobody_reads_are_bounded")
{
    for (const bool reads : {true, false}) {
        CAPTURE(reads);
        tls_peer server(at_most_1_2, [&](tls_peer_connection& c) {
            if (!c.accept() || c.read().empty()) return;
            c.write(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
            const std::string blanks = "3000\r\n" + std::string(0x3000, ' ') + "\r\n";
            for (int chunk = 0; chunk < 2000; ++chunk) {
                for (int i = 0; i < 30; ++i)
                    c.ask_to_renegotiate();
                c.write(blanks);
                if (!c.flush()) return;
                if (reads) c.discard();
            }
            c.write("2\r\n{}\r\n0\r\n\r\n");
            c.flush();
            c.wait_for_end();
        });
        server.shrink_buffers();
        rooms::config c = server.client_config();
        c.retry = rooms::retry_policy::none();
        c.max_response_body = 32 * 1024 * 1024;

        const outcome o = call<set_voice>(c);

        CHECK(o.error == (reads ? rooms::error_code() : errc::truncated_response));
        CHECK(o.diagnostics.effect() == (reads ? effect::applied : effect::unknown));
        CHECK(server.connections() == 1);
    }
}

// RFC 8446, 6.1: else a server cannot tell the end of the connection from an attack.
TEST_CASE("connection_is_closed_with_close_notify")
{
    for (const bool old : {false, true}) {
        CAPTURE(old);
        std::atomic<int> clean = 0;
        {
            const tls_peer server(old ? at_most_1_2 : nullptr, [&](tls_peer_connection& c) {
                if (!c.accept() || c.read().empty()) return;
                c.write(response);
                c.flush();
                if (c.read().empty() && c.ended_cleanly()) ++clean;
            });
            CHECK(!call<get_room>(server.client_config()).error);
        }
        CHECK(clean == 1);
    }
}

// Bytes that were sent before the request must not pass for its response.
TEST_CASE("response_before_the_request_is_refused")
{
    const tls_peer server(at_most_1_2, [&](tls_peer_connection& c) {
        if (!c.accept()) return;
        c.write(response);
        c.flush(); // with the handshake's last flight
        c.wait_for_end();
    });

    const outcome o = call<get_room>(server.client_config());

    CHECK(o.error == errc::tls_failed);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(server.connections() == 1);
}
