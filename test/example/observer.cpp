// SPDX-License-Identifier: BSL-1.0

// A log line for each attempt, and figures for a dashboard.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

//[observer
class log final : public rooms::observer
{
public:
    void on_attempt_end(const rooms::attempt_end& e) override
    {
        using std::chrono::duration_cast, std::chrono::microseconds;
        std::cout << e.call_id << ' ' << to_string(e.operation) << " attempt " << e.attempt << ": "
                  << (e.error ? e.error.message() : "good") << ", HTTP " << e.http_status
                  << (e.new_connection ? ", new connection" : "") << (e.resumed_tls ? ", resumed" : "")
                  << ", answer after " << duration_cast<microseconds>(e.durations.wait).count() << " us\n";
        ++attempts;
    }

    void on_call_end(const rooms::call_end& e) override
    {
        if (e.error) ++failures;
        ++calls;
    }

    int attempts = 0;
    int calls = 0;
    int failures = 0;
};
//]

asio::awaitable<void> evening(rooms::client& client, rooms::sandbox::server& sandbox)
{
    co_await client.async_create_room(rooms::new_room("a", "Final", "Kick-off at 20:00"));
    sandbox.inject(rooms::sandbox::fault::drop_before()); // as if the connection had been idle for too long
    co_await client.async_set_voice("a", true);           // sent again, on a fresh connection
    co_await client.async_delete_room("a");
}

int main()
{
    rooms::sandbox::server sandbox;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());
    const auto seen = std::make_shared<log>();
    config.observer = seen;

    asio::io_context io;
    rooms::client client(io.get_executor(), config);
    std::exception_ptr failure;
    asio::co_spawn(io, evening(client, sandbox), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);

    const rooms::stats totals = client.stats();
    std::cout << totals.requests << " requests, " << totals.replays << " sent again, "
              << totals.connections_opened << " connections\n";
    return seen->calls == 3 && seen->failures == 0 && seen->attempts == 4 && totals.replays == 1 ? 0 : 1;
}
