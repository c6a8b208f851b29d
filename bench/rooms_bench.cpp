// SPDX-License-Identifier: BSL-1.0

/// The library, as a user writes it: public operations, default token, everything on that is on by default.

#include "bench_common.hpp"

#include <watchers/rooms.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
namespace rooms = watchers::rooms;

namespace {

constexpr int warm_up_attempts = 10;

asio::awaitable<void> work(rooms::client& client, bench::workload kind, bench::request_numbers& numbers)
{
    while (const auto number = numbers.next()) {
        rooms::room room;
        if (kind == bench::workload::get_room)
            room = co_await client.async_get_room(bench::room_id(*number));
        else
            room = co_await client.async_create_room(rooms::new_room(
                bench::room_id(*number), std::string(bench::room_name), std::string(bench::room_about)));
        if (!room.name()) throw std::runtime_error("the answer is no room");
    }
}

void rethrow(std::exception_ptr failure)
{
    if (failure) std::rethrow_exception(failure);
}

void work_concurrently(asio::io_context& io, rooms::client& client, const bench::options& options,
                       std::size_t requests)
{
    bench::request_numbers numbers(requests);
    for (std::size_t i = 0; i != options.connections; ++i)
        asio::co_spawn(io, work(client, options.workload, numbers), rethrow);
    io.run();
    io.restart();
}

// The pool opens connections when calls need them; the measured part shall find all of them open.
void warm_up(asio::io_context& io, rooms::client& client, const bench::options& options)
{
    for (int i = 0; i != warm_up_attempts; ++i) {
        work_concurrently(io, client, options, options.connections * bench::warm_up_per_connection);
        if (client.stats().open_connections == options.connections) return;
    }
    throw std::runtime_error("the pool has " + std::to_string(client.stats().open_connections) +
                             " connections open instead of " + std::to_string(options.connections));
}

void run(const bench::options& options)
{
    asio::io_context io;
    rooms::config config(rooms::credentials(bench::api_key, bench::bearer_token));
    config.base_url = options.url();
    config.trust = rooms::trust::ca_file(options.ca_file);
    config.max_connections = options.connections;
    if (!options.strand) config.threading = rooms::threading::single;
    rooms::client client(io.get_executor(), config);

    warm_up(io, client, options);

    bench::meter meter;
    meter.start();
    work_concurrently(io, client, options, options.requests);
    meter.stop();
    meter.print(options.requests);
}

} // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, run); }
