// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/tls_session.hpp>

#include <boost/asio/ssl/error.hpp>
#include <boost/system/errc.hpp>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace watchers::rooms::detail {

// OpenSSL's reasons not to believe a certificate.
class verification_category_type final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "openssl.verification"; }
    std::string message(int value) const override { return X509_verify_cert_error_string(value); }
};

inline const boost::system::error_category& verification_category() noexcept
{
    static const verification_category_type category;
    return category;
}

// What a certificate that was not believed is to the caller.
inline errc verification_error(long result) noexcept
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return errc::tls_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return errc::tls_not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return errc::tls_host_mismatch;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return errc::tls_weak_key;
    default: return errc::tls_untrusted;
    }
}

inline errc handshake_error(unsigned long code) noexcept
{
    switch (ERR_GET_REASON(code)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW: return errc::tls_protocol;
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
    case SSL_R_DH_KEY_TOO_SMALL: return errc::tls_weak_key;
    default: return errc::tls_failed;
    }
}

// Whether an alert refuses the client's certificate or its absence. Servers use different alerts for the
// absence: before TLS 1.3 there was none for it.
// @param given whether the client sent one
inline bool refuses_client_certificate(unsigned long code, bool given) noexcept
{
    switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return true;
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return !given;
    default: return false;
    }
}

// Whether the server asked the client for a certificate: its request must name signature algorithms. The
// certificate callback cannot be used for this, since the caller's context may have set one.
inline bool client_certificate_demanded(SSL* ssl) noexcept
{
    return SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr) > 0;
}

WATCHERS_ROOMS_DECL tls_session::tls_session(tls_context& c) : context_(c), ssl_(SSL_new(c.native()))
{
    BIO* const bio = ssl_ ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    SSL* const ssl = ssl_.get();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);

    // Set here and not on the context, which may be the caller's: none can be had that verifies less.
    SSL_set_verify(ssl, SSL_VERIFY_PEER, verify);
    if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION) SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const std::string& host = c.server().host();
    const int named = c.server().is_address_literal()
                          ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())
                          : X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
    if (named != 1) throw std::bad_alloc();
    if (const std::time_t* const date = c.date()) X509_VERIFY_PARAM_set_time(rules, *date);
    if (!c.server().is_address_literal() && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1)
        throw std::bad_alloc();

    // Released buffers would be allocated anew, some 50 KB, with each request.
    SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_set_read_ahead(ssl, 1);
    offered_ = c.session();
    offered_verified_at_ = c.verified_at();
    if (offered_ != nullptr) SSL_set_session(ssl, c.session());
}

WATCHERS_ROOMS_DECL tls_session::~tls_session()
{
    // A connection that ends otherwise would make its session unusable for others.
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

WATCHERS_ROOMS_DECL tls_session::progress tls_session::handshake()
{
    ERR_clear_error(); // explain() is to find this connection's errors only
    starved_ = false;
    const auto p = conclude(SSL_do_handshake(ssl_.get()), true);
    if (p != progress::done) return p;
    if (authenticated()) {
        established_ = true;
        certificate_demanded_ = client_certificate_demanded(ssl_.get());
        return p;
    }
    explain(true);
    if (SSL_get_verify_result(ssl_.get()) == X509_V_OK) failure_ = errc::tls_untrusted;
    return progress::failed;
}

// The context's own callback, if the caller's context has one, may refuse what OpenSSL accepts; not the other
// way round.
WATCHERS_ROOMS_DECL int tls_session::verify(int valid, X509_STORE_CTX* store)
{
    const auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto callers = SSL_CTX_get_verify_callback(SSL_get_SSL_CTX(ssl));
    if (callers == nullptr) return valid;
    const int result = X509_STORE_CTX_get_error(store);
    const int accepted = callers(valid, store);
    if (valid == 1) return accepted;
    X509_STORE_CTX_set_error(store, result);
    return 0;
}

// Whether it is proven who the server is, whatever the caller's context let pass: a certificate was sent, for
// this host, with a chain that OpenSSL verified. (A resumed handshake has no chain: its session is from one
// that had.)
WATCHERS_ROOMS_DECL bool tls_session::authenticated() const noexcept
{
    SSL* const ssl = ssl_.get();
    X509* const certificate = SSL_get0_peer_certificate(ssl);
    if (SSL_get_verify_result(ssl) != X509_V_OK || certificate == nullptr) return false;
    if (resumed()) return true;
    const origin& server = context_.server();
    const std::string& host = server.host();
    const int named =
        server.is_address_literal()
            ? X509_check_ip_asc(certificate, host.c_str(), 0)
            : X509_check_host(certificate, host.c_str(), host.size(),
                              X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                              nullptr);
    return named == 1 && SSL_get0_verified_chain(ssl) != nullptr;
}

WATCHERS_ROOMS_DECL tls_session::progress tls_session::read(char* to, std::size_t room, std::size_t& size)
{
    size = 0;
    if (input_.empty() && SSL_has_pending(ssl_.get()) == 0) return progress::need_input;
    starved_ = false;
    const int result = SSL_read_ex(ssl_.get(), to, room, &size);
    if (size > 0) {
        data_read_ = true;
        if (records_without_data_ > 0 && records_fed_ > 0) --records_fed_; // the one that held this
        records_without_data_ = 0;
    }
    return conclude(result, false);
}

WATCHERS_ROOMS_DECL bool tls_session::write(std::string_view plaintext)
{
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written) == 1)
        return written == plaintext.size();
    ERR_clear_error();
    return false;
}

WATCHERS_ROOMS_DECL void tls_session::close_notify() noexcept
{
    if (SSL_is_init_finished(ssl_.get()) == 0) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

WATCHERS_ROOMS_DECL void tls_session::save_session()
{
    if (saved_) return;
    session_ptr s(SSL_get1_session(ssl_.get()));
    if (!s || s.get() == offered_ || SSL_SESSION_is_resumable(s.get()) != 1) return;
    saved_ = true;
    context_.remember(std::move(s), resumed() ? offered_verified_at_ : context_.now());
}

WATCHERS_ROOMS_DECL tls_session::progress tls_session::conclude(int result, bool handshaking)
{
    if (result == 1) return progress::done;
    // SSL_get_error() would need the thread's error queue to be emptied before each call.
    if (starved_) return progress::need_input;
    // A fatal alert ends receiving, too, but unlike close_notify it puts the machine into its error state.
    const bool closed =
        (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 && SSL_in_init(ssl_.get()) == 0;
    if (closed && !handshaking) return progress::ended;
    explain(handshaking);
    return progress::failed;
}

WATCHERS_ROOMS_DECL void tls_session::explain(bool handshaking) noexcept
{
    const unsigned long code = handshaking ? ERR_peek_error() : ERR_peek_last_error();
    const long verification = SSL_get_verify_result(ssl_.get());
    if (verification != X509_V_OK)
        cause_ = error_code(static_cast<int>(verification), verification_category());
    else if (code != 0)
        cause_ = error_code(static_cast<int>(code), boost::asio::error::get_ssl_category());
    else if (flooded_)
        cause_ = boost::system::errc::make_error_code(boost::system::errc::protocol_error);
    failure_ = errc::connection_lost;
    if (handshaking)
        failure_ = verification != X509_V_OK ? verification_error(verification) : handshake_error(code);
    // TLS 1.3: the client's part of the handshake is over before the server judges it.
    const bool judged_late = established_ && certificate_demanded_ && !data_read_;
    const bool demanded = handshaking ? client_certificate_demanded(ssl_.get()) : judged_late;
    if (verification == X509_V_OK && demanded &&
        refuses_client_certificate(code, SSL_get_certificate(ssl_.get()) != nullptr))
        failure_ = errc::tls_client_certificate;
    ERR_clear_error();
}

WATCHERS_ROOMS_DECL BIO_METHOD* tls_session::bio_method()
{
    static BIO_METHOD* const method = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "watchers rooms");
        if (m == nullptr) throw std::bad_alloc();
        BIO_meth_set_read(m, bio_read);
        BIO_meth_set_write(m, bio_write);
        BIO_meth_set_ctrl(m, bio_control);
        BIO_meth_set_create(m, bio_create);
        return m;
    }();
    return method;
}

WATCHERS_ROOMS_DECL int tls_session::bio_read(BIO* bio, char* to, int room)
{
    auto& session = *static_cast<tls_session*>(BIO_get_data(bio));
    auto& in = session.input_;
    BIO_clear_retry_flags(bio);
    if (in.empty()) {
        session.starved_ = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    if (session.header_size_ == 0 && !session.begin_record()) return -1;
    const std::size_t n = session.next_of_record(static_cast<std::size_t>(room));
    std::memcpy(to, in.data(), n);
    in.remove_prefix(n);
    return static_cast<int>(n);
}

// @returns whether one more is accepted
WATCHERS_ROOMS_DECL bool tls_session::begin_record() noexcept
{
    if (!established_) return true;
    flooded_ = records_without_data_ > most_records_without_data || records_fed_ > most_records_fed;
    ++records_without_data_;
    ++records_fed_;
    return !flooded_;
}

// How much of the input belongs to the current record. OpenSSL is not given more at once: after a record
// without data it reads the next one by itself, and these records have to be counted.
WATCHERS_ROOMS_DECL std::size_t tls_session::next_of_record(std::size_t room) noexcept
{
    constexpr std::size_t header = 5; // type, version (2), length (2)
    std::size_t n = 0;
    room = std::min(room, input_.size());
    if (header_size_ == 0 && room >= header) { // nearly always
        body_left_ = static_cast<unsigned char>(input_[3]) * 256U + static_cast<unsigned char>(input_[4]);
        header_size_ = header;
        n = header;
    }
    while (n < room && header_size_ < header) {
        const auto byte = static_cast<unsigned char>(input_[n++]);
        if (++header_size_ == 4) body_left_ = byte * 256U;
        if (header_size_ == 5) body_left_ += byte;
    }
    if (header_size_ < header) return n;
    const std::size_t body = std::min<std::size_t>(room - n, body_left_);
    body_left_ -= static_cast<unsigned>(body);
    if (body_left_ == 0) header_size_ = 0;
    return n + body;
}

WATCHERS_ROOMS_DECL int tls_session::bio_write(BIO* bio, const char* from, int size)
{
    BIO_clear_retry_flags(bio);
    try { // C calls this
        static_cast<tls_session*>(BIO_get_data(bio))->output_.append(from, static_cast<std::size_t>(size));
    } catch (const std::bad_alloc&) {
        return -1;
    }
    return size;
}

WATCHERS_ROOMS_DECL long tls_session::bio_control(BIO*, int command, long, void*)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

WATCHERS_ROOMS_DECL int tls_session::bio_create(BIO* bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

} // namespace watchers::rooms::detail
