// SPDX-License-Identifier: BSL-1.0

// When a failed call is tried again: for the client, and for one call.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <memory>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;
using namespace std::chrono_literals;

//[retries
// Tells what the client does about failures.
class retry_log : public rooms::observer
{
public:
    void on_retry(const rooms::retry_planned& r) override
    {
        ++retries;
        std::cout << to_string(r.operation) << ": " << r.failure.message()
                  << (r.confirmation ? "; looking for the room\n" : "; trying again\n");
    }

    int retries = 0;
};

rooms::config patient(rooms::config c)
{
    c.timeout = 60s; // for all attempts together
    c.retry.ambiguous_attempts = 8;
    c.retry.backoff_base = 20ms;
    c.retry.backoff_cap = 5s;
    c.max_requests_per_second = 500;
    return c;
}

// One request, and the truth about it.
asio::awaitable<rooms::effect> voice_on_once(rooms::client& client)
{
    rooms::diagnostics d;
    co_await client.async_set_voice("match-321", true,
                                    rooms::call_options(d).retry(rooms::retry_policy::none()),
                                    asio::as_tuple(asio::use_awaitable));
    co_return d.effect();
}
//]

asio::awaitable<void> evening(rooms::client& client, rooms::sandbox::server& sandbox, int& wrong)
{
    using rooms::sandbox::fault;
    sandbox.inject(fault::drop_after().on(rooms::sandbox::operation::create));
    const rooms::room r =
        co_await client.async_create_room(rooms::new_room("match-321", "Final", "Kick-off at 20:00"));
    wrong += !r.confirmed() || sandbox.creations("match-321") != 1;

    sandbox.inject(fault::respond(503).times(3));
    co_await client.async_set_status("match-321", rooms::room_status::live);

    sandbox.inject(fault::reset_after());
    const auto effect = co_await voice_on_once(client);
    wrong += effect != rooms::effect::unknown;
}

int main()
{
    rooms::sandbox::server sandbox;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());
    const auto log = std::make_shared<retry_log>();
    config.observer = log;

    asio::io_context io;
    rooms::client client(io.get_executor(), patient(config));
    int wrong = 0;
    std::exception_ptr failure;
    asio::co_spawn(io, evening(client, sandbox, wrong), [&](std::exception_ptr e) { failure = e; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return wrong + (log->retries != 4);
}
