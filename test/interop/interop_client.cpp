// SPDX-License-Identifier: BSL-1.0
// interop_client URL CA-FILE LIVES
//
// Takes rooms through their whole life, 16 at a time, in two waves. Between the waves it waits until the
// server has closed every idle connection, so that the second wave finds a pool that emptied itself. Exits
// with 1 on any failure.
#include <watchers/rooms.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t concurrency = 16;
constexpr std::size_t operations_per_life = 5;
constexpr std::size_t requests_per_connection = 50; // what both servers allow

struct tally
{
    std::size_t next = 0;
    std::size_t lives_done = 0;
    std::size_t failures = 0;
};

void expect(bool condition, const char* what)
{
    if (!condition) throw std::runtime_error(what);
}

asio::awaitable<void> live(rooms::client& client, std::string id)
{
    const auto start = std::chrono::sys_days(std::chrono::year(2026) / 12 / 31) + 20h;
    rooms::new_room wanted(id, "Final \u2014 \"the\" one", "Kick-off\nat 20:00");
    wanted.voice(false).starts_at(start).ends_at(start + 3h);

    rooms::room room = co_await client.async_create_room(wanted);
    expect(room.id() == id, "create: another id");
    room = co_await client.async_get_room(id);
    expect(room.id() == id && room.voice() == false, "get: not what was created");
    room = co_await client.async_set_voice(id, true);
    expect(room.voice() == true, "voice: not what was set");
    room = co_await client.async_set_status(id, rooms::room_status::live);
    expect(room.status() == rooms::room_status::live, "status: not what was set");
    co_await client.async_delete_room(id);
}

asio::awaitable<void> worker(rooms::client& client, tally& counted, std::size_t end)
{
    while (counted.next < end) {
        const std::string id = "interop/" + std::to_string(counted.next++);
        try {
            co_await live(client, id);
            ++counted.lives_done;
        } catch (const std::exception& e) {
            ++counted.failures;
            std::cerr << id << ": " << e.what() << '\n';
        }
    }
}

void wave(asio::io_context& io, rooms::client& client, tally& counted, std::size_t end)
{
    for (std::size_t i = 0; i != concurrency; ++i)
        asio::co_spawn(io, worker(client, counted, end), asio::detached);
    io.restart();
    io.run();
}

/// Whether the pool notices that the server closes its idle connections.
bool emptied(asio::io_context& io, const rooms::client& client)
{
    asio::steady_timer limit(io, 15s);
    bool late = false;
    bool waiting = true;
    limit.async_wait([&late, &waiting](const boost::system::error_code& ec) {
        late = !ec;
        waiting = false;
    });
    io.restart();
    while (!late && client.stats().open_connections != 0)
        io.run_one();
    limit.cancel();
    while (waiting)
        io.run_one();
    return client.stats().open_connections == 0;
}

int run(const std::string& url, const std::string& ca_file, std::size_t lives)
{
    asio::io_context io;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = url;
    config.trust = rooms::trust::ca_file(ca_file);
    config.max_connections = concurrency;
    rooms::client client(io.get_executor(), config);

    tally counted;
    wave(io, client, counted, lives / 2);
    const bool pool_emptied = emptied(io, client);
    wave(io, client, counted, lives);

    const rooms::stats stats = client.stats();
    std::cout << counted.lives_done << " lives, " << counted.failures << " failures, " << stats.requests
              << " requests, " << stats.connections_opened << " connections, " << stats.handshakes_resumed
              << " handshakes resumed, " << stats.replays << " replays\n";
    if (!pool_emptied) std::cerr << "connections that the server closed are still in the pool\n";
    const bool reused = stats.connections_opened >= lives * operations_per_life / requests_per_connection &&
                        stats.connections_opened <= lives;
    if (!reused) std::cerr << "the number of connections does not fit the server's limit of requests\n";
    return counted.failures == 0 && counted.lives_done == lives && pool_emptied && reused ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 4) {
        std::cerr << "usage: interop_client URL CA-FILE LIVES\n";
        return 2;
    }
    try {
        return run(argv[1], argv[2], std::stoul(argv[3]));
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
