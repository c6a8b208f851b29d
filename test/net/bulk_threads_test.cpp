// SPDX-License-Identifier: BSL-1.0

// Bulk runs over real TLS: many threads, and clients that come and go.

#include "bulk.hpp"
#include "modes.hpp"

#include <test/support/scratch_folder.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace net;
using rooms::bulk_options;
using rooms::bulk_result;
using rooms::bulk_summary;
using rooms::errc;
using rooms::error_code;
using rooms::journal;
using rooms::operation;
using sandbox::fault;
using scratch_folder = rooms::test::scratch_folder;

namespace {

constexpr journal::digest manifest{};
const auto nowhere = [](const bulk_result&) {};

class threads
{
public:
    threads(asio::io_context& io, int count)
    {
        for (int i = 0; i < count; ++i)
            all_.emplace_back([&io] { io.run(); });
    }
    ~threads() { join(); }
    void join()
    {
        for (std::thread& t : all_)
            if (t.joinable()) t.join();
    }

private:
    std::vector<std::thread> all_;
};

// One run's callbacks: nothing in them is guarded, so that only a run that calls them one after the other is
// right. Each room is created, turned to live, looked at and deleted.
class life_of_rooms
{
public:
    life_of_rooms(int number, int count) : number_(number), count_(count) {}

    std::optional<operation> next()
    {
        const in_use guard(*this);
        const int room = at_ / 4;
        if (room == count_) return std::nullopt;
        const std::string id = "run " + std::to_string(number_) + " room " + std::to_string(room);
        switch (at_++ % 4) {
        case 0: return operation::create(rooms::new_room(id, "Room", "About"));
        case 1: return operation::set_status(id, rooms::room_status::live);
        case 2: return operation::get(id);
        default: return operation::erase(id);
        }
    }

    void take(const bulk_result& r)
    {
        const in_use guard(*this);
        good_ += !r.error;
        live_ += r.operation.kind() == rooms::operation_kind::get_room &&
                 r.room.status() == rooms::room_status::live;
    }

    void see(const rooms::bulk_progress& p)
    {
        const in_use guard(*this);
        progress_is_sound_ = progress_is_sound_ && p.done >= done_ && p.failed == 0;
        done_ = p.done;
    }

    template <class Token>
    auto start(rooms::client& c, Token&& token, journal* j = nullptr)
    {
        bulk_options o;
        o.journal = j;
        o.max_in_flight = 16;
        o.progress_interval = 0ms;
        o.on_progress = [this](const rooms::bulk_progress& p) { see(p); };
        return c.async_bulk([this] { return next(); }, [this](const bulk_result& r) { take(r); },
                            std::move(o), std::forward<Token>(token));
    }

    void check() const
    {
        CHECK(good_ == 4 * count_);
        CHECK(live_ == count_);
        CHECK(progress_is_sound_);
        CHECK(done_ == 4 * static_cast<std::uint64_t>(count_));
        CHECK_FALSE(met_);
    }

private:
    class in_use
    {
    public:
        explicit in_use(life_of_rooms& l) : life_(l)
        {
            life_.met_ = life_.met_ || life_.busy_.exchange(true);
            for (int i = 0; i < 20; ++i) // a thread that may come in does
                std::this_thread::yield();
        }
        ~in_use() { life_.busy_ = false; }

    private:
        life_of_rooms& life_;
    };

    int number_;
    int count_;
    int at_ = 0;
    int good_ = 0;
    int live_ = 0;
    std::uint64_t done_ = 0;
    bool progress_is_sound_ = true;
    std::atomic<bool> busy_ = false;
    std::atomic<bool> met_ = false;
};

// Four runs at once, the first two with journals, and single calls meanwhile.
template <class JoinThreads>
void four_runs(sandbox::server& server, rooms::client& client, JoinThreads join)
{
    const scratch_folder files;
    journal first(files.file(0), manifest);
    journal second(files.file(1), manifest);
    std::array<journal*, 4> journals{&first, &second, nullptr, nullptr};
    std::vector<std::unique_ptr<life_of_rooms>> runs;
    std::vector<std::future<bulk_summary>> ended;
    for (int i = 0; i < 4; ++i) {
        runs.push_back(std::make_unique<life_of_rooms>(i, 50));
        ended.push_back(runs.back()->start(client, asio::use_future, journals[static_cast<std::size_t>(i)]));
    }
    server.put(sandbox::stored_room("single", "Single"));
    std::atomic<int> single = 0;
    for (int i = 0; i < 50; ++i)
        client.async_get_room("single", [&](error_code ec, const rooms::room&) { single += !ec; });

    join();

    for (auto& e : ended)
        CHECK(e.get().succeeded == 200);
    for (const auto& r : runs)
        r->check();
    CHECK(single == 50);
    CHECK(server.room_count() == 1);
    CHECK(first.count(journal::state::done) == 200);
    CHECK(second.count(journal::state::done) == 200);
    CHECK(client.stats().calls == 0);
}

} // namespace

TEST_CASE("fault_73_bulk_runs_on_an_io_context_run_by_three_threads_by_default")
{
    sandbox::server server(sandbox::options().threads(2));
    rooms::config c = config_for(server, mode::strand_inside);
    c.max_connections = 16;
    asio::io_context io;
    rooms::client client(io.get_executor(), c);
    four_runs(server, client, [&] { threads(io, 3).join(); });
}

TEST_CASE("bulk_threads_a_pool")
{
    sandbox::server server(sandbox::options().threads(2));
    rooms::config c = net::config_for(server);
    c.max_connections = 16;
    asio::thread_pool pool(3);
    rooms::client client(pool.get_executor(), c);
    four_runs(server, client, [&] { pool.join(); });
}

TEST_CASE("bulk_threads_the_callers_strand")
{
    sandbox::server server(sandbox::options().threads(2));
    asio::io_context io;
    const auto strand = asio::make_strand(io);
    rooms::client client(strand, net::config_for(server));
    four_runs(server, client, [&] { threads(io, 3).join(); });

    // All of a run's functions are called on it.
    int elsewhere = 0;
    const auto look = [&] { elsewhere += !strand.running_in_this_thread(); };
    server.put(sandbox::stored_room("r0"));
    auto source = [&, n = 0]() mutable -> asio::awaitable<std::optional<operation>> {
        look();
        if (n++ == 20) co_return std::nullopt;
        co_return operation::get("r0");
    };
    auto sink = [&](bulk_result) -> asio::awaitable<void> {
        look();
        co_return;
    };
    bulk_options o;
    o.on_progress = [&](const rooms::bulk_progress&) { look(); };
    auto ended = client.async_bulk(source, sink, o, asio::use_future);
    io.restart();
    threads(io, 3).join();
    CHECK(ended.get().succeeded == 20);
    CHECK(elsewhere == 0);
}

TEST_CASE("bulk_threads_runs_are_begun_and_cancelled_from_outside")
{
    sandbox::server server;
    server.inject(fault::stall().on(sandbox::operation::get).always());
    asio::thread_pool pool(3);
    rooms::client client(pool.get_executor(), net::config_for(server));
    constexpr std::size_t count = 8;
    std::array<asio::cancellation_signal, count> signals;
    std::array<std::promise<error_code>, count> results;
    for (std::size_t i = 0; i < count; ++i) {
        client.async_bulk(
            gets(20), nowhere,
            asio::bind_cancellation_slot(signals[i].slot(), [&, i](error_code ec, bulk_summary s) {
                CHECK(s.failed + s.stopped == s.operations);
                results[i].set_value(ec);
            }));
        if (i % 2 == 0) signals[i].emit(asio::cancellation_type::terminal); // while it is being begun
    }
    CHECK(server.wait([](const auto& v) { return v.requests(sandbox::operation::get) >= 4; }));
    for (std::size_t i = 1; i < count; i += 2)
        signals[i].emit(asio::cancellation_type::terminal);
    for (auto& r : results)
        CHECK(r.get_future().get() == errc::cancelled);
    pool.join();
}

// A signal is the caller's, and may be there when nothing else is.
TEST_CASE("bulk_threads_a_cancellation_signal_outlives_the_context")
{
    for (const mode m : all_modes) {
        for (const bool completed : {false, true}) {
            for (const bool journaled : {false, true}) {
                CAPTURE(static_cast<int>(m));
                CAPTURE(completed);
                CAPTURE(journaled);
                const scratch_folder files;
                asio::cancellation_signal signal;
                bulk_end end;
                {
                    journal j(files.file(0), manifest);
                    moded_rig r(m);
                    r.server.put(sandbox::stored_room("r0"));
                    bulk_options o;
                    if (journaled) o.journal = &j;
                    r.client->async_bulk(gets(1), nowhere, o,
                                         asio::bind_cancellation_slot(signal.slot(), end.handler()));
                    if (completed) threads(*r.io, m == mode::plain ? 1 : 3).join();
                }
                CHECK(end.completions == (completed ? 1 : 0));
                signal.emit(asio::cancellation_type::terminal);
            }
        }
    }
}

TEST_CASE("bulk_threads_a_client_is_destroyed_while_runs_are_under_way")
{
    for (int round = 0; round < 10; ++round) {
        sandbox::server server;
        const scratch_folder files;
        journal j(files.file(0), manifest);
        asio::thread_pool pool(3);
        std::atomic<int> ended = 0;
        std::atomic<int> odd = 0;
        std::atomic<std::uint64_t> missing = 0;
        {
            rooms::client client(pool.get_executor(), net::config_for(server));
            for (int i = 0; i < 4; ++i) {
                bulk_options o;
                if (i == 0) o.journal = &j;
                auto results = std::make_shared<std::uint64_t>(0);
                client.async_bulk(
                    gets(2000), [results](const bulk_result&) { ++*results; }, o,
                    [&, results](error_code ec, const bulk_summary& s) {
                        ++ended;
                        odd += ec != errc::shutting_down;
                        missing += s.operations - *results;
                    });
            }
            if (round % 2 == 1)
                CHECK(server.wait([](const auto& c) { return c.requests(sandbox::operation::get) > 20; }));
        }
        pool.join();
        CHECK(ended == 4);
        CHECK(odd == 0);
        CHECK(missing == 0);
    }
}

TEST_CASE("bulk_threads_a_client_is_moved_while_runs_are_under_way")
{
    sandbox::server server;
    asio::thread_pool pool(3);
    rooms::client client(pool.get_executor(), net::config_for(server));
    life_of_rooms first(0, 50), second(1, 50);
    auto one = first.start(client, asio::use_future);
    CHECK(server.wait([](const auto& c) { return c.requests(sandbox::operation::create) > 0; }));
    rooms::client other(std::move(client));
    auto two = second.start(other, asio::use_future);
    client = std::move(other);
    CHECK(one.get().succeeded == 200);
    CHECK(two.get().succeeded == 200);
    first.check();
    second.check();
    pool.join();
}
