// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/io/tls_context.hpp>

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

struct ssl_deleter
{
    void operator()(SSL* s) const noexcept { SSL_free(s); }
};

// TLS of one connection as a machine between two byte streams: ciphertext is given to it and taken from it,
// no socket is known. boost::asio::ssl::stream does the same with twice the system calls and a copy more on
// either way.
class tls_session
{
public:
    enum class progress : unsigned char
    {
        done,       // handshake over; bytes read
        need_input, // more ciphertext is needed
        ended,      // the peer sent close_notify
        failed,     // see failure() and cause()
    };

    explicit tls_session(tls_context&);
    ~tls_session();
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;

    // Ciphertext from the peer, used by the functions below; must stay where it is until they ask for more.
    void feed(std::string_view ciphertext) noexcept
    {
        input_ = ciphertext;
        records_fed_ = 0;
    }

    // Ciphertext for the peer, made by the functions below; the caller takes it out.
    std::string& output() noexcept { return output_; }

    progress handshake();
    progress read(char* to, std::size_t room, std::size_t& size);
    bool write(std::string_view plaintext);
    void close_notify() noexcept;

    // Whether ciphertext or plaintext is held back, as the first part of a record.
    bool pending() const noexcept { return SSL_has_pending(ssl_.get()) == 1; }

    bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

    // Keeps the session for later connections. TLS 1.3 sends it after the handshake: call when something was
    // read.
    void save_session();

    // After the handshake: errc::tls_client_certificate if the server refused it for that reason and so read
    // nothing that was sent, else errc::connection_lost.
    errc failure() const noexcept { return failure_; }
    error_code cause() const noexcept { return cause_; }

private:
    static BIO_METHOD* bio_method();
    static int bio_read(BIO*, char* to, int room);
    static int bio_write(BIO*, const char* from, int size);
    static long bio_control(BIO*, int command, long, void*);
    static int bio_create(BIO*);

    static int verify(int valid, X509_STORE_CTX*);

    // A server needs a few tickets, and a key update now and then. Many of them are an attempt to keep the
    // client busy: processing one costs more than ten times as much as receiving it.
    static constexpr unsigned most_records_without_data = 32; // between two with data
    static constexpr unsigned most_records_fed = 64;          // without data, in what is fed at once

    bool begin_record() noexcept;
    std::size_t next_of_record(std::size_t room) noexcept;

    bool authenticated() const noexcept;
    progress conclude(int result, bool handshaking);
    void explain(bool handshaking) noexcept;

    tls_context& context_;
    std::unique_ptr<SSL, ssl_deleter> ssl_;
    std::string_view input_;
    std::string output_;
    error_code cause_;
    errc failure_ = errc::tls_failed;
    const SSL_SESSION* offered_ = nullptr; // compared, never used
    clock::time_point offered_verified_at_;
    bool starved_ = false; // the last call needs more input
    bool saved_ = false;
    bool established_ = false;          // the handshake is over
    bool certificate_demanded_ = false; // of the client, in the handshake
    bool data_read_ = false;            // the server has sent data
    bool flooded_ = false;              // by records without data
    std::uint8_t header_size_ = 0;      // bytes of the header of the record under way that were passed on
    unsigned body_left_ = 0;            // bytes of it that follow
    unsigned records_without_data_ = 0; // begun since data was read
    unsigned records_fed_ = 0;          // without data, since feed()
};

} // namespace watchers::rooms::detail
