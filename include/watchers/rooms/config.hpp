// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/retry.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace boost::asio::ssl {
class context;
} // namespace boost::asio::ssl

namespace watchers::rooms {

class observer;

/// The service's regional hosts.
enum class region : unsigned char
{
    europe,        ///< chatbackend.watchers.io
    north_america, ///< chatbackend.us.watchers.io
    south_america, ///< chatbackend.sa.watchers.io
    asia,          ///< chatbackend.hk.watchers.io
    africa,        ///< chatbackend.za.watchers.io
};

/// `https://` and the region's host.
std::string_view base_url(region) noexcept;

/// How times are written into requests. In answers both forms are read.
enum class time_format : unsigned char
{
    specification, ///< `2024-12-31 05:33:32`, UTC, cut to the second
    iso_8601,      ///< `2025-08-14T09:00:00.000Z`, of later revisions of the API page
};

/// How the client's state is guarded against use by several threads.
enum class threading : unsigned char
{
    /// An internal strand, unless the executor is a strand itself (of an io_context's or a thread_pool's
    /// executor, or of any_io_executor): the client may be used from any thread, and many threads may run its
    /// executor.
    automatic,
    /// No guard: faster, and less safe. One thread at a time may use the client and run its executor. Another
    /// thread may take over when the first has finished. Two at the same time are a bug of the program: the
    /// client writes a sentence to standard error and calls std::abort(), in whichever function or handler
    /// the second thread enters it.
    single,
    /// An internal strand, whatever the executor is.
    strand,
};

/// Whom the client believes to be the server. Verification itself cannot be turned off.
class trust
{
public:
    /// The operating system's certificate store (OpenSSL's default paths).
    static trust system() { return trust(kind::system, {}, nullptr); }

    /// Only the certificate authorities in a PEM file.
    static trust ca_file(std::string path) { return trust(kind::ca_file, std::move(path), nullptr); }

    /// Only the certificate authorities in a PEM text.
    static trust ca_pem(std::string pem) { return trust(kind::ca_pem, std::move(pem), nullptr); }

    /// The caller's own context: its store, client certificate, ciphers. Peer and host verification and
    /// TLS 1.2 as the minimum are set per connection, whatever the context says.
    static trust context(std::shared_ptr<boost::asio::ssl::context> c)
    {
        return trust(kind::context, {}, std::move(c));
    }

    enum class kind : unsigned char
    {
        system,
        ca_file,
        ca_pem,
        context
    };
    kind which() const noexcept { return kind_; }
    const std::string& text() const noexcept { return text_; }
    const std::shared_ptr<boost::asio::ssl::context>& ssl_context() const noexcept { return context_; }

private:
    trust(kind k, std::string text, std::shared_ptr<boost::asio::ssl::context> c)
        : kind_(k)
        , text_(std::move(text))
        , context_(std::move(c))
    {}

    kind kind_;
    std::string text_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

/// Everything a client can be told. Set the members that matter and pass it to the client's constructor,
/// which checks it and takes a copy.
///
/// Durations are measured on the steady clock. Unless a member says what zero means, zero is refused.
class config
{
public:
    using milliseconds = std::chrono::milliseconds;

    explicit config(rooms::credentials c) : credentials(std::move(c)) {}

    /// Credentials that are asked for when the first call needs them.
    explicit config(rooms::credential_provider p) : credential_provider(std::move(p)) {}

    /// Credentials from `WATCHERS_API_KEY` and `WATCHERS_BEARER_TOKEN`, base_url from `WATCHERS_BASE_URL`
    /// where that is set.
    /// @throws error with errc::invalid_argument that names the variable that is unset or empty.
    static config from_environment();

    rooms::credentials credentials;

    /// Asked for other credentials when the service responds with 401, 403 or a 404 that says that the
    /// project is unknown: once for all calls that wait for them. Each of these calls is then sent once more,
    /// and a second such response is final. Without a provider the first one is final. (A 403 may come from a
    /// firewall. The provider is asked then as well, since the client cannot tell.) If the provider takes
    /// longer than attempt_timeout, the calls fail with errc::credentials_failed.
    rooms::credential_provider credential_provider;

    /// `https://host[:port]`, without path, query or user information. `http://` is taken only as
    /// plain_http_to_loopback says.
    std::string base_url{rooms::base_url(region::europe)};

    /// Allow `http://` where the host is `localhost` or a loopback address: for tests against a local server.
    bool plain_http_to_loopback = false;

    rooms::trust trust = rooms::trust::system();
    rooms::time_format time_format = rooms::time_format::specification;
    rooms::threading threading = rooms::threading::automatic;

    /// Hooks for logs, metrics and traces; none by default.
    std::shared_ptr<rooms::observer> observer;

    // Failures and load

    /// When a failed call is tried again; call_options::retry() overrides it.
    retry_policy retry;
    /// A change to a room waits until the client's earlier changes to the same room have ended, retries
    /// included, so that a late LIVE never overtakes ENDED. A *get* never waits.
    bool ordered_changes = true;
    /// Requests at most per second, retries and confirmations included; calls wait for their turn. Zero: no
    /// limit. At most 1,000,000.
    double max_requests_per_second = 0;

    // The pool

    /// Connections at most, 1 to 65,535; opened when calls wait. Each takes about 60 KiB.
    std::size_t max_connections = 32;
    /// Calls that may wait for a connection; further ones fail at once with errc::pool_full. Zero: none may
    /// wait for a connection in use, only for one being opened on its behalf.
    std::size_t max_waiting_calls = 10'000;
    /// Longest wait for a connection (errc::pool_timeout). Zero: only the call's own timeout counts.
    milliseconds pool_timeout{0};
    /// An idle connection is closed after this time. Zero: none is kept idle.
    milliseconds idle_timeout{30'000};
    /// A connection serves no new request after this time, less up to a tenth of it at random, so that DNS
    /// changes are seen and connections do not all end together. Zero: no limit.
    milliseconds max_connection_lifetime{600'000};

    // Time limits

    /// Bounds a whole call: queue, DNS, connect, TLS, request, answer, waits, retries and confirmation
    /// (errc::deadline_exceeded). call_options can set another.
    milliseconds timeout{30'000};
    /// Bounds one exchange on a connection (errc::write_timeout, errc::response_timeout). call_options can
    /// set another.
    milliseconds attempt_timeout{10'000};
    /// A call that has less time left than an exchange takes is not sent, since its deadline would cut the
    /// exchange when the service may have begun to carry it out: it ends with errc::deadline_exceeded, phase
    /// *queue*, effect *none* (stats::turned_away). So overload does not turn into unknown outcomes. What an
    /// exchange takes is by default estimated from the client's own recent exchanges of the same operation;
    /// while none is under way the estimate halves each second, so that calls are sent again. A value set
    /// here takes the place of the estimate. Zero: every call is sent. Values above attempt_timeout count as
    /// that.
    std::optional<milliseconds> expected_exchange_time;
    /// Bounds name resolution (errc::resolve_timeout). The default is longer than the five seconds after
    /// which most resolvers turn from a silent name server to the next one. A look-up that takes longer goes
    /// on, and later attempts join it; its addresses then serve all connections that are opened within 30 s.
    milliseconds resolve_timeout{12'000};
    /// Bounds the TCP connection, over all addresses (errc::connect_timeout).
    milliseconds connect_timeout{5'000};
    /// The next address is tried when one has not answered for this time (RFC 8305).
    milliseconds connect_attempt_delay{300};
    /// Bounds the TLS handshake (errc::tls_timeout).
    milliseconds tls_timeout{5'000};

    // Limits on an answer (errc::response_too_large)

    /// Bytes of status line and header fields, 256 to 1 MiB; the trailer counts too.
    std::size_t max_response_header = 8 * 1024;
    /// Header fields, 1 to 10,000.
    std::size_t max_response_fields = 100;
    /// Whether a response that names another room than the one asked for is refused
    /// (errc::malformed_response): it belongs to another request, for example because a proxy mixed up its
    /// responses. The call goes on as if the response had been lost, and the connection is closed. Ids that
    /// differ only by case, blanks or Unicode normalisation count as the same. Turn it off for a service that
    /// gives rooms other ids than they were created with.
    bool check_room_ids = true;
    /// Bytes of the body, 1 to 1 GiB. Bytes on the wire, chunk framing included, are bounded by twice this
    /// and 64 KiB.
    std::size_t max_response_body = 1024 * 1024;
};

/// Options of one call. Converts from a @ref diagnostics that the call shall fill.
class call_options
{
public:
    call_options() = default;

    /// @param d filled before the completion handler runs; must live until then.
    call_options(rooms::diagnostics& d) noexcept : diagnostics_(&d) {}

    /// Bounds this call in place of config::timeout. Zero or less: it has passed already.
    call_options& timeout(std::chrono::milliseconds t) & noexcept { return timeout_ = t, *this; }
    call_options&& timeout(std::chrono::milliseconds t) && noexcept { return std::move(timeout(t)); }

    /// Bounds each exchange of this call in place of config::attempt_timeout, so that a second attempt fits
    /// into a short timeout. 1 ms to 365 days, else errc::invalid_argument.
    call_options& attempt_timeout(std::chrono::milliseconds t) & noexcept
    {
        return attempt_timeout_ = t, *this;
    }
    call_options&& attempt_timeout(std::chrono::milliseconds t) && noexcept
    {
        return std::move(attempt_timeout(t));
    }

    /// @param d filled before the completion handler runs; must live until then.
    call_options& diagnostics(rooms::diagnostics& d) & noexcept { return diagnostics_ = &d, *this; }
    call_options&& diagnostics(rooms::diagnostics& d) && noexcept { return std::move(diagnostics(d)); }

    /// Retries this call by another policy than config::retry; its budget is not used.
    call_options& retry(const retry_policy& p) & noexcept { return retry_ = p, *this; }
    call_options&& retry(const retry_policy& p) && noexcept { return std::move(retry(p)); }

    /// As the calls of bulk runs are: all calls that are not in the background go first where calls wait for
    /// a connection or for the rate, but for changes of the same room. The timeout counts from the first
    /// attempt on. The call does not count towards max_waiting_calls, nor its retries towards the budget:
    /// limit yourself how many there are at a time.
    call_options& background(bool on) & noexcept { return background_ = on, *this; }
    call_options&& background(bool on) && noexcept { return std::move(background(on)); }

    bool background() const noexcept { return background_; }
    std::optional<std::chrono::milliseconds> timeout() const noexcept { return timeout_; }
    std::optional<std::chrono::milliseconds> attempt_timeout() const noexcept { return attempt_timeout_; }
    rooms::diagnostics* diagnostics() const noexcept { return diagnostics_; }
    const std::optional<retry_policy>& retry() const noexcept { return retry_; }

private:
    std::optional<std::chrono::milliseconds> timeout_;
    std::optional<std::chrono::milliseconds> attempt_timeout_;
    std::optional<retry_policy> retry_;
    rooms::diagnostics* diagnostics_ = nullptr;
    bool background_ = false;
};

/// Checks every member's range and the base URL; the client's constructor does.
/// @returns an empty text, or the first member at fault and its rule, as in "max_connections: must be 1 to
/// 65535".
std::string check(const config&);

/// Checks the options of a call; every call does. (A timeout of zero or less is valid: it has passed.)
/// @returns an empty text, or the first option that is not valid and its rule, as in "attempt_timeout: must
/// be 1 ms to 365 days".
std::string check(const call_options&);

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/config.ipp>
#endif
