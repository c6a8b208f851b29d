// SPDX-License-Identifier: BSL-1.0
#pragma once

// A TLS server that the sandbox cannot play: it demands a certificate, floods, or speaks at the wrong moment.

#include "net.hpp"

#include "src/sandbox/certificates.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace net {

// One connection of it. What is written is held back until flush(), read() or the handshake needs the peer.
class tls_peer_connection
{
public:
    tls_peer_connection(asio::ip::tcp::socket socket, SSL_CTX* context)
        : socket_(std::move(socket))
        , ssl_(SSL_new(context), SSL_free)
        , in_(BIO_new(BIO_s_mem()))
        , out_(BIO_new(BIO_s_mem()))
    {
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl_.get(), in_, out_);
        SSL_set_accept_state(ssl_.get());
    }

    SSL* native() noexcept { return ssl_.get(); }

    // @returns whether the handshake succeeded; its last flight is held back then.
    bool accept()
    {
        while (true) {
            const int result = SSL_do_handshake(ssl_.get());
            if (result == 1) return true;
            const bool more = SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
            flush();
            if (!more || !receive()) return false;
        }
    }

    // Empty at the end.
    std::string read()
    {
        std::array<char, 4096> buffer;
        while (true) {
            const int size = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
            if (size > 0) return std::string(buffer.data(), static_cast<std::size_t>(size));
            const bool more = SSL_get_error(ssl_.get(), size) == SSL_ERROR_WANT_READ;
            flush();
            if (!more || !receive()) return {};
        }
    }

    void write(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }

    bool update_keys()
    {
        return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl_.get()) == 1;
    }

    // TLS 1.2
    bool ask_to_renegotiate()
    {
        return SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1;
    }

    // @returns whether the peer is still there
    bool flush()
    {
        std::string bytes(BIO_ctrl_pending(out_), '\0');
        if (bytes.empty()) return true;
        BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
        rooms::error_code ec;
        asio::write(socket_, asio::buffer(bytes), ec);
        return !ec;
    }

    // After the end: whether the peer said that it would come (close_notify).
    bool ended_cleanly() const noexcept
    {
        return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

    // Takes what has come, and looks at none of it.
    void discard()
    {
        std::array<char, 4096> buffer;
        rooms::error_code ec;
        while (!ec && socket_.available(ec) > 0)
            socket_.read_some(asio::buffer(buffer), ec);
    }

    // Until the peer ends the connection.
    void wait_for_end()
    {
        while (receive()) {
        }
    }

private:
    bool receive()
    {
        std::array<char, 4096> buffer;
        rooms::error_code ec;
        const std::size_t size = socket_.read_some(asio::buffer(buffer), ec);
        if (!ec) BIO_write(in_, buffer.data(), static_cast<int>(size));
        return !ec;
    }

    asio::ip::tcp::socket socket_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    BIO* in_;
    BIO* out_;
};

// Serves one connection after the other in a thread of its own. Clients must be gone before it.
class tls_peer
{
public:
    using body = std::function<void(tls_peer_connection&)>;

    tls_peer(void (*tweak)(SSL_CTX*, const sandbox::detail::identity& client), body b)
        : context_(asio::ssl::context::tls_server)
        , acceptor_(io_, {asio::ip::address_v4::loopback(), 0})
        , body_(std::move(b))
    {
        context_.use_certificate_chain(asio::buffer(own_.chain));
        context_.use_private_key(asio::buffer(own_.key), asio::ssl::context::pem);
        if (tweak != nullptr) tweak(context_.native_handle(), client_);
        thread_ = std::thread([this] { serve(); });
    }

    ~tls_peer()
    {
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }

    tls_peer(const tls_peer&) = delete;
    tls_peer& operator=(const tls_peer&) = delete;

    // The kernel holds little of what a client sends and the body does not read.
    void shrink_buffers()
    {
        acceptor_.set_option(asio::socket_base::receive_buffer_size(4096));
        const int segment = 536;
        ::setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }

    int connections() const noexcept { return connections_; }
    const sandbox::detail::identity& client_identity() const noexcept { return client_; }

    // A context that trusts this server.
    std::shared_ptr<asio::ssl::context> client_context() const
    {
        auto c = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
        c->add_certificate_authority(asio::buffer(own_.ca));
        return c;
    }

    rooms::config client_config() const
    {
        rooms::config c(rooms::credentials("key", "token"));
        c.base_url = "https://localhost:" + std::to_string(acceptor_.local_endpoint().port());
        c.trust = rooms::trust::ca_pem(own_.ca);
        return c;
    }

private:
    void serve()
    {
        while (true) {
            rooms::error_code ec;
            asio::ip::tcp::socket socket = acceptor_.accept(ec);
            if (ec) return;
            ++connections_;
            tls_peer_connection c(std::move(socket), context_.native_handle());
            body_(c);
        }
    }

    sandbox::detail::identity own_ = sandbox::detail::make_identity(sandbox::certificate_kind::valid);
    sandbox::detail::identity client_ =
        sandbox::detail::make_identity(sandbox::certificate_kind::self_signed);
    asio::io_context io_;
    asio::ssl::context context_;
    asio::ip::tcp::acceptor acceptor_;
    body body_;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

} // namespace net
