// SPDX-License-Identifier: BSL-1.0

// Without coroutines: a handler for each operation, and a call that is cancelled.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

int main()
{
    rooms::sandbox::server sandbox;
    sandbox.inject(rooms::sandbox::fault::stall().room("stalled"));
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());

    asio::io_context io;
    rooms::client client(io.get_executor(), config);
    bool created = false;
    rooms::error_code ended;

    //[callbacks
    client.async_create_room({"match-321", "Final", "Kick-off at 20:00"},
                             [&](rooms::error_code ec, const rooms::room& r) {
                                 if (ec) return;
                                 std::cout << "created " << r.id().value_or("?") << '\n';
                                 created = true;
                             });

    asio::cancellation_signal enough;
    rooms::diagnostics told; // lives until the handler is called
    client.async_set_voice(
        "stalled", true, told,
        asio::bind_cancellation_slot(enough.slot(), [&](rooms::error_code ec, const rooms::room&) {
            std::cout << ec.message() << ", effect " << to_string(told.effect()) << '\n';
            ended = ec;
        }));
    //]
    while (client.stats().requests < 2)
        io.run_one();
    enough.emit(asio::cancellation_type::terminal);
    io.run(); // returns when no call is under way

    const bool as_expected =
        created && ended == rooms::errc::cancelled && told.effect() == rooms::effect::unknown;
    return as_expected ? 0 : 1;
}
