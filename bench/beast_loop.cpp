// SPDX-License-Identifier: BSL-1.0

/// The reference: what an engineer writes by hand after reading Beast's examples. No pool, retry or
/// validation, and nothing tuned either: it is the yardstick, so keep it as it is.

#include "peer_workload.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <exception>
#include <memory>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

class connection
{
public:
    connection(asio::io_context& io, ssl::context& context, const bench::options& options)
        : options_(options)
        , stream_(io, context)
    {}

    asio::awaitable<void> open()
    {
        stream_.set_verify_mode(ssl::verify_peer);
        stream_.set_verify_callback(ssl::host_name_verification(options_.host));

        tcp::resolver resolver(stream_.get_executor());
        const auto endpoints =
            co_await resolver.async_resolve(options_.host, options_.port, asio::use_awaitable);
        beast::get_lowest_layer(stream_).expires_after(30s);
        co_await beast::get_lowest_layer(stream_).async_connect(endpoints, asio::use_awaitable);
        co_await stream_.async_handshake(ssl::stream_base::client, asio::use_awaitable);
    }

    asio::awaitable<void> exchange(std::size_t number)
    {
        const bool creates = options_.workload == bench::workload::create_room;
        http::request<http::string_body> request(creates ? http::verb::post : http::verb::get,
                                                 bench::target(options_.workload, number), 11);
        request.set(http::field::host, options_.authority());
        request.set(http::field::accept, "application/json");
        request.set(http::field::content_type, "application/json");
        request.set("x-api-key", bench::api_key);
        request.set(http::field::authorization, "Bearer " + std::string(bench::bearer_token));
        if (creates) request.body() = bench::create_body(number);
        request.prepare_payload();

        beast::get_lowest_layer(stream_).expires_after(30s);
        co_await http::async_write(stream_, request, asio::use_awaitable);

        http::response<http::string_body> response;
        co_await http::async_read(stream_, buffer_, response, asio::use_awaitable);
        bench::check_answer(response.result_int(), response.body());
    }

private:
    const bench::options& options_;
    beast::ssl_stream<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
};

asio::awaitable<void> warm_up(connection& c)
{
    co_await c.open();
    for (std::size_t i = 0; i != bench::warm_up_per_connection; ++i)
        co_await c.exchange(i);
}

asio::awaitable<void> work(connection& c, bench::request_numbers& numbers)
{
    while (const auto number = numbers.next())
        co_await c.exchange(*number);
}

void rethrow(std::exception_ptr failure)
{
    if (failure) std::rethrow_exception(failure);
}

void run(const bench::options& options)
{
    asio::io_context io;
    ssl::context context(ssl::context::tls_client);
    context.load_verify_file(options.ca_file);

    std::vector<std::unique_ptr<connection>> connections;
    for (std::size_t i = 0; i != options.connections; ++i) {
        connections.push_back(std::make_unique<connection>(io, context, options));
        asio::co_spawn(io, warm_up(*connections.back()), rethrow);
    }
    io.run();
    io.restart();

    bench::request_numbers numbers(options.requests);
    bench::meter meter;
    meter.start();
    for (const auto& c : connections)
        asio::co_spawn(io, work(*c, numbers), rethrow);
    io.run();
    meter.stop();
    meter.print(options.requests);
}

} // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, run); }
