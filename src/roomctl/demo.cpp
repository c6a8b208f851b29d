// SPDX-License-Identifier: BSL-1.0
#include "commands.hpp"

#include "configure.hpp"
#include "demo_record.hpp"
#include "descriptors.hpp"
#include "interrupts.hpp"
#include "progress.hpp"

#include <watchers/rooms/client.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace roomctl {

namespace asio = boost::asio;
namespace sandbox = watchers::rooms::sandbox;

namespace {

constexpr std::size_t steps_of_a_life = 6;

class demo
{
public:
    demo(const rooms::config& config, const demo_command& wanted, bool show_progress)
        : wanted_(wanted)
        , client_(io_.get_executor(), config)
        , timer_(io_)
        , signals_(io_)
        , record_(wanted.rooms * steps_of_a_life)
        , progress_("demo", wanted.rooms * steps_of_a_life, show_progress)
    {}

    void run()
    {
        for (const int which : {SIGINT, SIGTERM, SIGHUP})
            if (!is_ignored(which)) signals_.add(which);
        signals_.async_wait([this](const rooms::error_code& ec, int) {
            if (ec) return;
            interrupted_ = true;
            signals_.clear(); // a second signal ends the program
        });
        show_again();
        begin_ = clock::now();
        const std::size_t workers = std::min(wanted_.rooms, wanted_.concurrency);
        for (; working_ < workers; ++working_)
            asio::co_spawn(io_, work(), [this](std::exception_ptr e) { worker_ended(std::move(e)); });
        io_.run();
        progress_.clear();
        if (thrown_) std::rethrow_exception(thrown_);
    }

    demo_summary summary()
    {
        demo_summary s;
        s.rooms = wanted_.rooms;
        s.concurrency = wanted_.concurrency;
        s.interrupted = interrupted_;
        s.elapsed = elapsed_;
        record_.summarise(s);
        return s;
    }

private:
    using clock = std::chrono::steady_clock;

    asio::awaitable<void> work()
    {
        while (next_room_ < wanted_.rooms && !interrupted_ && !thrown_) {
            const std::size_t n = next_room_++;
            co_await life_of(n);
        }
    }

    // A room that cannot be created has no further life; one that can is deleted whatever else fails.
    asio::awaitable<void> life_of(std::size_t n)
    {
        const std::string id = "demo-" + std::to_string(n);
        const std::string name = "Demo room " + std::to_string(n);
        const rooms::new_room wanted(id, name, "One of many");
        expectation expected(id, name);

        auto create = client_.async_create_room(wanted);
        const bool created = co_await measured(std::move(create), expected);
        if (!created) co_return;

        auto get = client_.async_get_room(id);
        co_await measured(std::move(get), expected);

        expected.voice = true;
        auto speak = client_.async_set_voice(id, true);
        co_await measured(std::move(speak), expected);

        expected.status = rooms::room_status::live;
        auto go_live = client_.async_set_status(id, rooms::room_status::live);
        co_await measured(std::move(go_live), expected);

        expected.status = rooms::room_status::ended;
        auto finish = client_.async_set_status(id, rooms::room_status::ended);
        co_await measured(std::move(finish), expected);

        auto erase = client_.async_delete_room(id);
        co_await measured(std::move(erase));
    }

    asio::awaitable<bool> measured(asio::awaitable<rooms::room> call, const expectation& expected)
    {
        const auto begin = clock::now();
        bool done = false;
        try {
            const rooms::room answer = co_await std::move(call);
            done = true;
            record_.answered(clock::now() - begin, expected, answer);
        } catch (const rooms::error& e) {
            record_.failed(clock::now() - begin, e);
        }
        co_return done;
    }

    asio::awaitable<void> measured(asio::awaitable<void> call)
    {
        const auto begin = clock::now();
        try {
            co_await std::move(call);
            record_.answered(clock::now() - begin);
        } catch (const rooms::error& e) {
            record_.failed(clock::now() - begin, e);
        }
    }

    void show_again()
    {
        progress_.show(record_.operations(), record_.failures());
        timer_.expires_after(std::chrono::milliseconds(100));
        timer_.async_wait([this](const rooms::error_code& ec) {
            if (!ec) show_again();
        });
    }

    void worker_ended(std::exception_ptr e)
    {
        if (e && !thrown_) thrown_ = std::move(e);
        if (--working_ != 0) return;
        elapsed_ = clock::now() - begin_;
        timer_.cancel();
        signals_.cancel();
        client_.async_drain([](const rooms::error_code&) {});
    }

    asio::io_context io_{1};
    const demo_command wanted_;
    rooms::client client_;
    asio::steady_timer timer_;
    asio::signal_set signals_;
    demo_record record_;
    progress progress_;
    std::size_t next_room_ = 0;
    std::size_t working_ = 0;
    bool interrupted_ = false;
    std::exception_ptr thrown_;
    clock::time_point begin_;
    clock::duration elapsed_{};
};

} // namespace

exit_code run_demo(const settings& options, const demo_command& command, output& out)
{
    allow_descriptors(2 * command.concurrency); // client and server are one process
    sandbox::server server;                     // serves on a thread of its own

    rooms::config config(rooms::credentials("sandbox", "sandbox"));
    config.base_url = server.base_url();
    config.trust = rooms::trust::ca_pem(server.ca_pem());
    config.max_connections = command.concurrency;
    apply_common(config, options);

    demo d(config, command, !options.verbose && !options.json);
    d.run();

    demo_summary s = d.summary();
    const auto counters = server.counters();
    s.connections = counters.connections_accepted;
    s.handshakes_full = counters.handshakes_full;
    s.handshakes_resumed = counters.handshakes_resumed;
    s.rooms_left = server.room_count();
    out.demo_done(s);
    const bool whole = s.operations == command.rooms * steps_of_a_life;
    return whole && s.failures == 0 && s.rooms_left == 0 ? exit_code::done : exit_code::failed;
}

} // namespace roomctl
