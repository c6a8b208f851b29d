// SPDX-License-Identifier: BSL-1.0

// A bearer token that changes while the client runs: it is asked for when the service refuses the old one.

#include <watchers/rooms.hpp>
#include <watchers/rooms/awaitable_credentials.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

// Stands for whatever keeps the secrets: a vault, an instance's metadata, a file.
struct vault
{
    std::string token = "first";
    int questions = 0;

    asio::awaitable<std::string> async_token()
    {
        ++questions;
        co_await asio::post(asio::use_awaitable); // a request to elsewhere
        co_return token;
    }
};

asio::awaitable<void> evening(rooms::client& client, rooms::sandbox::server& sandbox, vault& secrets)
{
    co_await client.async_create_room(rooms::new_room("a", "Final", "Kick-off at 20:00"));

    secrets.token = "second";
    sandbox.set_credentials("key", "second");
    co_await client.async_set_voice("a", true); // refused, then sent again with the second token
    co_await client.async_delete_room("a");
}

int main()
{
    rooms::sandbox::server sandbox(rooms::sandbox::options().api_key("key").bearer_token("first"));
    asio::io_context io;
    vault secrets;

    //[credential_provider
    const auto provider = [&secrets]() -> asio::awaitable<rooms::credentials> {
        const std::string token = co_await secrets.async_token();
        co_return rooms::credentials("key", token);
    };
    rooms::config config(rooms::awaitable_credentials(io.get_executor(), provider));
    //]
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());

    rooms::client client(io.get_executor(), config);
    std::exception_ptr failure;
    asio::co_spawn(io, evening(client, sandbox, secrets), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);

    std::cout << "asked " << secrets.questions << " times, " << sandbox.counters().responses(403)
              << " refused\n";
    return secrets.questions == 2 && sandbox.counters().responses(403) == 1 && sandbox.room_count() == 0 ? 0
                                                                                                         : 1;
}
