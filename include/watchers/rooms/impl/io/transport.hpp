// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string_view>

namespace watchers::rooms::detail {

using endpoint = boost::asio::ip::tcp::endpoint;

// One connection's stream of plaintext bytes, TLS included. What is above it runs the same on sockets and on
// a simulation.
//
// Contract: no member function calls the listener before it has returned; after close() the listener is not
// called again. connect(), then secure(), then send() as often as wanted. Reading needs no call: from
// secure() on whatever arrives is delivered, and so is the end of the stream, on an idle connection too.
class transport
{
public:
    class listener
    {
    public:
        // The TCP connection is there, or failed with the operating system's error.
        virtual void on_connected(transport&, error_code) = 0;

        // The connection may be used, or failed: with an errc of the tls group and OpenSSL's error as the
        // cause, or with errc::connection_lost.
        virtual void on_secured(transport&, error_code, error_code cause) = 0;

        // Bytes of the stream. More may be at hand: nothing is to be concluded before on_settled() or
        // on_closed().
        virtual void on_data(std::string_view) = 0;

        // All bytes that had arrived are delivered. Called last: the transport may be closed or destroyed
        // from here.
        virtual void on_settled() = 0;

        // What send() could not write at once is written.
        virtual void on_written() = 0;

        // The stream ended, by an error (errc or operating system) or its end. Called last.
        // @param clean the peer said that this is the end (close_notify; without TLS, any end that is no
        // error).
        virtual void on_closed(error_code, bool clean) = 0;

        // The server refused the connection after on_secured() was called, and has read nothing that was
        // sent: in TLS 1.3 the server checks the client's part of the handshake after that. Called last, in
        // place of on_closed().
        virtual void on_refused(errc, error_code cause) = 0;

    protected:
        ~listener() = default;
    };

    virtual ~transport() = default;

    virtual void listen(listener&) noexcept = 0;
    virtual void connect(const endpoint&) = 0;
    virtual void secure() = 0;

    // @returns whether all is written; if not, on_written() or on_closed() follows. The bytes may be wiped
    // afterwards.
    virtual bool send(std::string_view) = 0;

    // Whether nothing is left behind of what had arrived when the last bytes were read.
    virtual bool drained() const noexcept { return true; }

    // Whether nothing has arrived that is not delivered yet: a connection to be used again must not be at its
    // end, nor have an answer that nobody asked for.
    virtual bool quiet() noexcept { return true; }

    // Ends the stream without waiting for anything. TLS is told in passing where that needs no wait.
    virtual void close() noexcept = 0;

    // Whether the TLS handshake was abbreviated.
    virtual bool resumed() const noexcept = 0;
};

} // namespace watchers::rooms::detail
