// SPDX-License-Identifier: BSL-1.0

// A bulk run that is interrupted, and goes on where it was when it is run again with the same journal.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace rooms = watchers::rooms;
namespace asio = boost::asio;

//[journal
// Give it the same manifest and journal again after a crash: what is done is not done twice.
asio::awaitable<rooms::bulk_summary> create_rooms(rooms::client& client, std::string_view manifest,
                                                  std::string journal_path,
                                                  rooms::bulk_stop stop_on = rooms::bulk_stop::never())
{
    rooms::journal journal(journal_path, rooms::manifest_digest().update(manifest).finish());
    rooms::bulk_options options;
    options.journal = &journal;
    options.stop_on = stop_on;

    auto next = [manifest]() mutable -> std::optional<rooms::operation> {
        if (manifest.empty()) return std::nullopt;
        const auto end = manifest.find('\n');
        const std::string id(manifest.substr(0, end));
        manifest.remove_prefix(end + 1);
        return rooms::operation::create(rooms::new_room(id, "Match " + id, "Kick-off at 20:00"));
    };
    auto report = [](const rooms::bulk_result& r) {
        if (r.error && r.error != rooms::errc::stopped)
            std::cerr << r.operation.room_id() << ": " << r.error.message() << '\n';
    };
    auto [ec, summary] =
        co_await client.async_bulk(next, report, options, asio::as_tuple(asio::use_awaitable));
    journal.close();
    if (ec && ec != rooms::errc::stopped) throw rooms::error(ec);
    co_return summary;
}
//]

asio::awaitable<void> season(rooms::client& client, rooms::sandbox::server& sandbox, std::string path,
                             bool& right)
{
    std::string manifest;
    for (int i = 0; i < 100; ++i)
        manifest += "match-" + std::to_string(i) + '\n';

    sandbox.inject(rooms::sandbox::fault::respond(400).room("match-50"));
    const auto first = co_await create_rooms(client, manifest, path, rooms::bulk_stop::first_failure());
    const auto second = co_await create_rooms(client, manifest, path);
    std::cout << first.succeeded << " rooms at first, " << second.journaled << " of them not sent again, "
              << second.succeeded << " in the end\n";
    right = first.failed == 1 && second.journaled == first.succeeded && second.all_succeeded() &&
            second.operations == 100 && sandbox.room_count() == 100;
}

int main()
{
    std::string directory = (std::filesystem::temp_directory_path() / "rooms-journal-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) return 1;
    rooms::sandbox::server sandbox;
    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = sandbox.base_url();
    config.trust = rooms::trust::ca_pem(sandbox.ca_pem());

    asio::io_context io;
    rooms::client client(io.get_executor(), config);
    bool right = false;
    std::exception_ptr failure;
    asio::co_spawn(io, season(client, sandbox, directory + "/season.journal", right),
                   [&](std::exception_ptr e) { failure = e; });
    io.run();
    std::filesystem::remove_all(directory);
    if (failure) std::rethrow_exception(failure);
    return right ? 0 : 1;
}
