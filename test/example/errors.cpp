// SPDX-License-Identifier: BSL-1.0

// What can go wrong, and what a caller can tell of it: groups of errors, and the effect on the room.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;
using namespace std::chrono_literals;

//[errors
// What to do about an error of a change.
std::string advice(const rooms::error_code& ec, const rooms::diagnostics& d)
{
    if (!ec) return d.confirmed() ? "done: found to be there" : "done";
    if (ec == rooms::errc::conflict) return "the room exists already";
    if (ec == rooms::errc::rate_limited && d.retry_after())
        return "wait " + std::to_string(d.retry_after()->count()) + " s";
    if (ec == rooms::condition::rejected) return "refused: " + d.message();
    if (d.effect() == rooms::effect::none) return "nothing has happened, try again";
    return "look whether it has happened";
}

asio::awaitable<std::string> create(rooms::client& client, std::string id)
{
    rooms::diagnostics d;
    const auto [ec, room] = co_await client.async_create_room(
        rooms::new_room(id, "Final", "Kick-off at 20:00"), rooms::call_options(d).timeout(1s),
        asio::as_tuple(asio::use_awaitable));
    co_return advice(ec, d);
}
//]

asio::awaitable<void> evening(rooms::client& client, rooms::sandbox::server& sandbox, int& wrong)
{
    using rooms::sandbox::fault;
    const auto expect = [&wrong](const std::string& said, const std::string& expected) {
        std::cout << said << '\n';
        wrong += said != expected;
    };
    std::string said = co_await create(client, "a");
    expect(said, "done");
    said = co_await create(client, "a");
    expect(said, "the room exists already");
    sandbox.inject(fault::respond(400, R"({"message":["name should not be empty"]})"));
    said = co_await create(client, "b");
    expect(said, "refused: name should not be empty");
    sandbox.inject(
        fault::drop_after().on(rooms::sandbox::operation::create)); // the get that follows is not hit
    said = co_await create(client, "b");
    expect(said, "done: found to be there");
    wrong += sandbox.creations("b") != 1;
    sandbox.inject(fault::stall().always());
    said = co_await create(client, "c");
    expect(said, "look whether it has happened");
    sandbox.clear_faults();

    sandbox.inject(fault::close_after()); // after the next answer: the call behind it needs a new connection
    try {
        co_await client.async_get_room("no such room"); // the default token throws
        ++wrong;
    } catch (const rooms::error& e) {
        std::cout << e.what() << '\n';
        wrong += e.code() != rooms::errc::not_found || e.diagnostics().http_status() != 404;
    }
    sandbox.inject(fault::respond(429).field("Retry-After", "7")); // longer than the call has time for
    said = co_await create(client, "d");
    expect(said, "wait 7 s");
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
    asio::co_spawn(io, evening(client, sandbox, wrong), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return wrong;
}
