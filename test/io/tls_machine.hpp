// SPDX-License-Identifier: BSL-1.0
#pragma once

// A TLS server in memory, for a tls_session to speak with.

#include "src/sandbox/certificates.hpp"

#include <watchers/rooms/impl/io/tls_session.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tls_machine {

using namespace watchers::rooms;
using namespace watchers::rooms::detail;
namespace asio = boost::asio;
namespace sandbox = watchers::rooms::sandbox;
using progress = tls_session::progress;

inline origin origin_of(const char* url)
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
        SSL_CTX_set_keylog_callback(context_.native_handle(), [](const SSL* s, const char* line) {
            const std::string_view text(line);
            if (text.starts_with("SERVER_TRAFFIC_SECRET_0 "))
                static_cast<peer*>(SSL_get_app_data(s))->secret_ = text.substr(text.rfind(' ') + 1);
        });
        start();
    }

    // Forgets the connection, and takes another.
    void start()
    {
        ssl_.reset(SSL_new(context_.native_handle()));
        SSL_set_accept_state(ssl_.get());
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl_.get(), in_, out_);
        SSL_set_app_data(ssl_.get(), this);
    }

    SSL* native() noexcept { return ssl_.get(); }

    // From which the keys follow that it writes with: hexadecimal digits (TLS 1.3).
    const std::string& secret() const noexcept { return secret_; }

    // TLS 1.2 sends the alert with accept(), TLS 1.3 as well: the client's part of the handshake is over
    // then.
    void demand_certificate(const sandbox::detail::identity& of_client)
    {
        const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
            BIO_new_mem_buf(of_client.chain.data(), static_cast<int>(of_client.chain.size())), BIO_free);
        X509* const certificate = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.native_handle()), certificate);
        X509_free(certificate);
        SSL_CTX_set_purpose(context_.native_handle(), X509_PURPOSE_ANY);
        SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        X509_VERIFY_PARAM_set_flags(SSL_get0_param(ssl_.get()), X509_V_FLAG_PARTIAL_CHAIN);
        SSL_set_purpose(ssl_.get(), X509_PURPOSE_ANY);
    }

    void feed(std::string_view bytes) { BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())); }
    void accept() { SSL_do_handshake(ssl_.get()); }
    void write(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }

    // TLS 1.3: behind its own part of the handshake, without waiting for the client's.
    void write_early(std::string_view text)
    {
        std::size_t size = 0;
        char none = 0;
        SSL_read_early_data(ssl_.get(), &none, 1, &size);
        SSL_write_early_data(ssl_.get(), text.data(), text.size(), &size);
    }

    void close_notify() { SSL_shutdown(ssl_.get()); }

    // Bytes that are not TLS make it send a fatal alert.
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
    std::string secret_;
};

// Runs the handshake as far as it goes.
inline progress shake_hands(tls_session& client, peer& server)
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

inline reading read_all(tls_session& client, const std::string& ciphertext)
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

inline trust trusting(const std::shared_ptr<asio::ssl::context>& c) { return trust::context(c); }

} // namespace tls_machine
