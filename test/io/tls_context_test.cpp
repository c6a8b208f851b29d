// SPDX-License-Identifier: BSL-1.0
// Which certificates are believed, by their names and their time, and for how long.

#include "tls_machine.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <string>

using namespace tls_machine;
using namespace std::chrono_literals;

namespace {

std::time_t date_now = 0;
detail::clock::time_point clock_now;

constexpr std::time_t first_day = 1'700'000'000;
constexpr std::time_t last_second = 1'700'086'400;

tls_clock test_clock()
{
    tls_clock c;
    c.now = [] { return clock_now; };
    c.date = [] { return date_now; };
    return c;
}

// A self-signed certificate that names localhost, valid from first_day to last_second.
// @param alternative whether as its alternative name; else as its subject's common name
sandbox::detail::identity named_localhost(bool alternative)
{
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x(X509_new(), X509_free);
    X509_set_version(x.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
    ASN1_TIME_set(X509_getm_notBefore(x.get()), first_day);
    ASN1_TIME_set(X509_getm_notAfter(x.get()), last_second);
    X509_set_pubkey(x.get(), key.get());
    X509_NAME* const name = X509_get_subject_name(x.get());
    const auto* const common =
        reinterpret_cast<const unsigned char*>(alternative ? "a service" : "localhost");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
    X509_set_issuer_name(x.get(), name);
    if (alternative) {
        X509_EXTENSION* const e =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
        X509_add_ext(x.get(), e, -1);
        X509_EXTENSION_free(e);
    }
    REQUIRE(X509_sign(x.get(), key.get(), EVP_sha256()) > 0);

    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    const auto written = [&] {
        std::string text(BIO_ctrl_pending(out.get()), '\0');
        BIO_read(out.get(), text.data(), static_cast<int>(text.size()));
        return text;
    };
    sandbox::detail::identity i;
    PEM_write_bio_X509(out.get(), x.get());
    i.ca = i.chain = written();
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    i.key = written();
    return i;
}

// A service that is connected to again and again, each time with the session of the time before.
struct service
{
    // @param ciphers as of peer: with some, TLS 1.2
    explicit service(const char* ciphers) : server(identity, ciphers)
    {
        date_now = first_day;
        clock_now = {};
    }

    struct connection
    {
        progress handshake;
        errc failure;
        bool resumed;
    };

    connection connect()
    {
        tls_session client(context);
        server.start();
        connection c{shake_hands(client, server), client.failure(), client.resumed()};
        if (c.handshake == progress::done) {
            server.write("response");
            REQUIRE(read_all(client, server.take()).text == "response");
            client.save_session();
        }
        return c;
    }

    sandbox::detail::identity identity = named_localhost(true);
    tls_context context{trust::ca_pem(identity.ca), origin_of("https://localhost"), test_clock()};
    peer server;
};

} // namespace

TEST_CASE("tls_context common_name_is_not_believed")
{
    const auto identity = named_localhost(false);
    const auto own = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    own->add_certificate_authority(asio::buffer(identity.ca));
    errc expected = errc::tls_host_mismatch;

    SUBCASE("by OpenSSL") {}
    SUBCASE("where the context's own verification looks at no name")
    {
        SSL_CTX_set_cert_verify_callback(
            own->native_handle(),
            [](X509_STORE_CTX* store, void*) {
                X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(store), nullptr, 0);
                return X509_verify_cert(store);
            },
            nullptr);
        expected = errc::tls_untrusted;
    }

    date_now = first_day;
    tls_context context(trusting(own), origin_of("https://localhost"), test_clock());
    tls_session client(context);
    peer server(identity);
    CHECK(shake_hands(client, server) == progress::failed);
    CHECK(client.failure() == expected);
}

TEST_CASE("tls_context chain_is_verified_again_after_an_hour")
{
    for (const char* ciphers : {static_cast<const char*>(nullptr), "DEFAULT"}) {
        service s(ciphers);
        const struct
        {
            std::chrono::minutes at;
            bool resumed;
        } connections[] = {{0min, false},  {50min, true},  {59min, true},
                           {61min, false}, {120min, true}, {122min, false}};
        for (const auto& c : connections) {
            CAPTURE(c.at.count());
            clock_now = detail::clock::time_point(c.at);
            const auto got = s.connect();
            CHECK(got.handshake == progress::done);
            CHECK(got.resumed == c.resumed);
        }
    }
}

// The server dropped its key for tickets in between, so that the newer connection shook hands in full.
TEST_CASE("tls_context ticket_that_comes_late_keeps_the_time_of_its_own_chain")
{
    service s(nullptr);
    clock_now = {};
    REQUIRE_FALSE(s.connect().resumed);
    const auto save_late = [&s](tls_session& client) {
        s.server.write("response");
        REQUIRE(read_all(client, s.server.take()).text == "response");
        client.save_session();
    };
    clock_now = detail::clock::time_point(50min);
    tls_session older(s.context);
    s.server.start();
    REQUIRE(shake_hands(older, s.server) == progress::done);
    REQUIRE(older.resumed());
    s.context.remember(nullptr, detail::clock::time_point(50min)); // as the newer one did

    save_late(older);

    clock_now = detail::clock::time_point(61min);
    CHECK(s.context.session() == nullptr);
}

TEST_CASE("tls_context session_of_an_expired_certificate_is_not_resumed")
{
    for (const char* ciphers : {static_cast<const char*>(nullptr), "DEFAULT"}) {
        for (const std::time_t after : {0, 1, 3}) {
            CAPTURE(after);
            service s(ciphers);
            date_now = last_second - 2;
            CHECK_FALSE(s.connect().resumed);
            date_now = last_second - 1;
            CHECK(s.connect().resumed);

            date_now = last_second + after;
            const auto late = s.connect();

            CHECK(late.handshake == progress::failed);
            CHECK(late.failure == errc::tls_expired);
            CHECK_FALSE(late.resumed);
        }
    }
}
