// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace watchers::rooms::detail {

struct session_deleter
{
    void operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
};
using session_ptr = std::unique_ptr<SSL_SESSION, session_deleter>;

// Trust and TLS sessions of one client, made once: reading the system's certificates costs more than forty
// handshakes. Sessions are kept for this client's one host and trust alone, since a resumed handshake does
// not verify the host again.
class tls_context
{
public:
    // @throws error errc::invalid_argument if the certificates cannot be read.
    tls_context(const trust&, const origin&);

    SSL_CTX* native() const noexcept { return context_->native_handle(); }
    const origin& server() const noexcept { return origin_; }

    // The session of the newest connection that left one; null if there is none, or if the certificate in it
    // has expired or was verified more than an hour ago: what is resumed is not verified again.
    SSL_SESSION* session() noexcept;

    // @param verified a full handshake made it
    void remember(session_ptr, bool verified) noexcept;

private:
    std::shared_ptr<boost::asio::ssl::context> context_;
    origin origin_;
    session_ptr session_;
    clock::time_point verified_at_;
};

} // namespace watchers::rooms::detail
