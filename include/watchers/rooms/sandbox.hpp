// SPDX-License-Identifier: BSL-1.0
#pragma once

/// @file
/// A local server that speaks the Room API: for tests, demonstrations and trying things out.
///
/// It listens on a real socket with real TLS, runs on threads of its own, keeps all state in memory and can
/// be told to misbehave (class @ref watchers::rooms::sandbox::fault). Link the target
/// `watchers::rooms_sandbox` to use it.
///
/// The vendor documents no responses of the Room API. Those of this server are an assumption of this project,
/// in one of two dialects (options::dialect()):
///
/// |                            | dialect::vendor (default)             | dialect::plain                    |
/// |----------------------------|---------------------------------------|-----------------------------------|
/// | the room's id              | `externalRoomId`; `id` is a number    | `roomId`                          |
/// | further members            | `createdAt`, `updatedAt`              | none                              |
/// | create                     | 201, the room                         | 201, the room                     |
/// | get                        | 200, the room                         | 200, the room                     |
/// | voice, status              | 201, `true`                           | 200, the room                     |
/// | delete                     | 200, `true`                           | 204                               |
/// | API key missing or wrong   | 404 "Project not found", looked at    | 401 if missing; 403 if wrong and  |
/// |                            | before the token                      | the token is right                |
/// | token missing or wrong     | 403, a message about the bearer token | 401, looked at before the API key |
/// | empty `name` or `about`    | 400                                   | accepted                          |
/// | body of an error           | `statusCode`, `message`               | and `error`                       |
///
/// These come from the vendor's pages of other endpoints on the same host: `externalRoomId` beside a number
/// `id`, `createdAt`, 201 with `true` for a change without a result, the 404 of the project, the 403 of the
/// token, 400 for a required text that is empty. It is an assumption that the Room API responds alike; the
/// status of a delete, the wording of the 403 and the 409 of a duplicate are this project's choice.
///
/// How it decides:
/// - Route first (404, 405 with `Allow`), then credentials, then the body (400), then the state (404, 409).
/// - A room is `SOON` before its startTime, `ENDED` from its endTime on, `LIVE` otherwise, by the server's
///   clock. An explicit status change holds until the next of the two times passes; without one it stays.
/// - `isSpeak` is a boolean or one of "true", "1", "false", "0"; create takes its absence as false.
/// - Times are read as `2024-12-31 05:33:32` (UTC) or ISO 8601 with `Z`, and answered as
///   `2024-12-31T05:33:32.000Z`.
///
/// Administration, with the same credentials: `POST /sandbox/faults` (one fault, or an array of them),
/// `DELETE /sandbox/faults`, `GET /sandbox/counters`, `GET /sandbox/rooms`, `GET /sandbox/creations` (how
/// often each room was created, deleted ones included), `POST /sandbox/reset`. No fault applies to these, and
/// they are the same with every dialect: rooms have `roomId`, and wrong credentials are 401 or 403.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::sandbox {

/// What a request asks for.
enum class operation
{
    any,    ///< in a fault: every request but administration; in counters: the sum of the API's requests
    create, ///< POST /external/room
    get,    ///< GET /external/room/:id
    voice,  ///< POST /external/room/speak
    status, ///< POST /external/room/status
    remove, ///< DELETE /external/room/:id, "delete" in JSON
    other,  ///< no route of the API
    admin,  ///< /sandbox/..., never subject to faults
};

/// Which certificate the server shows. ca_pem() is a fresh CA in every case.
enum class certificate_kind
{
    valid,            ///< for localhost, 127.0.0.1 and ::1, signed by the CA
    expired,          ///< its time ended yesterday
    not_yet_valid,    ///< its time begins tomorrow
    wrong_host,       ///< for wrong.example only
    self_signed,      ///< signed by itself
    incomplete_chain, ///< signed by an intermediate CA that is not sent
    unknown_ca,       ///< signed by a CA of the same name, but with another key
    weak_key,         ///< RSA of 768 bits: refused at OpenSSL's security level 1 and above
};

/// The form of the server's responses, which the vendor's page of the Room API does not show. Administration
/// does not depend on it.
enum class dialect
{
    vendor, ///< that of the vendor's other endpoints on the same host
    plain,  ///< that of an ordinary REST service: each change responds with the room
};

enum class tls_version
{
    tls1_0,
    tls1_1,
    tls1_2,
    tls1_3
};

/// How a server is set up. Setters return the object itself, so that they chain.
class options
{
public:
    options() {}

    /// Address to listen on, as a literal. Default 127.0.0.1.
    options& address(std::string v) { return address_ = std::move(v), *this; }

    /// Port to listen on. Default 0: any free one, see server::port().
    options& port(std::uint16_t v) { return port_ = v, *this; }

    /// What `x-api-key` must hold. Default "sandbox".
    options& api_key(std::string v) { return api_key_ = std::move(v), *this; }

    /// What must follow `Bearer ` in `Authorization`. Default "sandbox".
    options& bearer_token(std::string v) { return bearer_token_ = std::move(v), *this; }

    /// How the server responds. Default dialect::vendor.
    options& dialect(sandbox::dialect v) { return dialect_ = v, *this; }

    /// TLS, or plain HTTP for benchmarks and captures. Default TLS.
    options& tls(bool v) { return tls_ = v, *this; }

    /// Default certificate_kind::valid.
    options& certificate(certificate_kind v) { return certificate_ = v, *this; }

    /// One more name in the certificate, as OpenSSL writes it: "DNS:rooms.test" or "IP:192.0.2.1".
    options& alternative_name(std::string v) { return names_.push_back(std::move(v)), *this; }

    /// The highest version of TLS offered. Default TLS 1.3. Below 1.2 the server offers nothing newer, so
    /// that a client that insists on 1.2 finds no common version.
    options& max_tls(tls_version v) { return max_tls_ = v, *this; }

    /// Session tickets, and with them resumption. Default on.
    options& session_tickets(bool v) { return session_tickets_ = v, *this; }

    /// The clock of the schedule. Called from the server's threads. Default std::chrono::system_clock::now.
    options& clock(std::function<std::chrono::system_clock::time_point()> v)
    {
        return clock_ = std::move(v), *this;
    }

    /// A connection idle for this long is closed (with close_notify). Default zero: never.
    options& keep_alive_timeout(std::chrono::milliseconds v) { return keep_alive_timeout_ = v, *this; }

    /// A request must be complete this long after its first byte, and a TLS handshake this long after the
    /// connection was accepted; otherwise the connection is closed without a response. Default 10 s; zero:
    /// never.
    options& request_timeout(std::chrono::milliseconds v) { return request_timeout_ = v, *this; }

    /// Threads that serve. Default 1; zero means 1.
    options& threads(std::size_t v) { return threads_ = v, *this; }

    /// SO_RCVBUF in bytes, small to make a peer's writes block early. Default zero: the system's.
    options& receive_buffer(int v) { return receive_buffer_ = v, *this; }

    /// Largest request body in bytes; above it the answer is 413. Default 1 MiB.
    options& body_limit(std::uint64_t v) { return body_limit_ = v, *this; }

    /// Largest request head in bytes; above it the answer is 431. Default 16 KiB.
    options& header_limit(std::uint32_t v) { return header_limit_ = v, *this; }

    const std::string& address() const { return address_; }
    std::uint16_t port() const { return port_; }
    const std::string& api_key() const { return api_key_; }
    const std::string& bearer_token() const { return bearer_token_; }
    sandbox::dialect dialect() const { return dialect_; }
    bool tls() const { return tls_; }
    certificate_kind certificate() const { return certificate_; }
    const std::vector<std::string>& alternative_names() const { return names_; }
    tls_version max_tls() const { return max_tls_; }
    bool session_tickets() const { return session_tickets_; }
    const std::function<std::chrono::system_clock::time_point()>& clock() const { return clock_; }
    std::chrono::milliseconds keep_alive_timeout() const { return keep_alive_timeout_; }
    std::chrono::milliseconds request_timeout() const { return request_timeout_; }
    std::size_t threads() const { return threads_; }
    int receive_buffer() const { return receive_buffer_; }
    std::uint64_t body_limit() const { return body_limit_; }
    std::uint32_t header_limit() const { return header_limit_; }

private:
    std::string address_ = "127.0.0.1";
    std::uint16_t port_ = 0;
    std::string api_key_ = "sandbox";
    std::string bearer_token_ = "sandbox";
    sandbox::dialect dialect_ = sandbox::dialect::vendor;
    bool tls_ = true;
    certificate_kind certificate_ = certificate_kind::valid;
    std::vector<std::string> names_;
    tls_version max_tls_ = tls_version::tls1_3;
    bool session_tickets_ = true;
    std::function<std::chrono::system_clock::time_point()> clock_;
    std::chrono::milliseconds keep_alive_timeout_{0};
    std::chrono::milliseconds request_timeout_{10000};
    std::size_t threads_ = 1;
    int receive_buffer_ = 0;
    std::uint64_t body_limit_ = 1024 * 1024;
    std::uint32_t header_limit_ = 16 * 1024;
};

/// A room as the server holds it.
struct stored_room
{
    using time_point = std::chrono::system_clock::time_point;

    explicit stored_room(std::string room_id = {}, std::string room_name = {}, std::string room_about = {})
        : id(std::move(room_id))
        , name(std::move(room_name))
        , about(std::move(room_about))
    {}

    std::string id;
    std::string name;
    std::string about;
    bool voice = false;
    std::string status; ///< LIVE, SOON, ENDED or DISABLED; given to put(): empty leaves it to the schedule
    std::optional<time_point> start;
    std::optional<time_point> end;
    std::optional<std::string> picture;
    std::optional<std::string> stream_url;
    std::optional<std::string> source_url;
    std::optional<time_point> stream_start;
    std::optional<time_point> stream_end;
    std::uint64_t times_created =
        0; ///< successful creations of this id, deleted ones included; ignored by put()
};

/// What the server has seen so far. Counted before the answer is written, so that a client that has its
/// answer finds itself counted.
struct counter_values
{
    counter_values() {}

    /// Requests of one operation; operation::any for all but administration.
    std::uint64_t requests(operation op) const
    {
        const auto it = by_operation.find(op);
        return it == by_operation.end() ? 0 : it->second;
    }

    /// Complete answers with one status.
    std::uint64_t responses(unsigned status) const
    {
        const auto it = by_status.find(status);
        return it == by_status.end() ? 0 : it->second;
    }

    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_open = 0;
    std::uint64_t handshakes_full = 0;
    std::uint64_t handshakes_resumed = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t bytes_received =
        0;                        ///< application data: what came out of TLS, nothing of a refused handshake
    std::uint64_t bytes_sent = 0; ///< application data handed to TLS
    std::uint64_t bad_requests = 0; ///< answered without an operation: not HTTP, or over a limit
    std::uint64_t faults_fired = 0;
    std::map<operation, std::uint64_t> by_operation;
    std::map<unsigned, std::uint64_t> by_status;
};

namespace detail {

/// Where in a connection's life a fault takes effect.
enum class fault_stage
{
    accept,    ///< on the new TCP connection, before the handshake
    connected, ///< after the handshake, before anything is read
    head,      ///< when the head of a request is complete, its body not read
    request,   ///< when the request is complete
};

/// What is sent in answer.
enum class fault_answer
{
    none,   ///< nothing
    normal, ///< what the request deserves
    given,  ///< the status, fields and body of the fault
    raw,    ///< the bytes of the fault, as they are
};

/// What happens to the connection afterwards.
enum class fault_ending
{
    keep,         ///< it goes on
    close,        ///< FIN, after everything sent; unread bytes do not turn it into a reset
    reset,        ///< RST
    stall,        ///< what comes is read and thrown away until the peer closes
    stop_reading, ///< nothing is read any more; ends when the peer closes
};

struct fault_plan
{
    fault_plan() {}

    operation op = operation::any;
    std::optional<std::string> room;
    std::uint64_t nth = 1;
    std::uint64_t every = 1;
    std::uint64_t times = 1;
    fault_stage stage = fault_stage::request;
    bool apply = false;
    fault_answer answer = fault_answer::normal;
    fault_ending ending = fault_ending::keep;
    bool close_notify = false;
    bool announce_close = false;
    bool beneath_tls = false;
    bool cut_in_half = false;
    std::optional<std::size_t> cut;
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds after{0};
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string bytes;
    std::string stray;
};

} // namespace detail

/** One misbehaviour, and when it shows.

    Made by one of the static functions, narrowed by the setters:
    @code
    server.inject(fault::drop_after().on(operation::create).room("match-321"));
    server.inject(fault::respond(429).field("Retry-After", "1").times(3));
    server.inject(fault::delay(200ms).on(operation::get).every(10).always());
    @endcode

    Faults are asked in the order of their injection; the first that is due takes the request, and those
   behind it do not see (nor count) it: faults injected one after the other form a script. One that has fired
   `times` times is gone.

    "Applied" means that the request had its ordinary effect on the state, whatever the peer gets to see. */
class fault
{
public:
    // What happens to a request.

    /// The ordinary answer, later. The effect comes at once, the wait before the answer.
    static fault delay(std::chrono::milliseconds v);
    /// The connection ends without an answer; not applied.
    static fault drop_before();
    /// The connection ends without an answer; applied: a lost answer.
    static fault drop_after();
    /// RST without an answer; not applied.
    static fault reset_before();
    /// RST without an answer; applied.
    static fault reset_after();
    /// RST in the middle of the answer (see cut()); applied.
    static fault reset_mid();
    /// An answer that ends before its Content-Length (half of the body, or see cut()), then a close; applied.
    static fault truncate();
    /// Bytes that are no HTTP, then a close; not applied.
    static fault garbage();
    /// Bytes that are no TLS record, in the middle of the TLS connection, then a close; not applied.
    static fault garbage_record();
    /// No answer at all until the peer closes; not applied unless apply() says so.
    static fault stall();
    /// An answer of that status (see field()); its body is sent as it is. Not applied unless apply() says so.
    static fault respond(unsigned status, std::string body = {});
    /// 302 to that address; not applied.
    static fault redirect(std::string location);
    /// These bytes in place of an answer. Not applied unless apply() says so; the connection is kept unless
    /// close() says so.
    static fault raw(std::string bytes);
    /// The ordinary answer, then a close: with close_notify and `Connection: close`, see close_notify() and
    /// announce().
    static fault close_after();
    /// The ordinary answer, and further bytes behind it: in the same write, or later by after().
    static fault stray(std::string bytes);
    /// The ordinary answer, one byte per interval.
    static fault trickle(std::chrono::milliseconds interval);

    // What happens to a connection. Here nth(), every() and times() count connections; on() and room() mean
    // nothing.

    /// Closed as soon as it is accepted.
    static fault close_on_accept();
    /// RST as soon as it is accepted.
    static fault reset_on_accept();
    /// The TLS handshake is never answered.
    static fault stall_handshake();
    /// Bytes that are no TLS in place of the handshake, then a close.
    static fault garbage_handshake();
    /// Closed after the handshake, nothing read.
    static fault close_after_handshake();
    /// RST after the handshake, nothing read.
    static fault reset_after_handshake();
    /// Nothing is read after the handshake, so that the peer's writes block in the end; see
    /// options::receive_buffer(). With early(): from the body of the matching request on.
    static fault stop_reading();

    // Which requests. Default: the next one.

    fault& on(operation v) { return plan_.op = v, *this; }
    fault& room(std::string id) { return plan_.room = std::move(id), *this; }
    /// The first to be hit is the n-th that matches, counted from 1.
    fault& nth(std::uint64_t v) { return plan_.nth = v, *this; }
    /// After that one, each n-th that matches.
    fault& every(std::uint64_t v) { return plan_.every = v, *this; }
    /// Fires so many times; zero: without end. Default 1.
    fault& times(std::uint64_t v) { return plan_.times = v, *this; }
    fault& always() { return times(0); }

    // Variations.

    /// Whether the request has its ordinary effect. It always has where the ordinary answer is given.
    fault& apply(bool v = true) { return plan_.apply = v, *this; }
    /// Wait before the answer, or before what comes in its place.
    fault& wait(std::chrono::milliseconds v) { return plan_.delay = v, *this; }
    /// One byte of the answer per interval.
    fault& slowly(std::chrono::milliseconds interval) { return plan_.interval = interval, *this; }
    /// Wait after the answer, before stray bytes or the close. Nothing is read meanwhile: a request that
    /// arrives then is never answered if a close follows.
    fault& after(std::chrono::milliseconds v) { return plan_.after = v, *this; }
    /// Only so many bytes of the answer (head included) are sent.
    fault& cut(std::size_t bytes) { return plan_.cut = bytes, *this; }
    /// A field of respond()'s answer. One named Content-Length, Content-Type or Connection replaces the
    /// server's own.
    fault& field(std::string name, std::string value)
    {
        return plan_.fields.emplace_back(std::move(name), std::move(value)), *this;
    }
    /// The connection goes on afterwards.
    fault& keep() { return plan_.ending = detail::fault_ending::keep, *this; }
    /// Close afterwards.
    fault& close() { return plan_.ending = detail::fault_ending::close, *this; }
    /// RST afterwards.
    fault& reset() { return plan_.ending = detail::fault_ending::reset, *this; }
    /// Nothing more afterwards: what comes is thrown away until the peer closes.
    fault& then_stall() { return plan_.ending = detail::fault_ending::stall, *this; }
    /// Whether a close is preceded by TLS's close_notify.
    fault& close_notify(bool v) { return plan_.close_notify = v, *this; }
    /// Whether the answer carries `Connection: close`.
    fault& announce(bool v) { return plan_.announce_close = v, *this; }
    /// The bytes go to the socket, past TLS.
    fault& beneath_tls(bool v = true) { return plan_.beneath_tls = v, *this; }
    /// Takes effect when the head of the request is there, its body unread. room() then knows only ids in the
    /// path. What needs the ordinary answer cannot be early. The connection ends afterwards.
    fault& early() { return plan_.stage = detail::fault_stage::head, *this; }

    const detail::fault_plan& plan() const { return plan_; }

private:
    fault() {}
    detail::fault_plan plan_;
};

/// The server. It listens when constructed and is gone, with all its connections, when destroyed. Thread-safe
/// but for construction and destruction.
class server
{
public:
    /// @throws boost::system::system_error when it cannot listen, std::runtime_error when no certificate can
    /// be made.
    explicit server(const options& opts = options());
    ~server();

    server(const server&) = delete;
    server& operator=(const server&) = delete;

    std::uint16_t port() const;
    /// "https://127.0.0.1:PORT", with the scheme and the address in use.
    std::string base_url() const;
    /// The certificate of the CA to trust, empty without TLS.
    const std::string& ca_pem() const;
    /// Writes ca_pem() to a file: a new one (mode 0666, as the umask allows), or an existing one that is
    /// empty or holds a certificate.
    ///
    /// The path is opened once, without following a symbolic link and without waiting. Refused, and left as
    /// they are, are links, other users' files, files with a second name (hard link), files that hold
    /// something else, and everything that is not a regular file.
    /// @throws std::runtime_error which names the path and the cause
    void write_ca(const std::string& path) const;

    /// New credentials, valid from the next request on.
    void set_credentials(std::string api_key, std::string bearer_token);

    std::size_t room_count() const;
    std::optional<stored_room> find(std::string_view id) const;
    /// Successful creations of this id so far, whether it still exists or not.
    std::uint64_t creations(std::string_view id) const;
    /// All rooms, in the order of their ids.
    std::vector<stored_room> rooms() const;
    /// Stores a room, in place of one of the same id. Does not count as a creation.
    void put(const stored_room& room);
    /// Forgets all rooms and creations.
    void clear();

    counter_values counters() const;
    /// Sets the counters to zero, except connections_open.
    void reset_counters();
    /// Blocks until the counters satisfy the predicate; false if they did not within the limit.
    bool wait(const std::function<bool(const counter_values&)>& predicate,
              std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

    void inject(const fault& f);
    /** Injects what `POST /sandbox/faults` takes: one object, or an array of them, as
        @code
        {"action": "drop_after", "op": "create", "room": "match-321", "nth": 3, "times": 1}
        {"action": "respond", "op": "any", "status": 429, "headers": {"Retry-After": "1"}, "body": {"message":
       "slow down"}}
        {"action": "close_after", "every": 50, "times": 0, "announce": false}
        @endcode
        `action` is the name of a static function of @ref fault. Beside it, all optional: `op` (create, get,
       voice, status, delete, other, any), `room`, `nth`, `every`, `times`, `delay_ms` (wait()), `interval_ms`
       (slowly()), `after_ms`, `cut`, `apply`, `close_notify`, `announce`, `beneath_tls`, `early`, and `then`
       (keep, close, reset, stall). For respond: `status`, `headers`, `body`; for raw and stray: `bytes`; for
       redirect: `location`.
        @throws std::invalid_argument naming what is wrong; then none is injected. */
    void inject_json(std::string_view json);
    void clear_faults();
    /// Faults that can still fire.
    std::size_t pending_faults() const;

    /// Ends all open connections, by FIN without close_notify or by RST, whatever they are doing.
    void drop_connections(bool by_reset = false);

    /// Stops listening and ends everything; further connections are refused. The state stays readable.
    void stop();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace watchers::rooms::sandbox
