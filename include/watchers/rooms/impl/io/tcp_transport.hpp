// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/io_shell.hpp>
#include <watchers/rooms/impl/io/tls_session.hpp>
#include <watchers/rooms/impl/io/transport.hpp>
#include <watchers/rooms/impl/wipe.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms::detail {

// A transport on a TCP socket, through TLS if the shell has it.
//
// One read is pending all the time, so that an answer, the end of an idle connection and a TLS ticket take
// the same way. Writes are tried at once, in the caller's stack, and become an operation only where the
// socket's buffer is full: a request costs three system calls (send, wait, receive),
// and where the answer is not there yet a receive in vain.
template <class Executor>
class tcp_transport final : public transport, public std::enable_shared_from_this<tcp_transport<Executor>>
{
public:
    explicit tcp_transport(std::shared_ptr<io_shell<Executor>> s) : shell_(std::move(s)), socket_(shell_->io)
    {}

    ~tcp_transport() override
    {
        if (tls_) return;
        wipe_text(unsent_); // they hold credentials
        wipe_text(in_flight_);
    }

    void listen(transport::listener& l) noexcept override { listener_ = &l; }

    void connect(const endpoint& to) override
    {
        error_code ec;
        open(to.protocol(), ec);
        if (!ec) socket_.set_option(boost::asio::ip::tcp::no_delay(true), ec);
        if (!ec) socket_.non_blocking(true, ec);
        if (ec) return later([ec](tcp_transport& t) { t.listener_->on_connected(t, ec); });
        socket_.async_connect(to, [self = this->shared_from_this()](error_code result) {
            self->shell_->enter([self, result] {
                if (self->listener_ != nullptr) self->listener_->on_connected(*self, result);
            });
        });
        shell_->work.operation_began();
    }

    void secure() override
    {
        if (!shell_->tls) {
            later([](tcp_transport& t) {
                t.read();
                t.listener_->on_secured(t, {}, {});
            });
            return;
        }
        tls_.emplace(*shell_->tls);
        handshaking_ = true;
        // A context of the caller's may have nothing to offer.
        if (tls_->handshake() == tls_session::progress::failed)
            return later(
                [](tcp_transport& t) { t.listener_->on_secured(t, t.tls_->failure(), t.tls_->cause()); });
        flush();
        read();
    }

    bool send(std::string_view bytes) override
    {
        if (!tls_) {
            unsent_.reserve(bytes.size()); // growing would leave a copy behind
            unsent_.append(bytes);
        } else if (!tls_->write(bytes)) {
            later([](tcp_transport& t) { t.listener_->on_closed(t.tls_->cause(), false); });
            return false;
        }
        return flush();
    }

    bool drained() const noexcept override { return drained_ && !(tls_ && tls_->pending()); }

    bool quiet() noexcept override
    {
        char byte = 0;
        error_code ec;
        socket_.receive(boost::asio::buffer(&byte, 1), boost::asio::socket_base::message_peek, ec);
        return ec == boost::asio::error::would_block && !arrived_.load(std::memory_order_relaxed);
    }

    void close() noexcept override
    {
        listener_ = nullptr;
        error_code ignored;
        if (tls_ && !in_flight()) {
            tls_->close_notify();
            if (!unsent().empty()) socket_.write_some(boost::asio::buffer(unsent()), ignored);
        }
        socket_.close(ignored);
    }

    bool resumed() const noexcept override { return tls_ && tls_->resumed(); }

private:
    // Asio's open() sets close-on-exec nowhere, and set afterwards it would miss a fork() in between.
    void open(const boost::asio::ip::tcp& protocol, error_code& ec)
    {
        const int fd = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
        if (fd < 0) {
            ec.assign(errno, boost::system::system_category());
            return;
        }
        socket_.assign(protocol, fd, ec);
        if (ec) ::close(fd);
    }

    template <class F>
    void later(F f)
    {
        boost::asio::post(shell_->io, [self = this->shared_from_this(), f] {
            self->shell_->enter([self, f] {
                if (self->listener_ != nullptr) f(*self);
            });
        });
        shell_->work.operation_began();
    }

    void read()
    {
        socket_.async_read_some(boost::asio::buffer(received_),
                                [self = this->shared_from_this()](error_code ec, std::size_t size) {
                                    self->arrived_.store(true, std::memory_order_relaxed);
                                    self->shell_->enter([self, ec, size] {
                                        self->arrived_.store(false, std::memory_order_relaxed);
                                        if (self->listener_ != nullptr) self->on_read(ec, size);
                                    });
                                });
        shell_->work.operation_began();
    }

    // Asio tries to read at once. Right behind an answer that is in vain; after the other connections' turn
    // there may be something, the answer to the next request even.
    void read_later()
    {
        later([](tcp_transport& t) { t.read(); });
    }

    void on_read(error_code ec, std::size_t size)
    {
        const std::string_view bytes(received_.data(), size);
        drained_ = size < received_.size();
        if (!tls_) {
            if (ec)
                return listener_->on_closed(ec == boost::asio::error::eof ? error_code() : ec,
                                            ec == boost::asio::error::eof);
            listener_->on_data(bytes);
            read_later();
            return listener_->on_settled();
        }
        if (ec)
            return handshaking_ ? listener_->on_secured(*this, errc::connection_lost, ec)
                                : listener_->on_closed(ec, false);
        tls_->feed(bytes);
        if (handshaking_)
            shake_hands();
        else
            decrypt();
    }

    void shake_hands()
    {
        switch (tls_->handshake()) {
        case tls_session::progress::done: break;
        case tls_session::progress::need_input:
            flush();
            read();
            return;
        default:
            flush(); // the alert that tells the peer why
            listener_->on_secured(*this, tls_->failure(), tls_->cause());
            return;
        }
        handshaking_ = false;
        std::size_t early = 0; // the server must not speak first
        if (tls_->read(shell_->plaintext.data(), shell_->plaintext.size(), early) !=
            tls_session::progress::need_input)
            return listener_->on_secured(*this, errc::tls_failed, {});
        tls_->save_session();
        // This may send: the handshake's last flight goes with the first request.
        listener_->on_secured(*this, {}, {});
        if (listener_ == nullptr) return;
        flush();
        read();
    }

    void decrypt()
    {
        auto state = tls_session::progress::done;
        while (state == tls_session::progress::done) {
            std::size_t size = 0;
            state = tls_->read(shell_->plaintext.data(), shell_->plaintext.size(), size);
            if (size > 0) listener_->on_data({shell_->plaintext.data(), size});
        }
        tls_->save_session();
        flush();
        if (tls_->output().size() > longest_backlog) state = tls_session::progress::failed;
        switch (state) {
        case tls_session::progress::ended: return listener_->on_closed({}, true);
        case tls_session::progress::failed: return fail();
        default: break;
        }
        read_later();
        listener_->on_settled();
    }

    void fail()
    {
        if (tls_->failure() == errc::tls_client_certificate)
            return listener_->on_refused(tls_->failure(), tls_->cause());
        listener_->on_closed(tls_->cause(), false);
    }

    std::string& unsent() noexcept { return tls_ ? tls_->output() : unsent_; }
    bool in_flight() const noexcept { return !in_flight_.empty(); }

    // Writes what there is, as far as the socket takes it.
    // @returns whether nothing is left. A failure is left to the reading side: an answer may have come all
    // the same.
    bool flush()
    {
        if (in_flight()) return false;
        if (unsent().empty()) return true;
        in_flight_.swap(unsent());
        sent_ = 0;
        error_code ec;
        advance(socket_.write_some(boost::asio::buffer(in_flight_), ec));
        if (!in_flight()) return true;
        if (!ec || ec == boost::asio::error::would_block) write();
        return false;
    }

    void write()
    {
        socket_.async_write_some(boost::asio::buffer(in_flight_) + sent_,
                                 [self = this->shared_from_this()](error_code ec, std::size_t size) {
                                     self->shell_->enter([self, ec, size] {
                                         if (self->listener_ != nullptr && !ec) self->on_write(size);
                                     });
                                 });
        shell_->work.operation_began();
    }

    void on_write(std::size_t size)
    {
        advance(size);
        if (in_flight()) return write();
        if (flush()) listener_->on_written();
    }

    void advance(std::size_t size) noexcept
    {
        sent_ += size;
        if (sent_ < in_flight_.size()) return;
        if (tls_)
            in_flight_.clear();
        else
            wipe_text(in_flight_); // plain HTTP: it holds the credentials
    }

    // What TLS may have to say by itself (answers to key updates) while the peer does not read.
    static constexpr std::size_t longest_backlog = 64 * 1024;

    std::shared_ptr<io_shell<Executor>> shell_;
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor> socket_;
    transport::listener* listener_ = nullptr;
    std::optional<tls_session> tls_;
    std::atomic<bool> arrived_ = false; // something was read that waits for the guarding executor
    std::string unsent_;                // plain HTTP only
    std::string in_flight_;             // being written: not to be moved
    std::size_t sent_ = 0;              // of it
    bool handshaking_ = false;
    bool drained_ = true; // the last read took all that the socket had
    std::array<char, 16 * 1024> received_;
};

} // namespace watchers::rooms::detail
