// SPDX-License-Identifier: BSL-1.0
// The README's example, compiled by a project of its own. Nobody listens where it connects to: it ends with
// an error, which shows that everything is linked.
#include <watchers/rooms.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;
using namespace std::chrono;

asio::awaitable<void> evening(rooms::client& client)
{
    rooms::room r =
        co_await client.async_create_room(rooms::new_room("match-321", "Final", "Kick-off at 20:00")
                                              .voice(false)
                                              .starts_at(sys_days(2026y / December / 31) + 20h)
                                              .ends_at(sys_days(2026y / December / 31) + 23h));
    r = co_await client.async_get_room("match-321");
    co_await client.async_set_voice("match-321", true);
    co_await client.async_set_status("match-321", rooms::room_status::live);
    co_await client.async_delete_room("match-321");
}

int main()
{
    asio::io_context io;
    rooms::config config(rooms::credentials("api key", "bearer token"));
    config.base_url = "https://127.0.0.1:1";
    config.max_connections = 64;
    rooms::client client(io.get_executor(), config);

    int result = 1;
    asio::co_spawn(io, evening(client), [&result](std::exception_ptr failure) {
        try {
            if (failure) std::rethrow_exception(failure);
            std::cout << "a room on port 1?\n";
        } catch (const std::exception& e) {
            std::cout << "as expected: " << e.what() << '\n';
            result = 0;
        }
    });
    io.run();
    return result;
}
