// SPDX-License-Identifier: BSL-1.0

// Many rooms at once: created, one result each; then a stream of operations that is pulled as it goes.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

//[bulk
// The season's rooms. Whatever became of each is in its result.
asio::awaitable<int> create_season(rooms::client& client, int matches)
{
    std::vector<rooms::new_room> season;
    for (int i = 0; i < matches; ++i)
        season.emplace_back("match-" + std::to_string(i), "Match " + std::to_string(i), "Kick-off at 20:00");

    int missing = 0;
    const auto results = co_await client.async_create_rooms(season);
    for (const rooms::bulk_result& r : results) {
        if (!r.error) continue;
        ++missing;
        std::cerr << r.operation.room_id() << ": " << r.error.message() << ": " << r.diagnostics.to_string()
                  << '\n';
    }
    co_return missing;
}

// Operations made as they are needed: memory does not grow with their number.
asio::awaitable<rooms::bulk_summary> kick_off(rooms::client& client, int matches)
{
    auto next = [i = 0, matches]() mutable -> std::optional<rooms::operation> {
        if (i == matches) return std::nullopt;
        return rooms::operation::set_status("match-" + std::to_string(i++), rooms::room_status::live);
    };
    auto check = [](const rooms::bulk_result& r) {
        if (r.error) std::cerr << r.operation.room_id() << ": " << r.error.message() << '\n';
    };
    rooms::bulk_options options;
    options.stop_on = rooms::bulk_stop::above(0.5);
    co_return co_await client.async_bulk(next, check, options);
}
//]

asio::awaitable<void> evening(rooms::client& client, int& wrong)
{
    wrong += co_await create_season(client, 300);
    const auto summary = co_await kick_off(client, 300);
    wrong += !summary.all_succeeded() || summary.operations != 300;
}

int main()
{
    rooms::sandbox::server sandbox;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());

    asio::io_context io;
    rooms::client client(io.get_executor(), config);
    int wrong = 0;
    std::exception_ptr failure;
    asio::co_spawn(io, evening(client, wrong), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return wrong + (sandbox.room_count() != 300);
}
