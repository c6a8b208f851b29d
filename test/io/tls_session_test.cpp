// SPDX-License-Identifier: BSL-1.0
// The TLS machine against OpenSSL's server side, in memory: what no socket and no sandbox can show.

#include "forged_records.hpp"
#include "tls_machine.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

using namespace tls_machine;

namespace {

// A client and a server that have shaken hands.
struct pair
{
    pair() { REQUIRE(shake_hands(client, server) == progress::done); }

    sandbox::detail::identity identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    tls_context context{trust::ca_pem(identity.ca), origin_of("https://localhost")};
    tls_session client{context};
    peer server{identity};
};

} // namespace

TEST_CASE("tls_session close_notify_is_the_clean_end")
{
    pair p;

    p.server.write("answer");
    p.server.close_notify();
    const reading r = read_all(p.client, p.server.take());

    CHECK(r.text == "answer");
    CHECK(r.end == progress::ended);
}

TEST_CASE("tls_session fatal_alert_is_no_clean_end")
{
    INFO("faults.md 20, 21: an answer framed by the connection's end must not pass for complete");
    pair p;

    p.server.write("half an ans");
    p.server.choke();
    const reading r = read_all(p.client, p.server.take());

    CHECK(r.text == "half an ans");
    CHECK(r.end == progress::failed);
    CHECK(p.client.failure() == errc::connection_lost);
    CHECK(p.client.cause().failed());
}

TEST_CASE("tls_session record_in_two_parts_is_pending_in_between")
{
    pair p;
    read_all(p.client, p.server.take()); // tickets

    p.server.write("answer");
    const std::string bytes = p.server.take();
    const reading first = read_all(p.client, bytes.substr(0, 10));
    CHECK(first.text.empty());
    CHECK(first.end == progress::need_input);
    CHECK(p.client.pending());

    const reading second = read_all(p.client, bytes.substr(10));
    CHECK(second.text == "answer");
    CHECK_FALSE(p.client.pending());
}

TEST_CASE("tls_session callers_context_cannot_verify_less")
{
    const auto real = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto other = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto lenient = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    lenient->add_certificate_authority(asio::buffer(real.ca));
    errc expected = errc::tls_untrusted;

    SUBCASE("verify_none") { lenient->set_verify_mode(asio::ssl::verify_none); }
    SUBCASE("a callback that says yes")
    {
        SSL_CTX_set_verify(lenient->native_handle(), SSL_VERIFY_NONE, [](int, X509_STORE_CTX* store) {
            X509_STORE_CTX_set_error(store, X509_V_OK);
            return 1;
        });
    }
    SUBCASE("a verification of its own that says yes")
    {
        SSL_CTX_set_cert_verify_callback(
            lenient->native_handle(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
    }

    tls_context context(trusting(lenient), origin_of("https://localhost"));
    tls_session client(context);
    peer server(other);
    CHECK(shake_hands(client, server) == progress::failed);
    CHECK(client.failure() == expected);
}

TEST_CASE("tls_session callers_callback_may_refuse_more")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto strict = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    strict->add_certificate_authority(asio::buffer(identity.ca));
    strict->set_verify_callback([](bool, asio::ssl::verify_context& v) {
        X509_STORE_CTX_set_error(v.native_handle(), X509_V_ERR_APPLICATION_VERIFICATION);
        return false;
    });

    tls_context context(trusting(strict), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity);
    CHECK(shake_hands(client, server) == progress::failed);
    CHECK(client.failure() == errc::tls_untrusted);
    CHECK(client.cause().value() == X509_V_ERR_APPLICATION_VERIFICATION);
}

TEST_CASE("tls_session server_without_certificate_is_refused")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto anonymous = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX_set_cipher_list(anonymous->native_handle(), "ALL:aNULL:@SECLEVEL=0");

    tls_context context(trusting(anonymous), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity, "aNULL:@SECLEVEL=0");
    CHECK(shake_hands(client, server) == progress::failed);
}

TEST_CASE("tls_session minimum_of_callers_context_is_kept")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto strict = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    strict->add_certificate_authority(asio::buffer(identity.ca));
    SSL_CTX_set_min_proto_version(strict->native_handle(), TLS1_3_VERSION);

    tls_context context(trusting(strict), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity, "DEFAULT");
    CHECK(shake_hands(client, server) == progress::failed);
    CHECK(client.failure() == errc::tls_protocol);
}

TEST_CASE("tls_session partial_writes_of_callers_context_are_off")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto partial = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    partial->add_certificate_authority(asio::buffer(identity.ca));
    SSL_CTX_set_mode(partial->native_handle(), SSL_MODE_ENABLE_PARTIAL_WRITE);

    tls_context context(trusting(partial), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity);
    REQUIRE(shake_hands(client, server) == progress::done);

    const std::string request(60'000, 'x'); // four records
    CHECK(client.write(request));
    CHECK(client.output().size() > request.size());
}

TEST_CASE("tls_session session_is_remembered_once_its_ticket_came")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    tls_context context(trust::ca_pem(identity.ca), origin_of("https://localhost"));
    tls_session first(context);
    peer server(identity);
    REQUIRE(shake_hands(first, server) == progress::done);
    first.save_session();
    CHECK(context.session() == nullptr);

    server.write("answer");
    read_all(first, server.take());
    first.save_session();
    CHECK(context.session() != nullptr);
    CHECK_FALSE(first.resumed());
}

namespace {

enum class certificate : unsigned char
{
    none,
    wanted,
    other,
};

struct demand
{
    progress handshake;
    errc failure;
    reading response;
};

// A server that demands the certificate `wanted` of a client that has the one named, or none.
demand meet_demand(int version, certificate given)
{
    const auto of_server = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto wanted = sandbox::detail::make_identity(sandbox::certificate_kind::self_signed);
    const auto other = sandbox::detail::make_identity(sandbox::certificate_kind::self_signed);
    const auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    context->add_certificate_authority(asio::buffer(of_server.ca));
    SSL_CTX_set_max_proto_version(context->native_handle(), version);
    if (given != certificate::none) {
        const auto& own = given == certificate::wanted ? wanted : other;
        context->use_certificate_chain(asio::buffer(own.chain));
        context->use_private_key(asio::buffer(own.key), asio::ssl::context::pem);
    }
    tls_context c(trusting(context), origin_of("https://localhost"));
    tls_session client(c);
    peer server(of_server);
    server.demand_certificate(wanted);

    demand d{shake_hands(client, server), {}, {}};
    if (d.handshake == progress::done) {
        server.write("response");
        d.response = read_all(client, server.take());
    }
    d.failure = client.failure();
    return d;
}

// A client and a server that have shaken hands, of one version.
struct flood
{
    explicit flood(int version)
        : context(trust::ca_pem(identity.ca), origin_of("https://localhost"))
        , client(context)
        , server(identity, version == TLS1_2_VERSION ? "DEFAULT" : nullptr)
    {
        REQUIRE(shake_hands(client, server) == progress::done);
        read_all(client, server.take()); // tickets
        client.output().clear();
    }

    void update_keys(int times)
    {
        for (int i = 0; i < times; ++i) {
            REQUIRE(SSL_key_update(server.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
            REQUIRE(SSL_do_handshake(server.native()) == 1);
        }
    }

    // The server must take the client's key updates to be able to send more.
    reading take(std::size_t at_once = std::string::npos)
    {
        const std::string bytes = server.take();
        reading r{progress::need_input, {}};
        for (std::size_t at = 0; at < bytes.size() && r.end == progress::need_input; at += at_once) {
            const reading part = read_all(client, bytes.substr(at, at_once));
            r.end = part.end;
            r.text += part.text;
            if (at_once == std::string::npos) break;
        }
        server.feed(std::exchange(client.output(), {}));
        char none = 0;
        SSL_read(server.native(), &none, 1);
        return r;
    }

    sandbox::detail::identity identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    tls_context context;
    tls_session client;
    peer server;
};

} // namespace

TEST_CASE("tls_session fault_88_demanded_client_certificate_is_told")
{
    const struct
    {
        const char* name;
        int version;
        certificate given;
        progress handshake;
        progress end;
        errc failure;
    } cases[] = {
        {"TLS 1.2, none", TLS1_2_VERSION, certificate::none, progress::failed, progress::done,
         errc::tls_client_certificate},
        {"TLS 1.2, one that is not accepted", TLS1_2_VERSION, certificate::other, progress::failed,
         progress::done, errc::tls_client_certificate},
        {"TLS 1.3, none", TLS1_3_VERSION, certificate::none, progress::done, progress::failed,
         errc::tls_client_certificate},
        {"TLS 1.3, one that is not accepted", TLS1_3_VERSION, certificate::other, progress::done,
         progress::failed, errc::tls_client_certificate},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        const demand d = meet_demand(c.version, c.given);
        CHECK(d.handshake == c.handshake);
        CHECK(d.response.end == c.end);
        CHECK(d.response.text.empty());
        CHECK(d.failure == c.failure);
    }
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        const demand d = meet_demand(version, certificate::wanted);
        CHECK(d.handshake == progress::done);
        CHECK(d.response.end == progress::need_input);
        CHECK(d.response.text == "response");
    }
}

TEST_CASE("tls_session fault_88_handshake_failure_without_a_demand_is_another_error")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto narrow = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    narrow->add_certificate_authority(asio::buffer(identity.ca));
    SSL_CTX_set_cipher_list(narrow->native_handle(), "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set_max_proto_version(narrow->native_handle(), TLS1_2_VERSION);
    tls_context context(trusting(narrow), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity, "ECDHE-ECDSA-AES256-GCM-SHA384");
    CHECK(shake_hands(client, server) == progress::failed);
    CHECK(ERR_GET_REASON(static_cast<unsigned long>(client.cause().value())) ==
          SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    CHECK(client.failure() == errc::tls_failed);
}

// Row 88: if data was read, the server may have read the request.
TEST_CASE("tls_session fault_88_alert_behind_data_proves_nothing")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    tls_context context(trust::ca_pem(identity.ca), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity);
    SSL_set_verify(server.native(), SSL_VERIFY_PEER, nullptr); // wanted, not demanded
    REQUIRE(shake_hands(client, server) == progress::done);

    server.write("response");
    REQUIRE(read_all(client, server.take()).text == "response");
    server.choke();
    CHECK(read_all(client, server.take()).end == progress::failed);
    CHECK(client.failure() == errc::connection_lost);
}

// Row 88: the same alert that tells of the certificate, but behind data.
TEST_CASE("tls_session fault_88_demand_behind_data_proves_nothing")
{
    for (const bool spoke : {false, true}) {
        CAPTURE(spoke);
        const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
        tls_context context(trust::ca_pem(identity.ca), origin_of("https://localhost"));
        tls_session client(context);
        peer server(identity);
        server.demand_certificate(identity);
        REQUIRE(client.handshake() == progress::need_input);
        server.feed(std::exchange(client.output(), {}));
        if (spoke)
            server.write_early("response");
        else
            server.accept();
        const std::string flight = server.take();
        client.feed(flight);
        REQUIRE(client.handshake() == progress::done);
        std::array<char, 100> buffer;
        std::size_t size = 0;
        REQUIRE(client.read(buffer.data(), buffer.size(), size) ==
                (spoke ? progress::done : progress::need_input));

        server.feed(std::exchange(client.output(), {}));
        server.accept();
        const reading r = read_all(client, server.take());

        CHECK(r.end == progress::failed);
        CHECK(client.failure() == (spoke ? errc::connection_lost : errc::tls_client_certificate));
    }
}

TEST_CASE("tls_session fault_87_key_updates_without_data_are_bounded")
{
    const struct
    {
        const char* name;
        int updates;
        std::size_t at_once;
        progress end;
    } cases[] = {
        {"few, and two tickets", 30, std::string::npos, progress::need_input},
        {"too many", 34, std::string::npos, progress::failed},
        {"too many, one by one", 34, 7, progress::failed},
        {"a flood", 5000, 16 * 1024, progress::failed},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        flood f(TLS1_3_VERSION);
        f.update_keys(c.updates);
        const reading r = f.take(c.at_once);
        CHECK(r.end == c.end);
        if (c.end == progress::need_input) continue;
        CHECK(f.client.failure() == errc::connection_lost);
        CHECK(f.client.cause() == boost::system::errc::protocol_error);
        CHECK(f.client.output().size() < 34 * 64);
    }
}

TEST_CASE("tls_session fault_87_data_in_between_allows_more")
{
    flood f(TLS1_3_VERSION);
    for (int i = 0; i < 20; ++i) {
        f.update_keys(30);
        f.server.write("data");
        const reading r = f.take();
        CHECK(r.text == "data");
        REQUIRE(r.end == progress::need_input);
    }
}

// Row 87: a byte of data after each few updates must not make one turn of the loop long.
TEST_CASE("tls_session fault_87_key_updates_in_one_read_are_bounded")
{
    flood f(TLS1_3_VERSION);
    for (int i = 0; i < 10; ++i) {
        f.update_keys(20);
        f.server.write("x");
    }
    const reading r = f.take();
    CHECK(r.end == progress::failed);
    CHECK(r.text == "xxx");
}

TEST_CASE("tls_session fault_87_records_without_data_are_bounded")
{
    const struct
    {
        const char* name;
        int before; // records without data, before one with data
        int after;
        progress end;
        const char* text;
    } cases[] = {
        {"few", 30, 30, progress::need_input, "data"},
        {"too many before the data", 34, 0, progress::failed, ""},
        {"too many behind it", 1, 34, progress::failed, "data"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
        tls_context context(trust::ca_pem(identity.ca), origin_of("https://localhost"));
        tls_session client(context);
        peer server(identity);
        REQUIRE(SSL_set_ciphersuites(server.native(), "TLS_AES_128_GCM_SHA256") == 1);
        REQUIRE(SSL_set_num_tickets(server.native(), 0) == 1);
        REQUIRE(shake_hands(client, server) == progress::done);
        forger f(server);
        std::string records;
        for (int i = 0; i < c.before; ++i)
            records += f.record_of({});
        records += f.record_of("data");
        for (int i = 0; i < c.after; ++i)
            records += f.record_of({});

        const reading r = read_all(client, records);

        CHECK(r.end == c.end);
        CHECK(r.text == c.text);
        if (c.end == progress::failed) CHECK(client.failure() == errc::connection_lost);
    }
}

TEST_CASE("tls_session fault_87_tickets_are_bounded")
{
    flood f(TLS1_3_VERSION);
    for (int i = 0; i < 40; ++i) {
        REQUIRE(SSL_new_session_ticket(f.server.native()) == 1);
        REQUIRE(SSL_do_handshake(f.server.native()) == 1);
    }
    CHECK(f.take().end == progress::failed);
    CHECK(f.client.failure() == errc::connection_lost);
}

// Row 87: a TLS 1.2 server can ask for a renegotiation without end, too; each time an alert is sent.
TEST_CASE("tls_session fault_87_hello_requests_are_bounded")
{
    const struct
    {
        int requests;
        progress end;
    } cases[] = {{30, progress::need_input}, {40, progress::failed}, {1000, progress::failed}};
    for (const auto& c : cases) {
        CAPTURE(c.requests);
        flood f(TLS1_2_VERSION);
        for (int i = 0; i < c.requests; ++i) {
            REQUIRE(SSL_renegotiate(f.server.native()) == 1);
            REQUIRE(SSL_do_handshake(f.server.native()) == 1);
        }
        const reading r = read_all(f.client, f.server.take());
        CHECK(r.end == c.end);
        CHECK(f.client.output().size() < 34 * 64);
        if (c.end == progress::need_input) continue;
        CHECK(f.client.failure() == errc::connection_lost);
        CHECK(f.client.cause() == boost::system::errc::protocol_error);
    }
}

// Its operator finds the reason in the log; and nothing is sent behind it.
TEST_CASE("tls_session server_that_is_not_trusted_is_told_by_an_alert")
{
    const auto identity = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    const auto another = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    tls_context context(trust::ca_pem(another.ca), origin_of("https://localhost"));
    tls_session client(context);
    peer server(identity);
    ERR_clear_error();

    CHECK(shake_hands(client, server) == progress::failed);

    CHECK(client.failure() == errc::tls_untrusted);
    CHECK(ERR_GET_REASON(ERR_get_error()) == SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA);
    CHECK(SSL_is_init_finished(server.native()) == 0);
    ERR_clear_error();
}

TEST_CASE("tls_session renegotiation_is_refused")
{
    flood f(TLS1_2_VERSION);
    REQUIRE(SSL_renegotiate(f.server.native()) == 1);
    REQUIRE(SSL_do_handshake(f.server.native()) == 1); // HelloRequest
    ERR_clear_error();

    const reading r = f.take();

    CHECK(r.end == progress::need_input);
    CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_RENEGOTIATION); // of the server
    ERR_clear_error();
}

TEST_CASE("tls_session records_may_come_in_any_pieces")
{
    for (const std::size_t piece : {1U, 2U, 3U, 4U, 5U, 6U, 21U, 22U, 23U, 4096U}) {
        CAPTURE(piece);
        flood f(TLS1_3_VERSION);
        std::string sent;
        for (const std::size_t size : {1U, 100U, 16384U, 16385U, 70000U, 5U}) {
            sent.append(size, static_cast<char>('a' + size % 26));
            f.server.write(std::string(size, static_cast<char>('a' + size % 26)));
        }
        const reading r = f.take(piece);
        CHECK(r.text == sent);
        CHECK(r.end == progress::need_input);
    }
}
