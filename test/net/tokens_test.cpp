// SPDX-License-Identifier: BSL-1.0

// Each operation with each kind of completion token, and what a handler brings along.

#include <boost/asio/async_result.hpp> // parallel_group needs it first

#include "net.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <memory>
#include <tuple>
#include <variant>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using rooms::error_code;
using sandbox::fault;

#define EACH_OPERATION create_room, get_room, set_voice, set_status, delete_room

namespace {

template <class Op>
void check_refusal(const rooms::diagnostics& d)
{
    CHECK(d.operation() == Op::kind);
    CHECK(d.http_status() == (Op::wants_room ? 404 : 409));
    CHECK(d.phase() == rooms::phase::answered);
    CHECK(d.effect() == effect::none);
    CHECK(d.attempts() == 1);
    CHECK_FALSE(d.message().empty());
}

// The room of a successful operation, from whatever a token makes of it.
void check_room(const rooms::room& r) { CHECK(r.id() == "r"); }
void check_room() {}

template <class Op>
asio::awaitable<void> default_token_succeeds(rooms::client& c)
{
    if constexpr (Op::tells_room) {
        const rooms::room r = co_await Op::start(c);
        check_room(r);
    } else {
        co_await Op::start(c);
    }
}

template <class Op>
asio::awaitable<void> default_token_throws(rooms::client& c)
{
    bool thrown = false;
    try {
        co_await Op::start(c);
    } catch (const rooms::error& e) {
        thrown = true;
        CHECK(e.code() == refusal<Op>);
        check_refusal<Op>(e.diagnostics());
        CHECK(std::string(e.what()).find(e.diagnostics().to_string()) != std::string::npos);
    }
    CHECK(thrown);
}

template <class Op>
asio::awaitable<void> default_token_with_options(rooms::client& c)
{
    rooms::diagnostics d;
    rooms::call_options options;
    options.timeout(10s).diagnostics(d);
    bool thrown = false;
    try {
        co_await Op::start(c, options);
    } catch (const rooms::error& e) {
        thrown = true;
        check_refusal<Op>(e.diagnostics());
    }
    CHECK(thrown);
    check_refusal<Op>(d); // the caller's own is filled as well

    rooms::diagnostics other;
    try {
        co_await Op::start(c, other);
    } catch (const rooms::error&) {
    }
    check_refusal<Op>(other);
}

template <class Op>
asio::awaitable<void> use_awaitable_succeeds(rooms::client& c)
{
    if constexpr (Op::tells_room) {
        const rooms::room r = co_await Op::start(c, asio::use_awaitable);
        check_room(r);
    } else {
        co_await Op::start(c, asio::use_awaitable);
    }
}

template <class Op>
asio::awaitable<void> use_awaitable_throws(rooms::client& c)
{
    rooms::diagnostics d;
    bool thrown = false;
    try {
        co_await Op::start(c, d, asio::use_awaitable);
    } catch (const boost::system::system_error& e) {
        thrown = true;
        CHECK(e.code() == refusal<Op>);
    }
    CHECK(thrown);
    check_refusal<Op>(d);
}

template <class Op>
asio::awaitable<void> as_tuple_gives(rooms::client& c, error_code expected)
{
    rooms::diagnostics d;
    const auto result = co_await Op::start(c, d, asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<0>(result) == expected);
    if constexpr (Op::tells_room) {
        if (!expected) check_room(std::get<1>(result));
    }
    if (expected) check_refusal<Op>(d);
}

template <class Op>
asio::awaitable<void> redirect_error_gives(rooms::client& c, error_code expected)
{
    error_code ec = errc::cancelled;
    if constexpr (Op::tells_room) {
        const rooms::room r = co_await Op::start(c, asio::redirect_error(asio::use_awaitable, ec));
        if (!expected) check_room(r);
    } else {
        co_await Op::start(c, asio::redirect_error(asio::use_awaitable, ec));
    }
    CHECK(ec == expected);
}

template <class Op>
asio::awaitable<void> deferred_is_awaited(rooms::client& c)
{
    auto operation = Op::start(c, asio::deferred);
    CHECK(c.stats().calls == 0); // nothing begins before it is awaited
    co_await std::move(operation)(asio::use_awaitable);
}

} // namespace

TEST_CASE_TEMPLATE("token_default", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    run(r.io, [&] { return default_token_succeeds<Op>(r.client()); });
    prepare<Op>(r.server, false);
    run(r.io, [&] { return default_token_throws<Op>(r.client()); });
    run(r.io, [&] { return default_token_with_options<Op>(r.client()); });
    CHECK(r.server.counters().requests(Op::served_as) == 4);
}

TEST_CASE_TEMPLATE("token_use_awaitable", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    run(r.io, [&] { return use_awaitable_succeeds<Op>(r.client()); });
    prepare<Op>(r.server, false);
    run(r.io, [&] { return use_awaitable_throws<Op>(r.client()); });
}

TEST_CASE_TEMPLATE("token_as_tuple_and_redirect_error", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    run(r.io, [&] { return as_tuple_gives<Op>(r.client(), {}); });
    prepare<Op>(r.server, true);
    run(r.io, [&] { return redirect_error_gives<Op>(r.client(), {}); });
    prepare<Op>(r.server, false);
    run(r.io, [&] { return as_tuple_gives<Op>(r.client(), refusal<Op>); });
    run(r.io, [&] { return redirect_error_gives<Op>(r.client(), refusal<Op>); });
}

TEST_CASE_TEMPLATE("token_use_future", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    auto good = Op::start(r.client(), asio::use_future);
    r.io.run();
    if constexpr (Op::tells_room)
        check_room(good.get());
    else
        good.get();

    prepare<Op>(r.server, false);
    auto bad = Op::start(r.client(), asio::use_future);
    auto told = Op::start(r.client(), rooms::with_diagnostics(asio::use_future));
    r.io.restart();
    r.io.run();
    CHECK_THROWS_AS(bad.get(), boost::system::system_error);
    try {
        told.get();
        CHECK(false);
    } catch (const rooms::error& e) {
        CHECK(e.code() == refusal<Op>);
        check_refusal<Op>(e.diagnostics());
    }
}

TEST_CASE_TEMPLATE("token_callback", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    int calls = 0;
    Op::start(r.client(), [&](error_code ec, const auto&... told) {
        ++calls;
        CHECK(!ec);
        check_room(told...);
    });
    CHECK(calls == 0); // never before the initiating function has returned
    r.io.run();
    CHECK(calls == 1);

    prepare<Op>(r.server, false);
    const outcome o = r.call<Op>();
    CHECK(o.error == refusal<Op>);
    CHECK(o.error == rooms::condition::rejected);
    check_refusal<Op>(o.diagnostics);
}

TEST_CASE_TEMPLATE("token_move_only_handler", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    int seen = 0;
    Op::start(r.client(), [&seen, value = std::make_unique<int>(7)](error_code ec, const auto&...) {
        CHECK(!ec);
        seen = *value;
    });
    r.io.run();
    CHECK(seen == 7);
}

TEST_CASE_TEMPLATE("token_deferred", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    outcome o;
    auto operation = Op::start(r.client(), asio::deferred);
    CHECK(r.client().stats().calls == 0);
    std::move(operation)(o.handler());
    r.io.run();
    CHECK(o.completions == 1);
    CHECK(!o.error);

    prepare<Op>(r.server, true);
    run(r.io, [&] { return deferred_is_awaited<Op>(r.client()); });
}

TEST_CASE_TEMPLATE("token_detached", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    Op::start(r.client(), asio::detached);
    r.io.run();
    CHECK(r.server.counters().requests(Op::served_as) == 1);
    CHECK(r.client().stats().calls == 0);
}

TEST_CASE("token_parallel_group")
{
    rig r;
    r.server.put(sandbox::stored_room("r", "Room"));
    bool done = false;
    asio::experimental::make_parallel_group(r.client().async_get_room("r", asio::deferred),
                                            r.client().async_set_voice("none", true, asio::deferred),
                                            r.client().async_delete_room("none", asio::deferred))
        .async_wait(asio::experimental::wait_for_all(),
                    [&](std::array<std::size_t, 3>, error_code got, const rooms::room& told, error_code set,
                        const rooms::room&, error_code deleted) {
                        done = true;
                        CHECK(!got);
                        CHECK(told.name() == "Room");
                        CHECK(set == errc::not_found);
                        CHECK(deleted == errc::not_found);
                    });
    r.io.run();
    CHECK(done);
}

TEST_CASE("token_parallel_group_of_a_range")
{
    rig r;
    using operation = decltype(r.client().async_get_room("r", asio::deferred));
    std::vector<operation> all;
    for (int i = 0; i < 20; ++i) {
        const std::string id = "room-" + std::to_string(i);
        r.server.put(sandbox::stored_room(id, "Room"));
        all.push_back(r.client().async_get_room(id, asio::deferred));
    }
    std::size_t good = 0;
    asio::experimental::make_parallel_group(std::move(all))
        .async_wait(asio::experimental::wait_for_all(),
                    [&](const std::vector<std::size_t>&, const std::vector<error_code>& errors,
                        const std::vector<rooms::room>& told) {
                        for (std::size_t i = 0; i < errors.size(); ++i)
                            if (!errors[i] && told[i].id() == "room-" + std::to_string(i)) ++good;
                    });
    r.io.run();
    CHECK(good == 20);
}

// What parallel_group does to the loser of a race: it is cancelled, and its connection closed.
TEST_CASE("token_parallel_group_cancels_the_slower")
{
    rig r;
    r.server.put(sandbox::stored_room("fast"));
    r.server.inject(fault::stall().room("slow"));
    bool done = false;
    asio::experimental::make_parallel_group(r.client().async_get_room("fast", asio::deferred),
                                            r.client().async_set_voice("slow", true, asio::deferred))
        .async_wait(asio::experimental::wait_for_one(),
                    [&](std::array<std::size_t, 2> order, error_code fast, const rooms::room&,
                        error_code slow, const rooms::room&) {
                        done = true;
                        CHECK(order[0] == 0);
                        CHECK(!fast);
                        CHECK(slow == errc::cancelled);
                    });
    r.io.run();
    CHECK(done);
    CHECK(r.client().stats().busy_connections == 0);
}

namespace {

asio::awaitable<void> both(rooms::client& c)
{
    using namespace asio::experimental::awaitable_operators;
    const auto [a, b] = co_await (c.async_get_room("a") && c.async_get_room("b"));
    CHECK(a.id() == "a");
    CHECK(b.id() == "b");
}

asio::awaitable<void> one_fails(rooms::client& c)
{
    using namespace asio::experimental::awaitable_operators;
    bool thrown = false;
    try {
        co_await (c.async_get_room("a") && c.async_delete_room("none"));
    } catch (const rooms::error& e) {
        thrown = true;
        CHECK(e.code() == errc::not_found);
    }
    CHECK(thrown);
}

asio::awaitable<void> first_of_two(rooms::client& c, asio::steady_timer& timer)
{
    using namespace asio::experimental::awaitable_operators;
    timer.expires_after(10min);
    const auto in_time = co_await (c.async_get_room("a") || timer.async_wait(asio::use_awaitable));
    CHECK(in_time.index() == 0);

    timer.expires_after(20ms);
    const auto too_late =
        co_await (c.async_set_voice("stalled", true) || timer.async_wait(asio::use_awaitable));
    CHECK(too_late.index() == 1);
}

// What g++ 12 must not make a mess of: temporaries of all kinds inside a co_await expression.
asio::awaitable<void> temporaries(rooms::client& c)
{
    using namespace std::chrono;
    const std::string prefix = "a room whose id is too long for a short string";
    rooms::room r =
        co_await c.async_create_room(rooms::new_room(prefix + " 1", "Name that is long enough for the heap",
                                                     "About that is long enough for the heap")
                                         .voice(true)
                                         .starts_at(sys_days(2026y / December / 31) + 20h)
                                         .ends_at(sys_days(2026y / December / 31) + 23h)
                                         .picture_url("https://example.org/" + prefix)
                                         .stream_url("https://example.org/stream/" + prefix));
    CHECK(r.id() == prefix + " 1");
    CHECK(r.picture_url() == "https://example.org/" + prefix);

    r = co_await c.async_get_room(std::string(prefix) + " 1");
    CHECK(r.name() == "Name that is long enough for the heap");
    CHECK(r.starts_at() == sys_days(2026y / December / 31) + 20h);

    rooms::diagnostics d;
    r = co_await c.async_get_room(prefix + " 1", rooms::call_options(d).timeout(10s));
    CHECK(d.http_status() == 200);
    r = co_await c.async_get_room(prefix + " 1", d);
    CHECK(r.id() == prefix + " 1");
    r = co_await c.async_get_room(prefix + " 1", rooms::call_options().timeout(10s), asio::use_awaitable);
    CHECK(r.id() == prefix + " 1");

    const auto [ec, told] =
        co_await c.async_set_voice(prefix + " 1", false, asio::as_tuple(asio::use_awaitable));
    CHECK(!ec);
    CHECK(told.voice() == false);

    rooms::new_room second(prefix + " 2", "Name", "About");
    second.voice(true);
    r = co_await c.async_create_room(second); // an lvalue stays the caller's
    CHECK(second.id() == prefix + " 2");
    r = co_await c.async_create_room({prefix + " 3", "Name", "About"});
    CHECK(r.id() == prefix + " 3");
    co_await c.async_delete_room(prefix + " 2");
    co_await c.async_delete_room((prefix + " 3").c_str());
}

asio::awaitable<void> many_in_a_loop(rooms::client& c)
{
    for (int i = 0; i < 50; ++i) {
        const rooms::room r = co_await c.async_create_room(rooms::new_room(
            "a room with a number: " + std::to_string(i), std::string(100, 'n'), std::string(100, 'a')));
        CHECK(r.id() == "a room with a number: " + std::to_string(i));
    }
}

} // namespace

TEST_CASE("token_default_with_awaitable_operators")
{
    rig r;
    r.server.put(sandbox::stored_room("a"));
    r.server.put(sandbox::stored_room("b"));
    run(r.io, [&] { return both(r.client()); });
    run(r.io, [&] { return one_fails(r.client()); });

    r.server.inject(fault::stall().room("stalled"));
    asio::steady_timer timer(r.io);
    run(r.io, [&] { return first_of_two(r.client(), timer); });
    CHECK(r.client().stats().calls == 0);
    CHECK(r.client().stats().busy_connections == 0);
}

TEST_CASE("token_default_with_temporaries_in_the_expression")
{
    rig r;
    run(r.io, [&] { return temporaries(r.client()); });
    CHECK(r.server.room_count() == 1);
    run(r.io, [&] { return many_in_a_loop(r.client()); });
    CHECK(r.server.room_count() == 51);
}

// What the handler brings along

namespace {

struct allocation_count
{
    std::size_t made = 0;
    std::size_t live = 0;
};

template <class T>
class counting_allocator
{
public:
    using value_type = T;

    explicit counting_allocator(allocation_count& c) noexcept : count(&c) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) noexcept : count(other.count)
    {}

    T* allocate(std::size_t n)
    {
        ++count->made;
        ++count->live;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) noexcept
    {
        --count->live;
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const counting_allocator<U>& other) const noexcept
    {
        return count == other.count;
    }

    allocation_count* count;
};

} // namespace

TEST_CASE_TEMPLATE("handler_allocator_is_used_and_has_all_back_before_the_handler_runs", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    allocation_count memory;
    int calls = 0;
    Op::start(r.client(),
              asio::bind_allocator(counting_allocator<int>(memory), [&](error_code ec, const auto&...) {
                  CHECK(!ec);
                  CHECK(memory.live == 0);
                  ++calls;
              }));
    CHECK(memory.live > 0);
    r.io.run();
    CHECK(calls == 1);
    CHECK(memory.made > 0);
    CHECK(memory.live == 0);
}

TEST_CASE_TEMPLATE("handler_cancellation_slot_before_anything_is_sent", Op, EACH_OPERATION)
{
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        CAPTURE(static_cast<unsigned>(type));
        rig r;
        prepare<Op>(r.server, true);
        asio::cancellation_signal signal;
        outcome o;
        Op::start(r.client(), o.diagnostics, asio::bind_cancellation_slot(signal.slot(), o.handler()));
        signal.emit(type);
        r.io.run();
        CHECK(o.completions == 1);
        CHECK(o.error == errc::cancelled);
        CHECK(o.diagnostics.effect() == effect::none);
        CHECK(o.diagnostics.attempts() == 0);
        CHECK(r.server.counters().requests(Op::served_as) == 0);
        signal.emit(type); // the call is over: nothing happens
        if (r.io.stopped()) r.io.restart();
        r.io.run();
        CHECK(o.completions == 1);
    }
}

TEST_CASE_TEMPLATE("handler_cancellation_slot_once_the_request_is_sent", Op, EACH_OPERATION)
{
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial}) {
        CAPTURE(static_cast<unsigned>(type));
        rig r;
        prepare<Op>(r.server, true);
        r.server.inject(fault::stall());
        asio::cancellation_signal signal;
        outcome o;
        Op::start(r.client(), o.diagnostics, asio::bind_cancellation_slot(signal.slot(), o.handler()));
        run_until(r.io, [&] { return r.client().stats().requests == 1; });
        signal.emit(type);
        r.io.run();
        CHECK(o.completions == 1);
        CHECK(o.error == errc::cancelled);
        CHECK(o.diagnostics.effect() == (Op::kind == get_room::kind ? effect::none : effect::unknown));
        CHECK(o.diagnostics.attempts() == 1);
        CHECK(r.client().stats().open_connections == 0);
    }
}

TEST_CASE_TEMPLATE("handler_total_cancellation_is_ignored_once_the_request_is_sent", Op, EACH_OPERATION)
{
    rig r;
    prepare<Op>(r.server, true);
    r.server.inject(fault::delay(10ms));
    asio::cancellation_signal signal;
    outcome o;
    Op::start(r.client(), o.diagnostics, asio::bind_cancellation_slot(signal.slot(), o.handler()));
    run_until(r.io, [&] { return r.client().stats().requests == 1; });
    signal.emit(asio::cancellation_type::total);
    r.io.run();
    CHECK(o.completions == 1);
    CHECK(!o.error);
    CHECK(r.client().stats().idle_connections == 1);
}
