// SPDX-License-Identifier: BSL-1.0

// Bulk runs and their journals: one run at a time, and which of the two outlives the other.

#include "bulk.hpp"
#include "modes.hpp"

#include <test/support/scratch_folder.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
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

} // namespace

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

// A run that is destroyed with its context never completes, but it releases the journal.
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

// The journal and the run: which is destroyed last

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
    const auto held = copies.use_count(); // the context's end makes the journal's thread let go, too late
    io.reset();

    // Check
    CHECK(ended == 1);
    CHECK_FALSE(end.error);
    CHECK(held == 1);
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
