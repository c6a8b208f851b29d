// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/io/tls_context.hpp>

#include <boost/asio/buffer.hpp>

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL tls_context::tls_context(const trust& t, const origin& o, tls_clock c)
    : origin_(o)
    , clock_(c)
{
    namespace ssl = boost::asio::ssl;
    if (t.which() == trust::kind::context) {
        context_ = t.ssl_context();
        return;
    }
    context_ = std::make_shared<ssl::context>(ssl::context::tls_client);
    error_code ec;
    switch (t.which()) {
    case trust::kind::system: context_->set_default_verify_paths(ec); break;
    case trust::kind::ca_file: context_->load_verify_file(t.text(), ec); break;
    default: context_->add_certificate_authority(boost::asio::buffer(t.text()), ec);
    }
    if (!ec) return;
    const char* const what =
        t.which() == trust::kind::ca_file  ? "trust: cannot read certificates from the file "
        : t.which() == trust::kind::ca_pem ? "trust: the PEM text holds no certificate"
                                           : "trust: cannot read the system's certificates";
    throw error(errc::invalid_argument, diagnostics().set_cause(ec).set_message(
                                            t.which() == trust::kind::ca_file ? what + t.text() : what));
}

WATCHERS_ROOMS_DECL std::time_t* tls_context::date() noexcept
{
    if (clock_.date == nullptr) return nullptr;
    date_ = clock_.date();
    return &date_;
}

WATCHERS_ROOMS_DECL SSL_SESSION* tls_context::session() noexcept
{
    if (!session_) return nullptr;
    const X509* const certificate = SSL_SESSION_get0_peer(session_.get());
    const bool valid = certificate != nullptr && X509_cmp_time(X509_get0_notAfter(certificate), date()) > 0;
    if (!valid || clock_.now() - verified_at_ > std::chrono::hours(1)) session_.reset();
    return session_.get();
}

WATCHERS_ROOMS_DECL void tls_context::remember(session_ptr s, clock::time_point verified_at) noexcept
{
    session_ = std::move(s);
    verified_at_ = verified_at;
}

} // namespace watchers::rooms::detail
