// SPDX-License-Identifier: BSL-1.0

// Row 73: threading::single, used by one thread at a time and by two.

#include "bulk.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <thread>

using namespace net;
using rooms::error_code;

namespace {

rooms::config single_config(const sandbox::server& s)
{
    rooms::config c = config_for(s);
    c.threading = rooms::threading::single;
    return c;
}

// One thread is inside the client, in the handler of a call, and stays there.
struct occupied
{
    occupied()
    {
        server.put(sandbox::stored_room("r"));
        client->async_get_room("r", [this](error_code, const rooms::room&) {
            inside.set_value();
            released.get_future().wait();
        });
        first = std::thread([this] { io.run(); });
        inside.get_future().wait();
    }
    ~occupied()
    {
        released.set_value();
        first.join();
    }

    sandbox::server server;
    asio::io_context io;
    std::optional<rooms::client> client{std::in_place, io.get_executor(), single_config(server)};
    std::promise<void> inside;
    std::promise<void> released;
    std::thread first;
};

struct process_end
{
    bool aborted = false;
    std::string said; // on standard error
};

// In a process of its own, which is ended after 20 s.
process_end run_apart(const std::function<void()>& f)
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        ::alarm(20);
        f();
        ::_exit(0);
    }
    ::close(ends[1]);
    process_end e;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        e.said.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    e.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return e;
}

} // namespace

TEST_CASE("fault_73_single_ends_the_process_when_a_second_thread_enters")
{
    // Setup
    struct way_in
    {
        const char* name;
        std::function<void(occupied&)> enter;
    };
    const way_in ways[] = {
        {"a call", [](occupied& o) { o.client->async_get_room("r", [](error_code, const rooms::room&) {}); }},
        {"drain", [](occupied& o) { o.client->async_drain([](error_code) {}); }},
        {"credentials", [](occupied& o) { o.client->set_credentials(rooms::credentials("a", "b")); }},
        {"destruction", [](occupied& o) { o.client.reset(); }},
        {"a bulk run, by a second thread that runs the context",
         [](occupied& o) {
             o.client->async_bulk(
                 gets(1), [](const rooms::bulk_result&) {}, [](error_code, const rooms::bulk_summary&) {});
             o.io.run();
         }},
    };
    for (const way_in& w : ways) {
        CAPTURE(w.name);

        // Run
        const process_end e = run_apart([&] {
            occupied o;
            w.enter(o);
        });

        // Check
        CHECK(e.aborted);
        CHECK(e.said.find("two threads used a client with threading::single at the same time") !=
              std::string::npos);
    }
}

TEST_CASE("fault_73_single_is_noticed_on_a_pool_of_threads")
{
    const process_end e = run_apart([] {
        sandbox::server server;
        server.put(sandbox::stored_room("r"));
        asio::thread_pool pool(2);
        rooms::client client(pool.get_executor(), single_config(server));
        std::promise<void> inside;
        client.async_get_room("r", [&](error_code, const rooms::room&) {
            inside.set_value();
            std::promise<void>().get_future().wait_for(20s);
        });
        inside.get_future().wait();
        client.async_get_room("r", [](error_code, const rooms::room&) {});
        pool.join();
    });
    CHECK(e.aborted);
}

TEST_CASE("fault_73_single_may_go_from_thread_to_thread")
{
    sandbox::server server;
    server.put(sandbox::stored_room("r"));
    asio::io_context io;
    rooms::client client(io.get_executor(), single_config(server));
    int good = 0;
    for (int i = 0; i < 8; ++i)
        std::thread([&] {
            io.restart();
            client.async_get_room("r", [&](error_code ec, const rooms::room&) { good += !ec; });
            io.run();
        }).join();
    std::thread([moved = std::move(client)] {}).join();
    CHECK(good == 8);
}

// The executor that a call's handler runs on stays the caller's.
TEST_CASE("fault_73_handlers_run_on_the_callers_executor_and_not_on_the_strand")
{
    sandbox::server server;
    server.put(sandbox::stored_room("r"));
    asio::io_context io;
    rooms::client client(io.get_executor(), config_for(server));
    std::promise<void> second;
    bool waited = false;
    client.async_get_room("r", [&](error_code, const rooms::room&) {
        // Ends only if another call can end while this handler runs.
        waited = second.get_future().wait_for(20s) == std::future_status::ready;
    });
    client.async_set_voice("r", true, [&](error_code, const rooms::room&) { second.set_value(); });
    std::thread other([&] { io.run(); });
    io.run();
    other.join();
    CHECK(waited);
}
