// SPDX-License-Identifier: BSL-1.0
#include "connection.hpp"
#include "request_parser.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>

namespace watchers::rooms::sandbox::detail {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

template <class T>
using task = asio::awaitable<T, connection_executor>;

constexpr asio::as_tuple_t<asio::use_awaitable_t<connection_executor>> as_values{};

constexpr std::size_t head_read = 4 * 1024;
constexpr std::size_t body_read = 16 * 1024;
constexpr milliseconds farewell{2000}; ///< what a peer gets to close its side, once we have closed ours
constexpr milliseconds hang_up_check{
    20}; ///< how often an unread connection is asked whether its peer has gone

template <class Stream>
constexpr bool over_tls = !std::is_same_v<Stream, tcp_socket>;

using steady = std::chrono::steady_clock;
using timer = asio::basic_waitable_timer<steady, asio::wait_traits<steady>, connection_executor>;

bool peer_has_gone(tcp_socket& socket)
{
#ifdef POLLRDHUP
    constexpr short hang_up = POLLRDHUP;
#else
    constexpr short hang_up = 0;
#endif
    pollfd p{};
    p.fd = socket.native_handle();
    p.events = hang_up;
    return ::poll(&p, 1, 0) != 0;
}

std::optional<std::string_view> only(const std::string& value, unsigned count)
{
    return count == 1 ? std::optional<std::string_view>(value) : std::nullopt;
}

template <class Stream>
class session final : public connection, public std::enable_shared_from_this<session<Stream>>
{
public:
    session(Stream&& stream, application& app, const connection_limits& limits, connection_set& set)
        : stream_(std::move(stream))
        , timer_(stream_.get_executor())
        , app_(app)
        , limits_(limits)
        , set_(set)
    {
        set_.insert(this);
        tally::add(app_.tally().connections_accepted);
        tally::add(app_.tally().connections_open);
    }

    ~session() override
    {
        set_.erase(this);
        app_.tally().connections_open.fetch_sub(1, std::memory_order_relaxed);
    }

    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void start() { asio::co_spawn(stream_.get_executor(), run(this->shared_from_this()), asio::detached); }

    void abort(bool by_reset) override
    {
        aborted_ = true;
        error_code ignored;
        if (by_reset)
            reset();
        else
            socket().shutdown(tcp_socket::shutdown_both, ignored);
        timer_.cancel();
    }

private:
    enum class received
    {
        request,
        rejected,
        early,
        nothing
    };

    /// Keeps the session alive while it runs.
    static task<void> run(std::shared_ptr<session> self)
    {
        error_code ignored;
        self->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        const bool ready = co_await self->open();
        bool goes_on = ready;
        while (goes_on)
            goes_on = co_await self->exchange();
    }

    task<bool> open()
    {
        if (auto plan = app_.connection_fault(fault_stage::accept)) {
            co_await misbehave(std::move(*plan));
            co_return false;
        }
        const bool secured = co_await handshake();
        if (!secured) co_return false;
        if (auto plan = app_.connection_fault(fault_stage::connected)) {
            co_await misbehave(std::move(*plan));
            co_return false;
        }
        co_return true;
    }

    task<bool> handshake()
    {
        if constexpr (over_tls<Stream>) {
            // Asio makes OpenSSL give its buffers back after each record, which costs more than they do.
            SSL_clear_mode(stream_.native_handle(), SSL_MODE_RELEASE_BUFFERS);
            const bool limited = limits_.request_timeout.count() > 0;
            if (limited) watch(limits_.request_timeout, after_limit::cancel);
            const auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_values);
            if (limited) unwatch();
            tally& counts = app_.tally();
            if (ec) {
                tally::add(counts.handshakes_failed);
                co_await finish(false);
                co_return false;
            }
            const bool resumed = SSL_session_reused(stream_.native_handle()) == 1;
            tally::add(resumed ? counts.handshakes_resumed : counts.handshakes_full);
            secured_ = true;
        }
        co_return true;
    }

    /// One request and its answer. False when the connection is at its end.
    task<bool> exchange()
    {
        const received what = co_await receive();
        if (what == received::nothing) co_return false;
        if (what == received::request) {
            request r;
            r.method = request_.method;
            r.target = request_.target;
            r.api_key = only(request_.api_key, request_.api_keys);
            r.authorization = only(request_.authorization, request_.authorizations);
            r.body = request_.body;
            reply_ = app_.serve(r, !parser_->keep_alive());
        }
        const bool goes_on = co_await deliver();
        co_return goes_on;
    }

    task<received> receive()
    {
        request_.clear();
        parser_.emplace(request_);
        parser_->header_limit(limits_.header);
        parser_->body_limit(limits_.body);
        bool head_done = false;
        due_.reset();
        for (;;) {
            bool hungry = false;
            if (!due_ && buffer_.size() > 0) due_ = steady::now() + limits_.request_timeout;
            while (!hungry && buffer_.size() > 0) {
                error_code ec;
                const std::size_t used = parser_->put(buffer_.data(), ec);
                buffer_.consume(used);
                hungry = ec == http::error::need_more || (!ec && used == 0);
                if (ec && !hungry) {
                    reject(ec);
                    co_return received::rejected;
                }
                if (!head_done && parser_->is_header_done()) {
                    head_done = true;
                    const received verdict = examine_head();
                    if (verdict != received::request) co_return verdict;
                    if (request_.expects_continue && !parser_->is_done())
                        co_await write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
                }
                if (parser_->is_done()) co_return received::request;
            }
            const bool more = co_await read(head_done);
            if (!more) co_return received::nothing;
        }
    }

    void reject(error_code ec)
    {
        if (ec == http::error::body_limit)
            reply_ = app_.reject(413, "Payload too large");
        else if (ec == http::error::header_limit)
            reply_ = app_.reject(431, "Request header fields too large");
        else
            reply_ = app_.reject(400, "Not an HTTP/1.1 request: " + ec.message());
    }

    received examine_head()
    {
        const bool bad_host = request_.version == 11 && request_.hosts != 1;
        // Two ways to tell a length, or one that is not understood, would let two readers of one stream
        // disagree.
        const bool bad_framing = request_.has_coding && (request_.has_length || !parser_->chunked());
        if (bad_host || bad_framing) {
            reply_ =
                app_.reject(400, bad_host ? "Exactly one Host is needed" : "Ambiguous length of the body");
            return received::rejected;
        }
        auto plan = app_.early_fault(request_.method, request_.target);
        if (!plan) return received::request;
        reply_ = reply();
        reply_.close = true;
        if (plan->answer == fault_answer::given) reply_.bytes = given_answer(*plan);
        if (plan->answer == fault_answer::raw) reply_.bytes = plan->bytes;
        if (plan->ending == fault_ending::keep) plan->ending = fault_ending::close;
        reply_.fault = std::move(plan);
        return received::early;
    }

    /// More bytes of a request. False when none will come.
    task<bool> read(bool in_body)
    {
        const milliseconds limit = due_ ? limits_.request_timeout : limits_.keep_alive_timeout;
        const bool limited = limit.count() > 0;
        if (limited) watch(due_ ? *due_ : steady::now() + limit, after_limit::cancel);
        const auto space = buffer_.prepare(in_body ? body_read : head_read);
        const auto [ec, n] = co_await stream_.async_read_some(space, as_values);
        if (limited) unwatch();
        buffer_.commit(n);
        tally::add(app_.tally().bytes_received, n);
        // If each byte restarted the timer, a peer that sends a byte now and then would never be closed.
        const bool late = limited && due_ && steady::now() >= *due_;
        const bool ended = ec || late;
        if (ended) co_await finish(true);
        co_return !ended;
    }

    /// What open() found due: a fault without a request.
    task<void> misbehave(fault_plan plan)
    {
        reply_ = reply();
        if (plan.answer == fault_answer::raw) reply_.bytes = plan.bytes;
        reply_.fault = std::move(plan);
        co_await deliver();
    }

    /// Sends reply_. False when the connection is at its end.
    task<bool> deliver()
    {
        if (reply_.fault) {
            const bool goes_on = co_await deliver_with_fault(*reply_.fault);
            co_return goes_on;
        }
        const bool sent = co_await write(reply_.bytes);
        if (sent && !reply_.close) co_return true;
        co_await finish(true);
        co_return false;
    }

    task<bool> deliver_with_fault(const fault_plan& plan)
    {
        co_await pause(plan.delay);
        cut(plan);
        if (plan.after.count() == 0) reply_.bytes += plan.stray;
        bool sent = co_await write(reply_.bytes, plan);
        if (sent && plan.after.count() > 0) {
            co_await pause(plan.after);
            sent = co_await write(plan.stray, plan);
        }
        if (!sent || aborted_) co_return false;
        switch (plan.ending) {
        case fault_ending::keep:
            if (!reply_.close) co_return true;
            co_await finish(true);
            break;
        case fault_ending::close: co_await finish(plan.close_notify); break;
        case fault_ending::reset: reset(); break;
        case fault_ending::stall: co_await discard(); break;
        case fault_ending::stop_reading: co_await leave_unread(); break;
        }
        co_return false;
    }

    void cut(const fault_plan& plan)
    {
        std::string& bytes = reply_.bytes;
        if (plan.cut) {
            bytes.resize(std::min(bytes.size(), *plan.cut));
        } else if (plan.cut_in_half) {
            const auto end = bytes.find("\r\n\r\n");
            const std::size_t head = end == bytes.npos ? 0 : end + 4;
            // An answer without a body is cut in its head.
            bytes.resize(head < bytes.size() ? head + (bytes.size() - head) / 2 : bytes.size() / 2);
        }
    }

    task<bool> write(std::string_view bytes)
    {
        const auto [ec, n] =
            co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), as_values);
        tally::add(app_.tally().bytes_sent, n);
        co_return !ec;
    }

    task<bool> write(std::string_view bytes, const fault_plan& plan)
    {
        const bool slow = plan.interval.count() > 0;
        const std::size_t step = slow ? 1 : bytes.size();
        bool good = true;
        while (good && !bytes.empty() && !aborted_) {
            const std::string_view piece = bytes.substr(0, step);
            if (plan.beneath_tls) {
                const auto [ec, n] =
                    co_await asio::async_write(socket(), asio::buffer(piece.data(), piece.size()), as_values);
                good = !ec;
            } else {
                good = co_await write(piece);
            }
            bytes.remove_prefix(piece.size());
            if (slow && !bytes.empty()) co_await pause(plan.interval);
        }
        co_return good;
    }

    task<void> pause(milliseconds duration)
    {
        if (duration.count() <= 0 || aborted_) co_return;
        timer_.expires_after(duration);
        co_await timer_.async_wait(as_values);
    }

    /// Closes our side, lets the peer read everything and close its own: a close() with bytes unread would be
    /// a reset, and could take the answer with it.
    task<void> finish(bool notify)
    {
        watch(farewell, after_limit::close);
        if constexpr (over_tls<Stream>) {
            if (notify && secured_) {
                // As if the peer's had come already: it is not waited for.
                SSL_set_shutdown(stream_.native_handle(),
                                 SSL_get_shutdown(stream_.native_handle()) | SSL_RECEIVED_SHUTDOWN);
                co_await stream_.async_shutdown(as_values);
            }
        }
        error_code ignored;
        socket().shutdown(tcp_socket::shutdown_send, ignored);
        co_await discard();
        unwatch();
    }

    /// Until the peer closes.
    task<void> discard()
    {
        std::array<char, 1024> memory;
        bool good = socket().is_open();
        while (good) {
            const auto [ec, n] = co_await socket().async_read_some(asio::buffer(memory), as_values);
            good = !ec;
        }
    }

    task<void> leave_unread()
    {
        while (!aborted_ && !peer_has_gone(socket()))
            co_await pause(hang_up_check);
    }

    void reset()
    {
        error_code ignored;
        socket().set_option(asio::socket_base::linger(true, 0), ignored);
        socket().close(ignored);
    }

    enum class after_limit
    {
        cancel,
        close
    };

    void watch(milliseconds limit, after_limit what) { watch(steady::now() + limit, what); }

    void watch(steady::time_point limit, after_limit what)
    {
        timer_.expires_at(limit);
        timer_.async_wait([self = this->shared_from_this(), number = ++watch_, what](error_code ec) {
            // One that has been called off may be on its way already, its error code set to success.
            if (ec || number != self->watch_) return;
            error_code ignored;
            if (what == after_limit::cancel)
                self->socket().cancel(ignored);
            else
                self->socket().close(ignored);
        });
    }

    void unwatch()
    {
        ++watch_;
        timer_.cancel();
    }

    tcp_socket& socket()
    {
        if constexpr (over_tls<Stream>)
            return stream_.next_layer();
        else
            return stream_;
    }

    Stream stream_;
    timer timer_;
    application& app_;
    const connection_limits& limits_;
    connection_set& set_;
    boost::beast::flat_buffer buffer_;
    received_request request_;
    std::optional<request_parser> parser_;
    reply reply_;
    std::optional<steady::time_point> due_; ///< the request that has begun
    std::uint64_t watch_ = 0;
    bool secured_ = false;
    bool aborted_ = false;
};

} // namespace

void serve_plain(tcp_socket socket, application& app, const connection_limits& limits, connection_set& set)
{
    std::make_shared<session<tcp_socket>>(std::move(socket), app, limits, set)->start();
}

void serve_tls(tcp_socket socket, asio::ssl::context& tls, application& app, const connection_limits& limits,
               connection_set& set)
{
    using stream = asio::ssl::stream<tcp_socket>;
    stream secured(std::move(socket), tls);
    std::make_shared<session<stream>>(std::move(secured), app, limits, set)->start();
}

} // namespace watchers::rooms::sandbox::detail
