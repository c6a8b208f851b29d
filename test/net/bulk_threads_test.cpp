// SPDX-License-Identifier: BSL-1.0

// Bulk runs over real TLS: many threads, clients that come and go, the journal.

#include "bulk.hpp"
#include "modes.hpp"

#include <test/support/scratch_folder.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <functional>
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

// Threads

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

// Journal

TEST_CASE("bulk_journal_a_run_is_cancelled_in_mid_air_and_resumed")
{
    constexpr int count = 300;
    sandbox::server server;
    server.inject(fault::drop_after().nth(5).every(23).times(9));
    server.inject(fault::respond(503).every(29).times(7));
    server.inject(fault::reset_mid().every(31).times(7));
    const scratch_folder files;
    rooms::config c = net::config_for(server);
    c.max_connections = 16;
    std::vector<operation> all;
    for (int i = 0; i < count; ++i)
        all.push_back(operation::create(rooms::new_room("r" + std::to_string(i), "Room", "About")));
    bulk_summary last;
    int runs = 0;
    for (bool done = false; !done; ++runs) {
        REQUIRE(runs < 20);
        journal j(files.file(0), manifest, count);
        asio::cancellation_signal cancel;
        asio::io_context io;
        rooms::client client(io.get_executor(), c);
        bulk_options o;
        o.journal = &j;
        o.retry = rooms::retry_policy::none();
        int carried_out = 0;
        bulk_end end;
        auto sink = [&](const bulk_result& r) {
            if (!r.journaled && ++carried_out == 60) cancel.emit(asio::cancellation_type::terminal);
        };
        client.async_bulk(all, sink, o, asio::bind_cancellation_slot(cancel.slot(), end.handler()));
        io.run();
        REQUIRE(end.completions == 1);
        last = end.summary;
        done = !end.error && last.all_succeeded();
        CHECK((!end.error || end.error == errc::cancelled));
    }
    CHECK(runs > 4);
    CHECK(last.operations == count);
    CHECK(last.journaled > 0);
    CHECK(server.pending_faults() == 0);
    CHECK(server.room_count() == count);
    std::uint64_t creations = 0;
    for (const sandbox::stored_room& r : server.rooms())
        creations += server.creations(r.id);
    CHECK(creations == count); // each once
}

TEST_CASE("bulk_journal_serves_one_run_at_a_time")
{
    for (const mode m : all_modes) {
        CAPTURE(static_cast<int>(m));
        const scratch_folder files;
        moded_rig r(m);
        for (int i = 0; i < 50; ++i)
            r.server.put(sandbox::stored_room("r" + std::to_string(i)));
        journal j(files.file(0), manifest);
        rooms::diagnostics d;
        bulk_options o;
        o.journal = &j;
        bulk_end first, second, third;
        int pulled = 0;
        auto third_source = gets(50);
        r.client->async_bulk(gets(50), nowhere, o, [&](error_code ec, const bulk_summary& s) {
            first.handler()(ec, s);
            r.client->async_bulk(third_source, nowhere, o, third.handler());
        });
        bulk_options told = o;
        told.diagnostics = &d;
        auto counting = [&]() -> std::optional<operation> { return ++pulled, std::nullopt; };
        r.client->async_bulk(counting, nowhere, told, second.handler());
        r.io->run();

        CHECK(first.summary.succeeded == 50);
        CHECK(second.error == errc::journal_failed);
        CHECK(d.message().starts_with("the journal is in use by another bulk run"));
        CHECK(pulled == 0);
        CHECK(third.error == errc::journal_failed); // as it might be of other operations
    }
}

// A run that is destroyed with its context never completes, but it lets go of the journal.
TEST_CASE("bulk_journal_serves_another_run_after_one_that_was_abandoned")
{
    for (const mode m : all_modes) {
        if (m == mode::strand_outside) continue; // the caller's own strand must not outlive its context
        CAPTURE(static_cast<int>(m));
        const scratch_folder files;
        journal j(files.file(0), manifest);
        bulk_options o;
        o.journal = &j;
        int abandoned = 0;
        {
            moded_rig r(m);
            r.server.inject(fault::stall().on(sandbox::operation::get).always());
            r.client->async_bulk(gets(50), nowhere, o, [&](error_code, const bulk_summary&) { ++abandoned; });
            run_until(*r.io, [&] { return r.client->stats().requests > 0; });
            r.io.reset();
        }
        CHECK(abandoned == 0);
        CHECK(j.count(journal::state::in_flight) > 0);

        moded_rig r(m);
        for (int i = 0; i < 50; ++i)
            r.server.put(sandbox::stored_room("r" + std::to_string(i)));
        bulk_end end;
        r.client->async_bulk(gets(50), nowhere, o, end.handler());
        r.io->run();
        CHECK_FALSE(end.error);
        CHECK(end.summary.succeeded == 50);
        CHECK(j.count(journal::state::in_flight) == 0);
    }
}

// Who lets go

namespace {

thread_local bool of_the_executor = false;

// Is destroyed on a thread of the executor, or counted.
class held_by_a_run
{
public:
    held_by_a_run(std::atomic<int>& gone, std::atomic<int>& elsewhere) : gone_(gone), elsewhere_(elsewhere) {}
    ~held_by_a_run()
    {
        ++gone_;
        elsewhere_ += !of_the_executor;
    }

private:
    std::atomic<int>& gone_;
    std::atomic<int>& elsewhere_;
};

} // namespace

TEST_CASE("bulk_journal_is_not_the_last_to_hold_a_run")
{
    constexpr int count = 2000;
    sandbox::server server;
    for (const bool pool_of_two : {false, true}) {
        CAPTURE(pool_of_two);
        const scratch_folder files;
        journal j(files.file(0), manifest);
        std::atomic<int> gone = 0;
        std::atomic<int> elsewhere = 0;
        asio::io_context io;
        rooms::config c = config_for(server, pool_of_two ? mode::strand_inside : mode::plain);
        rooms::client client(io.get_executor(), c);
        int ended = 0;
        std::function<void()> start = [&] {
            const auto held = [&] { return std::make_shared<held_by_a_run>(gone, elsewhere); };
            bulk_options o;
            o.journal = &j;
            o.on_progress = [h = held()](const rooms::bulk_progress&) {};
            client.async_bulk([h = held()] { return std::optional<operation>(); },
                              [h = held()](const bulk_result&) {}, std::move(o),
                              [&, h = held()](error_code ec, const bulk_summary&) {
                                  CHECK_FALSE(ec);
                                  if (++ended < count) start();
                              });
        };
        std::vector<std::thread> all;
        asio::post(io, start);
        for (int i = 0; i < (pool_of_two ? 2 : 1); ++i)
            all.emplace_back([&] {
                of_the_executor = true;
                io.run();
            });
        for (std::thread& t : all)
            t.join();
        CHECK(ended == count);
        CHECK(gone == 4 * count);
        CHECK(elsewhere == 0);
    }
}

namespace {

// Tells how many copies there are.
class counted_executor
{
public:
    counted_executor(asio::io_context::executor_type inner, std::shared_ptr<int> copies) noexcept
        : inner_(inner)
        , copies_(std::move(copies))
    {}

    asio::execution_context& query(asio::execution::context_t) const noexcept { return inner_.context(); }
    counted_executor require(asio::execution::blocking_t::never_t never) const noexcept
    {
        return counted_executor(asio::require(inner_, never), copies_);
    }
    template <class F>
    void execute(F&& f) const
    {
        inner_.execute(std::forward<F>(f));
    }
    friend bool operator==(const counted_executor& a, const counted_executor& b) noexcept
    {
        return a.inner_ == b.inner_;
    }

private:
    asio::io_context::executor_type inner_;
    std::shared_ptr<int> copies_;
};

// Holds up the journal's thread.
class held_journal
{
public:
    explicit held_journal(journal& j)
    {
        j.commit([this, go_on = go_on_.get_future().share()](error_code) {
            there_.set_value();
            go_on.wait();
        });
    }
    void await() { there_.get_future().wait(); }
    void let_go() { go_on_.set_value(); }

private:
    std::promise<void> there_;
    std::promise<void> go_on_;
};

} // namespace

TEST_CASE("bulk_journal_keeps_nothing_of_the_context_after_a_run")
{
    // Setup: the commit of a run is followed by one that holds up the journal's thread.
    const auto copies = std::make_shared<int>();
    const scratch_folder files;
    journal j(files.file(0), manifest);
    sandbox::server server;
    auto io = std::make_unique<asio::io_context>();
    std::optional<rooms::client> client(std::in_place, counted_executor(io->get_executor(), copies),
                                        config_for(server));
    held_journal before(j);
    before.await();
    bulk_options o;
    o.journal = &j;
    bulk_end end;
    client->async_bulk([] { return std::optional<operation>(); }, nowhere, o, end.handler());
    io->poll();
    REQUIRE(end.completions == 0);
    held_journal behind(j);

    // Run
    before.let_go();
    behind.await();
    io->restart();
    io->run();
    client.reset();
    io->restart();
    io->run();
    const int ended = end.completions;
    io.reset();

    // Check
    CHECK(ended == 1);
    CHECK_FALSE(end.error);
    CHECK(copies.use_count() == 1);
    behind.let_go();
}

TEST_CASE("bulk_journal_may_be_owned_by_the_runs_functions")
{
    sandbox::server server;
    for (int i = 0; i < 50; ++i) {
        const scratch_folder files;
        asio::io_context io;
        rooms::client client(io.get_executor(), net::config_for(server));
        auto j = std::make_shared<journal>(files.file(0), manifest);
        bulk_end end;
        bulk_options o;
        o.journal = j.get();
        o.on_progress = [owned = j](const rooms::bulk_progress&) {};
        j.reset();
        client.async_bulk([] { return std::optional<operation>(); }, nowhere, std::move(o), end.handler());
        io.run();
        CHECK(end.completions == 1);
        CHECK_FALSE(end.error);
    }
}
