// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/sandbox.hpp>

#include "application.hpp"
#include "ca_file.hpp"
#include "certificates.hpp"
#include "connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netinet/tcp.h>
#include <openssl/ssl.h>

#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace watchers::rooms::sandbox {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

int protocol(tls_version version)
{
    switch (version) {
    case tls_version::tls1_0: return TLS1_VERSION;
    case tls_version::tls1_1: return TLS1_1_VERSION;
    case tls_version::tls1_2: return TLS1_2_VERSION;
    case tls_version::tls1_3: break;
    }
    return TLS1_3_VERSION;
}

void set_up(ssl::context& context, const options& opts, const detail::identity& identity)
{
    SSL_CTX* const ctx = context.native_handle();
    const bool outdated = opts.max_tls() < tls_version::tls1_2;
    if (outdated || opts.certificate() == certificate_kind::weak_key) {
        SSL_CTX_set_security_level(ctx, 0);
        SSL_CTX_set_cipher_list(ctx, "DEFAULT@SECLEVEL=0");
    }
    SSL_CTX_set_min_proto_version(ctx, outdated ? TLS1_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, protocol(opts.max_tls()));
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    // Tickets hold all that resumption needs; no session is kept here.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (!opts.session_tickets()) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
    }
    context.use_certificate_chain(asio::buffer(identity.chain));
    context.use_private_key(asio::buffer(identity.key), ssl::context::pem);
}

detail::identity identity_for(const options& opts)
{
    if (!opts.tls()) return detail::identity();
    std::vector<std::string> names = opts.alternative_names();
    const auto address = asio::ip::make_address(opts.address());
    if (!address.is_unspecified() && !address.is_loopback()) names.push_back("IP:" + address.to_string());
    return detail::make_identity(opts.certificate(), names);
}

} // namespace

struct server::impl
{
    /// A thread, its io_context and the connections on it.
    struct worker
    {
        detail::connection_set connections; // outlives the context, whose end is that of the connections
        asio::io_context context{1};
        std::thread thread;
    };

    explicit impl(const options& opts)
        : identity(identity_for(opts))
        , limits(opts)
        , tls(ssl::context::tls_server)
        , app(opts)
        , use_tls(opts.tls())
    {
        if (use_tls) set_up(tls, opts, identity);
        const std::size_t count = std::max<std::size_t>(opts.threads(), 1);
        for (std::size_t i = 0; i < count; ++i)
            workers.push_back(std::make_unique<worker>());
        listen(opts);
        accept();
        for (const auto& w : workers)
            w->thread = std::thread([&context = w->context] {
                const auto work = asio::make_work_guard(context);
                context.run();
            });
    }

    ~impl() { stop(); }

    void listen(const options& opts)
    {
        const tcp::endpoint wanted(asio::ip::make_address(opts.address()), opts.port());
        acceptor.emplace(workers.front()->context.get_executor());
        acceptor->open(wanted.protocol());
        acceptor->set_option(asio::socket_base::reuse_address(true));
        if (opts.receive_buffer() > 0) {
            acceptor->set_option(asio::socket_base::receive_buffer_size(opts.receive_buffer()));
            limit_segments();
        }
        acceptor->bind(wanted);
        acceptor->listen(asio::socket_base::max_listen_connections);
        endpoint = acceptor->local_endpoint();
        retry.emplace(workers.front()->context);
    }

    /// A peer sizes its send buffer by the segments it may send: megabytes with the loopback interface's.
    void limit_segments()
    {
#ifdef TCP_MAXSEG
        const int size = 536;
        ::setsockopt(acceptor->native_handle(), IPPROTO_TCP, TCP_MAXSEG, &size, sizeof size);
#endif
    }

    void accept()
    {
        worker& next = *workers[turn++ % workers.size()];
        acceptor->async_accept(next.context, [this, &next](error_code ec, detail::tcp_socket socket) {
            if (!ec) {
                begin(next, std::move(socket));
                accept();
            } else if (ec != asio::error::operation_aborted) {
                // Out of file descriptors, most likely: some will be free again.
                retry->expires_after(std::chrono::milliseconds(20));
                retry->async_wait([this](error_code) { accept(); });
            }
        });
    }

    void begin(worker& w, detail::tcp_socket socket)
    {
        if (&w == workers.front().get()) {
            serve(w, std::move(socket));
            return;
        }
        asio::post(w.context,
                   [this, &w, socket = std::move(socket)]() mutable { serve(w, std::move(socket)); });
    }

    void serve(worker& w, detail::tcp_socket socket)
    {
        try {
            if (use_tls)
                detail::serve_tls(std::move(socket), tls, app, limits, w.connections);
            else
                detail::serve_plain(std::move(socket), app, limits, w.connections);
        } catch (const std::exception&) {
            // Out of memory: this connection is lost, and closed, the server is not.
        }
    }

    void drop_connections(bool by_reset)
    {
        const std::lock_guard lock(life);
        for (const auto& w : workers) {
            std::promise<void> done;
            asio::post(w->context, [&] {
                for (detail::connection* const c : w->connections)
                    c->abort(by_reset);
                done.set_value();
            });
            done.get_future().wait();
        }
    }

    void stop()
    {
        const std::lock_guard lock(life);
        for (const auto& w : workers)
            w->context.stop();
        for (const auto& w : workers)
            if (w->thread.joinable()) w->thread.join();
        retry.reset();
        acceptor.reset();
        // The first one first: its accept under way holds a socket of another one.
        for (auto& w : workers)
            w.reset();
        workers.clear();
    }

    using acceptor_type = asio::basic_socket_acceptor<tcp, detail::connection_executor>;

    detail::identity identity;
    detail::connection_limits limits;
    ssl::context tls;
    detail::application app;
    bool use_tls;
    std::mutex life; ///< of the workers
    std::vector<std::unique_ptr<worker>> workers;
    std::optional<acceptor_type> acceptor;
    std::optional<asio::steady_timer> retry;
    tcp::endpoint endpoint;
    std::size_t turn = 0;
};

server::server(const options& opts) : impl_(std::make_unique<impl>(opts)) {}

server::~server() = default;

std::uint16_t server::port() const { return impl_->endpoint.port(); }

std::string server::base_url() const
{
    const auto address = impl_->endpoint.address();
    std::string host = address.to_string();
    if (address.is_unspecified())
        host = "localhost";
    else if (address.is_v6())
        host = '[' + host + ']';
    return (impl_->use_tls ? "https://" : "http://") + host + ':' + std::to_string(port());
}

const std::string& server::ca_pem() const { return impl_->identity.ca; }

void server::write_ca(const std::string& path) const { detail::write_ca_file(path, ca_pem()); }

void server::set_credentials(std::string api_key, std::string bearer_token)
{
    impl_->app.set_credentials(detail::credential_pair(std::move(api_key), std::move(bearer_token)));
}

std::size_t server::room_count() const
{
    return impl_->app.with_store([](detail::room_store& store) { return store.size(); });
}

std::optional<stored_room> server::find(std::string_view id) const
{
    const auto now = impl_->app.now();
    return impl_->app.with_store([&](detail::room_store& store) { return store.snapshot(id, now); });
}

std::uint64_t server::creations(std::string_view id) const
{
    return impl_->app.with_store([&](detail::room_store& store) { return store.creations(id); });
}

std::vector<stored_room> server::rooms() const
{
    const auto now = impl_->app.now();
    return impl_->app.with_store([&](detail::room_store& store) { return store.snapshots(now); });
}

void server::put(const stored_room& room)
{
    const auto now = impl_->app.now();
    impl_->app.with_store([&](detail::room_store& store) { store.put(room, now); });
}

void server::clear()
{
    impl_->app.with_store([](detail::room_store& store) { store.clear(); });
}

counter_values server::counters() const { return impl_->app.tally().values(); }

void server::reset_counters() { impl_->app.tally().reset(); }

bool server::wait(const std::function<bool(const counter_values&)>& predicate,
                  std::chrono::milliseconds limit) const
{
    // The serving threads count without a lock, so that nobody can be woken by them: ask again and again.
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!predicate(counters())) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    return true;
}

void server::inject(const fault& f) { impl_->app.inject(std::vector<fault>(1, f)); }

void server::inject_json(std::string_view json) { impl_->app.inject(detail::parse_faults(json)); }

void server::clear_faults() { impl_->app.clear_faults(); }

std::size_t server::pending_faults() const { return impl_->app.pending_faults(); }

void server::drop_connections(bool by_reset) { impl_->drop_connections(by_reset); }

void server::stop() { impl_->stop(); }

} // namespace watchers::rooms::sandbox
