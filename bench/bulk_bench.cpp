// SPDX-License-Identifier: BSL-1.0

/// The same work as rooms_bench as one bulk run: what order, window, limit and results cost.

#include "bench_common.hpp"

#include <watchers/rooms.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
namespace rooms = watchers::rooms;

namespace {

constexpr int warm_up_attempts = 10;

rooms::operation make_operation(bench::workload kind, std::size_t number)
{
    if (kind == bench::workload::get_room) return rooms::operation::get(bench::room_id(number));
    return rooms::operation::create(rooms::new_room(bench::room_id(number), std::string(bench::room_name),
                                                    std::string(bench::room_about)));
}

void run_bulk(asio::io_context& io, rooms::client& client, const bench::options& options,
              std::size_t requests)
{
    bench::request_numbers numbers(requests);
    std::size_t good = 0;
    rooms::bulk_options bulk;
    bulk.max_in_flight = options.connections;
    client.async_bulk(
        [&]() -> std::optional<rooms::operation> {
            const auto number = numbers.next();
            if (!number) return std::nullopt;
            return make_operation(options.workload, *number);
        },
        [&](const rooms::bulk_result& r) { good += r.room.name().has_value(); }, bulk, asio::detached);
    io.run();
    io.restart();
    if (good != requests) throw std::runtime_error("some answers are no room");
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

    for (int i = 0; client.stats().open_connections != options.connections; ++i) {
        if (i == warm_up_attempts) throw std::runtime_error("the pool does not open all connections");
        run_bulk(io, client, options, options.connections * bench::warm_up_per_connection);
    }

    bench::meter meter;
    meter.start();
    run_bulk(io, client, options, options.requests);
    meter.stop();
    meter.print(options.requests);
}

} // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, run); }
