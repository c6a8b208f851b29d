// SPDX-License-Identifier: BSL-1.0

// The client's sockets. Row 79: the descriptors that a program started by exec inherits.

#include "net.hpp"

#include <test/support/scratch_folder.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <filesystem>
#include <set>
#include <string>

using namespace net;

namespace {

std::set<int> open_descriptors()
{
    std::set<int> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        all.insert(std::stoi(entry.path().filename().string()));
    std::erase_if(all, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; }); // the iterator's own
    return all;
}

// The server's sockets are in this process, too.
bool is_servers(int fd, int port)
{
    sockaddr_in own{};
    socklen_t size = sizeof own;
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 && ntohs(own.sin_port) == port;
}

} // namespace

TEST_CASE("fault_79_sockets_and_journal_are_close_on_exec")
{
    // Setup
    sandbox::server server;
    server.put(sandbox::stored_room("r"));
    const std::string url = server.base_url();
    const int port = std::stoi(url.substr(url.rfind(':') + 1));
    const std::set<int> before = open_descriptors();

    // Run
    asio::io_context io;
    rooms::client client(io.get_executor(), config_for(server));
    const rooms::test::scratch_folder files;
    const rooms::journal journal(files.file(0), rooms::journal::digest());
    outcome o;
    client.async_get_room("r", o.handler());
    io.run();
    REQUIRE_FALSE(o.error);
    REQUIRE(client.stats().idle_connections == 1);

    // Check
    int sockets = 0;
    int others = 0;
    for (const int fd : open_descriptors()) {
        if (before.contains(fd) || is_servers(fd, port)) continue;
        CAPTURE(fd);
        CAPTURE(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string());
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        int type = 0;
        socklen_t size = sizeof type;
        ++(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? sockets : others);
    }
    CHECK(sockets == 1);
    CHECK(others >= 1); // the journal, and Asio's own
}

// A large request is several segments, the last of which must not wait for the acknowledgement of the others.
TEST_CASE("connections_send_without_delay")
{
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        rig r(sandbox::options().tls(tls));
        r.server.put(sandbox::stored_room("r", "Room"));
        const std::set<int> before = open_descriptors();
        REQUIRE(!r.call<get_room>().error);

        int connections = 0;
        for (const int fd : open_descriptors()) {
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
            if (before.contains(fd) || !connected || ntohs(peer.sin_port) != r.server.port()) continue;
            ++connections;
            int no_delay = 0;
            size = sizeof no_delay;
            REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
            CHECK(no_delay != 0);
        }
        CHECK(connections == 1);
    }
}
