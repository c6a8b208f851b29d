// SPDX-License-Identifier: BSL-1.0

// Bulk runs over real TLS: each way to call one, and how it ends.

#include <boost/asio/async_result.hpp> // parallel_group needs it first

#include "bulk.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <ranges>
#include <string_view>
#include <vector>

using namespace net;
using rooms::bulk_options;
using rooms::bulk_result;
using rooms::bulk_stop;
using rooms::bulk_summary;
using rooms::errc;
using rooms::error_code;
using rooms::operation;
using sandbox::fault;

namespace {

const auto nowhere = [](const bulk_result&) {};

operation get(int i) { return operation::get("r" + std::to_string(i)); }

// A rig whose service has the rooms r0 to r9.
struct bulk_rig : rig
{
    bulk_rig()
    {
        for (int i = 0; i < 10; ++i)
            server.put(sandbox::stored_room("r" + std::to_string(i), "Room " + std::to_string(i)));
    }

    // Runs the source to its end.
    // @returns the total that it was known to have.
    template <class Source>
    std::optional<std::uint64_t> take_ten(Source&& source, bulk_options o = {})
    {
        std::vector<bulk_result> results;
        bulk_end end;
        o.monitor.emplace();
        io.restart();
        client().async_bulk(
            std::forward<Source>(source), [&](bulk_result&& r) { results.push_back(std::move(r)); }, o,
            end.handler());
        io.run();
        CHECK(end.completions == 1);
        CHECK_FALSE(end.error);
        CHECK(end.summary.operations == 10);
        CHECK(end.summary.all_succeeded());
        std::set<std::uint64_t> seen;
        for (const bulk_result& r : results) {
            seen.insert(r.index);
            CHECK(r.operation.room_id() == "r" + std::to_string(r.index));
            CHECK(r.room.name() == "Room " + std::to_string(r.index));
        }
        CHECK(seen.size() == 10);
        return o.monitor->progress().total;
    }

    // Runs ten operations into the sink.
    template <class Sink>
    void give_ten(Sink&& sink)
    {
        bulk_end end;
        io.restart();
        client().async_bulk(gets(10), std::forward<Sink>(sink), end.handler());
        io.run();
        CHECK(end.completions == 1);
        CHECK_FALSE(end.error);
        CHECK(end.summary.succeeded == 10);
    }
};

int next_of_function = 0;
std::optional<operation> function_source()
{
    if (next_of_function == 10) return std::nullopt;
    return get(next_of_function++);
}

int given_to_function = 0;
void function_sink(const bulk_result&) { ++given_to_function; }

} // namespace

// Sources

TEST_CASE("bulk_source_is_a_range_of_any_kind")
{
    bulk_rig r;
    std::vector<operation> several = gets(10);
    const std::vector<operation> constant = gets(10);
    std::list<operation> list(several.begin(), several.end());
    auto made = std::views::iota(0, 10) | std::views::transform(get);
    auto filtered = several | std::views::filter([](const operation&) { return true; });

    CHECK(r.take_ten(several) == 10);
    CHECK(several.back().room_id() == "r9"); // an lvalue is read
    CHECK(r.take_ten(constant) == 10);
    CHECK(r.take_ten(std::move(several)) == 10);
    CHECK(r.take_ten(gets(10)) == 10);
    CHECK(r.take_ten(list) == 10);
    CHECK(r.take_ten(made) == 10);
    CHECK(r.take_ten(std::views::iota(0, 10) | std::views::transform(get)) == 10);
    several = gets(10);
    CHECK_FALSE(r.take_ten(filtered));
    bulk_options o;
    o.total = 10;
    CHECK(r.take_ten(filtered, o) == 10);
    operation plain[] = {get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7), get(8), get(9)};
    CHECK(r.take_ten(plain) == 10);
}

TEST_CASE("bulk_source_is_a_function_or_makes_coroutines")
{
    bulk_rig r;
    int n = 0;
    auto counts = [&n]() -> std::optional<operation> {
        if (n == 10) return std::nullopt;
        return get(n++);
    };
    auto awaits = [&]() -> asio::awaitable<std::optional<operation>> {
        co_await asio::post(r.io, asio::use_awaitable);
        if (n == 10) co_return std::nullopt;
        const std::string id = "r" + std::to_string(n++);
        const rooms::room known = co_await r.client().async_get_room(id); // the client it runs on
        CHECK(known.id() == id);
        co_return operation::get(id);
    };

    CHECK_FALSE(r.take_ten(counts));
    n = 0;
    CHECK_FALSE(r.take_ten(std::ref(counts)));
    CHECK_FALSE(r.take_ten([own = std::make_unique<int>(0)]() -> std::optional<operation> {
        if (*own == 10) return std::nullopt;
        return get((*own)++);
    }));
    CHECK_FALSE(r.take_ten(function_source));
    n = 0;
    CHECK_FALSE(r.take_ten(awaits));
    n = 0;
    CHECK_FALSE(r.take_ten(std::move(awaits)));
}

// Sinks

TEST_CASE("bulk_sink_takes_results_as_it_likes")
{
    bulk_rig r;
    struct counter
    {
        void operator()(const bulk_result& b) { count += !b.error; }
        int count = 0;
    } lasting;
    int seen = 0;
    auto awaits = [&](bulk_result b) -> asio::awaitable<void> {
        co_await asio::post(r.io, asio::use_awaitable);
        const rooms::room again = co_await r.client().async_get_room(b.operation.room_id());
        seen += again.name() == b.room.name();
    };
    auto awaits_reference = [&](const bulk_result& b) -> asio::awaitable<void> {
        co_await asio::post(r.io, asio::use_awaitable);
        seen += b.room.id() == b.operation.room_id();
    };

    r.give_ten(lasting);
    CHECK(lasting.count == 0); // a copy was called
    r.give_ten(std::ref(lasting));
    CHECK(lasting.count == 10);
    r.give_ten([&, own = std::make_unique<int>(1)](bulk_result) { seen += *own; });
    CHECK(seen == 10);
    r.give_ten([&](bulk_result&&) { ++seen; });
    CHECK(seen == 20);
    r.give_ten(awaits);
    CHECK(seen == 30);
    r.give_ten(awaits_reference);
    CHECK(seen == 40);
    r.give_ten(function_sink);
    CHECK(given_to_function == 10);
}

// Tokens

namespace {

asio::awaitable<void> bulk_with_awaiting_tokens(bulk_rig& r)
{
    rooms::client& c = r.client();
    const auto ten = gets(10);
    const bulk_options o;

    const bulk_summary plain = co_await c.async_bulk(ten, nowhere);
    CHECK(plain.succeeded == 10);
    const bulk_summary with_options = co_await c.async_bulk(ten, nowhere, o);
    CHECK(with_options.succeeded == 10);
    const bulk_summary awaited = co_await c.async_bulk(ten, nowhere, asio::use_awaitable);
    CHECK(awaited.succeeded == 10);
    const auto [ec, tuple] = co_await c.async_bulk(ten, nowhere, o, asio::as_tuple(asio::use_awaitable));
    CHECK_FALSE(ec);
    CHECK(tuple.succeeded == 10);
    error_code redirected = errc::cancelled;
    const bulk_summary told =
        co_await c.async_bulk(ten, nowhere, asio::redirect_error(asio::use_awaitable, redirected));
    CHECK_FALSE(redirected);
    CHECK(told.succeeded == 10);
    const bulk_summary deferred = co_await c.async_bulk(ten, nowhere, asio::deferred);
    CHECK(deferred.succeeded == 10);
}

} // namespace

TEST_CASE("bulk_tokens_of_coroutines")
{
    bulk_rig r;
    run(r.io, [&] { return bulk_with_awaiting_tokens(r); });
}

TEST_CASE("bulk_tokens_of_callbacks_and_futures")
{
    bulk_rig r;
    const auto ten = gets(10);
    const auto strand = asio::make_strand(r.io);
    bulk_end deferred, bound;
    bool on_strand = false;
    int detached = 0;

    auto begin = r.client().async_bulk(ten, nowhere, asio::deferred);
    std::move(begin)(deferred.handler());
    auto future = r.client().async_bulk(ten, nowhere, bulk_options(), asio::use_future);
    r.client().async_bulk(ten, [&](const bulk_result&) { ++detached; }, asio::detached);
    r.client().async_bulk(ten, nowhere, asio::bind_executor(strand, [&](error_code ec, bulk_summary s) {
                              on_strand = strand.running_in_this_thread();
                              bound.handler()(ec, s);
                          }));
    CHECK(deferred.completions == 0); // never before the initiating function has returned
    r.io.run();

    CHECK(deferred.summary.succeeded == 10);
    CHECK(future.get().succeeded == 10);
    CHECK(detached == 10);
    CHECK(bound.summary.succeeded == 10);
    CHECK(on_strand);
}

TEST_CASE("bulk_that_was_deferred_is_begun_once")
{
    bulk_rig r;
    bulk_end first, second;
    rooms::diagnostics d;
    bulk_options o;
    o.diagnostics = &d;
    const auto begin = r.client().async_bulk(gets(10), nowhere, o, asio::deferred);
    begin(first.handler());
    begin(second.handler());
    r.io.run();
    CHECK(first.summary.succeeded == 10);
    CHECK(second.error == errc::invalid_argument);
    CHECK(second.summary.operations == 0);
    CHECK(d.message() == "source: a bulk run is begun once");

    // What is gathered is there for each.
    std::vector<std::size_t> sizes;
    const std::vector<std::string> ids{"r1", "r2"};
    const auto gather = r.client().async_get_rooms(ids, asio::deferred);
    const auto add = [&](error_code, const std::vector<bulk_result>& all) { sizes.push_back(all.size()); };
    r.io.restart();
    gather(add);
    gather(add);
    r.io.run();
    CHECK(sizes == std::vector<std::size_t>{2, 2});
}

namespace {

asio::awaitable<void> bulk_that_loses_a_race(rooms::client& c, asio::cancellation_signal& signal)
{
    using namespace asio::experimental::awaitable_operators;
    const auto ten = gets(10);
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    auto sink = [&](const bulk_result&) { never.cancel(); }; // the first result ends the race
    bulk_options o;
    o.max_in_flight = 1;
    o.in_order = true;
    error_code ignored;
    const auto raced = co_await (c.async_bulk(ten, sink, o, asio::use_awaitable) ||
                                 never.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
    CHECK(raced.index() == 1);

    auto emits = [&](const bulk_result&) { signal.emit(asio::cancellation_type::total); };
    const auto [ec, summary] = co_await c.async_bulk(
        ten, emits, o, asio::bind_cancellation_slot(signal.slot(), asio::as_tuple(asio::use_awaitable)));
    CHECK(ec == errc::cancelled);
    CHECK(summary.succeeded >= 1);
    CHECK(summary.stopped >= 1);
    CHECK(summary.succeeded + summary.stopped == summary.operations);
}

} // namespace

TEST_CASE("bulk_is_cancelled_by_slot_and_by_operators")
{
    bulk_rig r;
    asio::cancellation_signal signal;
    run(r.io, [&] { return bulk_that_loses_a_race(r.client(), signal); });
    CHECK(r.client().stats().calls == 0);
}

// One result for each input

namespace {

void check_each(const std::vector<bulk_result>& all, std::size_t count, rooms::operation_kind kind)
{
    CHECK(all.size() == count);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].index == i);
        CHECK(all[i].operation.kind() == kind);
        CHECK(all[i].operation.room_id() == "n" + std::to_string(i));
        CHECK_FALSE(all[i].error);
        if (kind != rooms::operation_kind::delete_room) CHECK(all[i].room.id() == all[i].operation.room_id());
    }
}

asio::awaitable<void> gather_all(rooms::client& c)
{
    std::vector<rooms::new_room> many;
    std::vector<std::string> ids;
    for (int i = 0; i < 100; ++i) {
        many.emplace_back("n" + std::to_string(i), "Name", "About");
        ids.push_back("n" + std::to_string(i));
    }
    bulk_options o;
    o.max_in_flight = 7;

    auto all = co_await c.async_create_rooms(many);
    check_each(all, 100, rooms::operation_kind::create_room);
    all = co_await c.async_get_rooms(ids, o);
    check_each(all, 100, rooms::operation_kind::get_room);
    const auto [ec, set] =
        co_await c.async_set_status_all(ids, rooms::room_status::live, asio::as_tuple(asio::use_awaitable));
    CHECK_FALSE(ec);
    check_each(set, 100, rooms::operation_kind::set_status);
    all = co_await c.async_delete_rooms(std::move(ids), o, asio::use_awaitable);
    check_each(all, 100, rooms::operation_kind::delete_room);
    all = co_await c.async_delete_rooms(std::vector<std::string>());
    CHECK(all.empty());
}

} // namespace

TEST_CASE("bulk_gathers_one_result_for_each_input_in_order")
{
    rig r;
    r.server.inject(fault::delay(3ms).every(7).always()); // answers overtake each other
    run(r.io, [&] { return gather_all(r.client()); });
    CHECK(r.server.room_count() == 0);
    CHECK(r.server.counters().requests(sandbox::operation::create) == 100);
}

TEST_CASE("bulk_gathers_of_any_range_and_tells_of_each_fault")
{
    bulk_rig r;
    const std::array<std::string_view, 4> ids{"r0", "", "none", "r3"};

    auto future = r.client().async_get_rooms(ids, asio::use_future);
    const char* names[] = {"r1", "r2"};
    auto second = r.client().async_get_rooms(names, asio::use_future);
    r.io.run();

    const auto all = future.get();
    REQUIRE(all.size() == 4);
    CHECK_FALSE(all[0].error);
    CHECK(all[1].error == errc::invalid_argument);
    CHECK(all[1].diagnostics.operation() == rooms::operation_kind::get_room);
    CHECK(all[2].error == errc::not_found);
    CHECK(all[2].diagnostics.http_status() == 404);
    CHECK(all[3].room.name() == "Room 3");
    CHECK(second.get().size() == 2);
}

namespace {

// Gathers a hundred creates of a run that is stopped.
std::vector<bulk_result> gather_stopped(rig& r, bulk_options o, asio::cancellation_signal* cancel = nullptr)
{
    std::vector<rooms::new_room> many;
    for (int i = 0; i < 100; ++i)
        many.emplace_back("n" + std::to_string(i), "Name", "About");
    std::vector<bulk_result> all;
    int completions = 0;
    asio::cancellation_signal unused;
    o.max_in_flight = 4;
    o.window = 1;
    o.retry = rooms::retry_policy::none();
    r.client().async_create_rooms(
        many, o,
        asio::bind_cancellation_slot((cancel != nullptr ? *cancel : unused).slot(),
                                     [&](error_code ec, std::vector<bulk_result> v) {
                                         CHECK_FALSE(ec);
                                         ++completions;
                                         all = std::move(v);
                                     }));
    r.io.run();
    REQUIRE(completions == 1);
    REQUIRE(all.size() == 100);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].index == i);
        CHECK(all[i].operation.room_id() == "n" + std::to_string(i));
        if (!all[i].error) CHECK(r.server.find(all[i].operation.room_id()));
    }
    return all;
}

} // namespace

TEST_CASE("bulk_gathered_results_tell_why_the_run_was_stopped")
{
    const auto last_words = [](const std::vector<bulk_result>& all) {
        CHECK(all.back().error == errc::stopped);
        CHECK(all.back().diagnostics.effect() == rooms::effect::none);
        CHECK(all.back().diagnostics.operation() == rooms::operation_kind::create_room);
        return all.back().diagnostics.last_failure();
    };
    {
        rig r;
        r.server.inject(fault::respond(401).nth(20));
        CHECK(last_words(gather_stopped(r, {})) == errc::unauthorized);
    }
    {
        rig r;
        r.server.inject(fault::respond(409).nth(20));
        bulk_options o;
        o.stop_on = bulk_stop::first_failure();
        CHECK(last_words(gather_stopped(r, o)) == errc::stopped);
    }
    {
        rig r;
        asio::cancellation_signal cancel;
        bulk_options o;
        o.progress_interval = 0ms;
        o.on_progress = [&](const rooms::bulk_progress& p) {
            if (p.done == 20) cancel.emit(asio::cancellation_type::terminal);
        };
        CHECK(last_words(gather_stopped(r, o, &cancel)) == errc::cancelled);
    }
    {
        rig r;
        r.client();
        bulk_options o;
        o.progress_interval = 0ms;
        o.on_progress = [&](const rooms::bulk_progress& p) {
            if (p.done == 20) r.own_client.reset();
        };
        CHECK(last_words(gather_stopped(r, o)) == errc::shutting_down);
    }
    {
        rig r;
        bulk_options o;
        o.progress_interval = 0ms;
        o.on_progress = [&](const rooms::bulk_progress& p) {
            if (p.done == 20) r.client().async_drain(asio::detached);
        };
        CHECK(last_words(gather_stopped(r, o)) == errc::draining);
    }
}

// Errors

namespace {

asio::awaitable<void> errors_carry_diagnostics(bulk_rig& r)
{
    rooms::client& c = r.client();
    const auto ten = gets(10);
    const std::vector<std::string> ids{"r0"};
    bulk_options wrong;
    wrong.window = 0;
    for (const bool gathered : {false, true}) {
        std::string message;
        try {
            if (gathered)
                co_await c.async_get_rooms(ids, wrong);
            else
                co_await c.async_bulk(ten, nowhere, wrong);
        } catch (const rooms::error& e) {
            CHECK(e.code() == errc::invalid_argument);
            message = e.diagnostics().message();
        }
        CHECK(message == check(wrong));
        CHECK(message.starts_with("window: "));
    }
    CHECK(r.server.counters().requests(sandbox::operation::any) == 0); // nothing was pulled

    // How the operation ended that stopped the run, in the caller's diagnostics as well.
    rooms::diagnostics own;
    bulk_options o;
    o.diagnostics = &own;
    o.max_in_flight = 1;
    r.server.inject(fault::respond(403, R"({"message":"token revoked"})").nth(5));
    bool thrown = false;
    try {
        co_await c.async_bulk(ten, nowhere, o);
    } catch (const rooms::error& e) {
        thrown = true;
        CHECK(e.code() == errc::forbidden);
        CHECK(e.diagnostics().http_status() == 403);
        CHECK(e.diagnostics().operation() == rooms::operation_kind::get_room);
    }
    CHECK(thrown);
    CHECK(own.http_status() == 403);

    // What the caller's functions throw, by a future as well.
    auto source = []() -> std::optional<operation> { throw std::runtime_error("no more paper"); };
    thrown = false;
    try {
        co_await c.async_bulk(source, nowhere);
    } catch (const rooms::error& e) {
        thrown = true;
        CHECK(e.code() == errc::callback_failed);
        CHECK(e.diagnostics().message() == "no more paper");
    }
    CHECK(thrown);
    auto sink = [&](const bulk_result&) -> asio::awaitable<void> {
        co_await asio::post(r.io, asio::use_awaitable);
        throw std::runtime_error("no more room");
    };
    thrown = false;
    try {
        co_await c.async_bulk(ten, sink);
    } catch (const rooms::error& e) {
        thrown = true;
        CHECK(e.code() == errc::callback_failed);
        CHECK(e.diagnostics().message() == "no more room");
    }
    CHECK(thrown);
}

} // namespace

TEST_CASE("bulk_errors_carry_diagnostics")
{
    bulk_rig r;
    run(r.io, [&] { return errors_carry_diagnostics(r); });

    auto future =
        r.client().async_bulk([]() -> std::optional<operation> { throw std::runtime_error("gone"); }, nowhere,
                              rooms::with_diagnostics(asio::use_future));
    r.io.restart();
    r.io.run();
    CHECK_THROWS_AS(future.get(), rooms::error);
}
