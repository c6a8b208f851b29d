// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "application.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <unordered_set>

namespace watchers::rooms::sandbox::detail {

/// One thread runs each io_context, so that a connection needs no strand, and its executor can be the
/// concrete one.
using connection_executor = boost::asio::io_context::executor_type;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, connection_executor>;

struct connection_limits
{
    explicit connection_limits(const options& opts)
        : keep_alive_timeout(opts.keep_alive_timeout())
        , request_timeout(opts.request_timeout())
        , body(opts.body_limit())
        , header(opts.header_limit())
    {}

    std::chrono::milliseconds keep_alive_timeout;
    std::chrono::milliseconds request_timeout;
    std::uint64_t body;
    std::uint32_t header;
};

class connection
{
public:
    virtual ~connection() = default;
    /// Ends it, whatever it is doing. On its own thread only.
    virtual void abort(bool by_reset) = 0;
};

/// The connections of one io_context.
using connection_set = std::unordered_set<connection*>;

/// Serve a connection until it ends. What is passed by reference must outlive the io_context of the socket.
void serve_plain(tcp_socket socket, application& app, const connection_limits& limits, connection_set& set);
void serve_tls(tcp_socket socket, boost::asio::ssl::context& tls, application& app,
               const connection_limits& limits, connection_set& set);

} // namespace watchers::rooms::sandbox::detail
