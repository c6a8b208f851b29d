// SPDX-License-Identifier: BSL-1.0

// The README's first example, against the sandbox server.

// clang-format off
//[evening
#include <watchers/rooms.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;
using namespace std::chrono;

asio::awaitable<void> evening(rooms::client& client)
{
    rooms::room r = co_await client.async_create_room(
        rooms::new_room("match-321", "Final", "Kick-off at 20:00")
            .voice(false)
            .starts_at(sys_days(2026y / December / 31) + 20h)
            .ends_at(sys_days(2026y / December / 31) + 23h));
    r = co_await client.async_get_room("match-321");
    co_await client.async_set_voice("match-321", true);
    co_await client.async_set_status("match-321", rooms::room_status::live);
    co_await client.async_delete_room("match-321");
}
//]
// clang-format on

#include <watchers/rooms/sandbox.hpp>

#include <iostream>

int main()
{
    rooms::sandbox::server sandbox;

    asio::io_context io;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());
    config.max_connections = 64;
    rooms::client client(io.get_executor(), config);

    std::exception_ptr failure;
    asio::co_spawn(io, evening(client), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);

    const auto seen = sandbox.counters();
    std::cout << "created " << sandbox.creations("match-321") << ", left " << sandbox.room_count()
              << ", connections " << seen.connections_accepted << '\n';
    return sandbox.creations("match-321") == 1 && sandbox.room_count() == 0 && seen.connections_accepted == 1
               ? 0
               : 1;
}
