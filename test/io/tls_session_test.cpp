// SPDX-License-Identifier: BSL-1.0
// The TLS machine against OpenSSL's server side, in memory: what no socket and no sandbox can show.

#include "src/sandbox/certificates.hpp"

#include <watchers/rooms/impl/io/tls_session.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
namespace asio = boost::asio;
namespace sandbox = watchers::rooms::sandbox;
using progress = tls_session::progress;

namespace {

origin origin_of(const char* url)
{
    std::string why;
    return *parse_origin(url, false, why);
}

// A server that speaks through memory.
class peer
{
public:
    explicit peer(const sandbox::detail::identity& i, const char* ciphers = nullptr)
        : context_(asio::ssl::context::tls_server)
    {
        context_.use_certificate_chain(asio::buffer(i.chain));
        context_.use_private_key(asio::buffer(i.key), asio::ssl::context::pem);
        if (ciphers != nullptr) {
            SSL_CTX_set_cipher_list(context_.native_handle(), ciphers);
            SSL_CTX_set_max_proto_version(context_.native_handle(), TLS1_2_VERSION);
        }
        ssl_.reset(SSL_new(context_.native_handle()));
        SSL_set_accept_state(ssl_.get());
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl_.get(), in_, out_);
    }

    void feed(std::string_view bytes) { BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())); }
    void accept() { SSL_do_handshake(ssl_.get()); }
    void write(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
    void close_notify() { SSL_shutdown(ssl_.get()); }

    // What is not TLS at all makes it send a fatal alert.
    void choke()
    {
        feed(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
        char byte = 0;
        SSL_read(ssl_.get(), &byte, 1);
    }

    std::string take()
    {
        std::string bytes(BIO_ctrl_pending(out_), '\0');
        if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }

private:
    asio::ssl::context context_;
    std::unique_ptr<SSL, ssl_deleter> ssl_;
    BIO* in_ = nullptr;
    BIO* out_ = nullptr;
};

// Runs the handshake as far as it goes.
progress shake_hands(tls_session& client, peer& server)
{
    auto state = client.handshake();
    for (int rounds = 0; state == progress::need_input && rounds < 10; ++rounds) {
        server.feed(std::exchange(client.output(), {}));
        server.accept();
        const std::string answer = server.take();
        client.feed(answer);
        state = client.handshake();
    }
    server.feed(std::exchange(client.output(), {}));
    server.accept();
    return state;
}

struct reading
{
    progress end;
    std::string text;
};

reading read_all(tls_session& client, const std::string& ciphertext)
{
    client.feed(ciphertext);
    reading r{progress::done, {}};
    while (r.end == progress::done) {
        std::array<char, 4096> buffer;
        std::size_t size = 0;
        r.end = client.read(buffer.data(), buffer.size(), size);
        r.text.append(buffer.data(), size);
    }
    return r;
}

trust trusting(const std::shared_ptr<asio::ssl::context>& c) { return trust::context(c); }

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
