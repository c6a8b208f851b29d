// SPDX-License-Identifier: BSL-1.0

// Blocking code: futures, and a pool of threads that runs the client.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <iostream>
#include <string>
#include <vector>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

int main()
{
    rooms::sandbox::server sandbox;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());

    //[futures
    asio::thread_pool pool(2);
    rooms::client client(pool.get_executor(),
                         config); // guarded by a strand of its own: use it from any thread

    std::vector<std::future<rooms::room>> created;
    for (int i = 0; i < 10; ++i)
        created.push_back(client.async_create_room({"room-" + std::to_string(i), "A room", "One of ten"},
                                                   asio::use_future));
    for (auto& c : created)
        std::cout << "created " << c.get().id().value_or("?") << '\n';

    try {
        client.async_delete_room("room-10", rooms::with_diagnostics(asio::use_future)).get();
    } catch (const rooms::error& e) {
        std::cout << e.diagnostics().http_status() << ": " << e.diagnostics().message() << '\n';
    }
    client.async_drain(asio::use_future).get(); // optional: an orderly end
    pool.join();
    //]

    return sandbox.room_count() == 10 && client.stats().open_connections == 0 ? 0 : 1;
}
