// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <boost/asio/ssl/context.hpp>

#include <ctime>
#include <memory>
#include <string>

namespace watchers::rooms::detail {

struct session_deleter
{
    void operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
};
using session_ptr = std::unique_ptr<SSL_SESSION, session_deleter>;

// Where the time comes from; the tests have others.
struct tls_clock
{
    clock::time_point (*now)() = [] { return clock::now(); }; // since a chain was verified
    std::time_t (*date)() = nullptr;                          // of certificates; null: the system's
};

// Trust and TLS sessions of one client, made once: reading the system's certificates costs more than forty
// handshakes. Sessions are kept for this client's one host and trust alone, since a resumed handshake does
// not verify the host again.
class tls_context
{
public:
    // @throws error errc::invalid_argument if the certificates cannot be read.
    tls_context(const trust&, const origin&, tls_clock = tls_clock());

    SSL_CTX* native() const noexcept { return context_->native_handle(); }
    const origin& server() const noexcept { return origin_; }

    // The time that certificates are checked against. Null: OpenSSL takes the system's time.
    std::time_t* date() noexcept;

    // The session of the newest connection that left one; null if there is none, or if the certificate in it
    // has expired or was verified more than an hour ago: what is resumed is not verified again.
    SSL_SESSION* session() noexcept;

    // When the chain of that session was verified.
    clock::time_point verified_at() const noexcept { return verified_at_; }
    clock::time_point now() const { return clock_.now(); }

    void remember(session_ptr, clock::time_point verified_at) noexcept;

private:
    std::shared_ptr<boost::asio::ssl::context> context_;
    origin origin_;
    tls_clock clock_;
    std::time_t date_ = 0;
    session_ptr session_;
    clock::time_point verified_at_;
};

} // namespace watchers::rooms::detail
