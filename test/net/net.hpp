// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the tests over real TLS share: a sandbox, an io_context, a client of it.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace net {

namespace rooms = watchers::rooms;
namespace sandbox = watchers::rooms::sandbox;
namespace asio = boost::asio;
using namespace std::chrono_literals;

inline rooms::config config_for(const sandbox::server& s)
{
    rooms::config c(rooms::credentials("sandbox", "sandbox"));
    c.base_url = s.base_url();
    // One failure at a time: what follows from it has tests of its own.
    c.retry = rooms::retry_policy::none();
    c.retry.replay_on_dead_connection = true;
    c.retry.max_retry_after = std::chrono::milliseconds(0);
    c.ordered_changes = false;
    if (s.ca_pem().empty())
        c.plain_http_to_loopback = true;
    else
        c.trust = rooms::trust::ca_pem(s.ca_pem());
    return c;
}

// Runs until the predicate holds, driven by completions only. A predicate that never holds ends the test.
template <class Predicate>
void run_until(asio::io_context& io, Predicate done)
{
    const auto work = asio::make_work_guard(io);
    while (!done()) {
        if (io.stopped()) io.restart();
        REQUIRE(io.run_one_for(20s) == 1);
    }
}

// Runs a coroutine (a function that makes one) to its end, on an io_context that nobody else runs.
template <class Body>
void run(asio::io_context& io, Body body)
{
    bool ended = false;
    std::exception_ptr thrown;
    if (io.stopped()) io.restart();
    asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
        thrown = e;
        ended = true;
    });
    io.run();
    if (thrown) std::rethrow_exception(thrown);
    REQUIRE(ended);
}

// How a call ended.
struct outcome
{
    rooms::error_code error;
    rooms::room room;
    rooms::diagnostics diagnostics;
    int completions = 0;

    bool ended() const { return completions > 0; }
    auto handler()
    {
        return [this](rooms::error_code ec, auto... answer) {
            error = ec;
            ++completions;
            ((room = std::move(answer)), ...);
        };
    }
};

// The five operations as types, so that one test serves all. Each concerns the room "r".
struct create_room
{
    static constexpr auto kind = rooms::operation_kind::create_room;
    static constexpr auto served_as = sandbox::operation::create;
    static constexpr bool wants_room = false; // succeeds where there is none
    static constexpr bool tells_room = true;
    template <class... A>
    static auto start(rooms::client& c, A&&... a)
    {
        return c.async_create_room(rooms::new_room("r", "Room", "About"), std::forward<A>(a)...);
    }
};

struct get_room
{
    static constexpr auto kind = rooms::operation_kind::get_room;
    static constexpr auto served_as = sandbox::operation::get;
    static constexpr bool wants_room = true;
    static constexpr bool tells_room = true;
    template <class... A>
    static auto start(rooms::client& c, A&&... a)
    {
        return c.async_get_room("r", std::forward<A>(a)...);
    }
};

struct set_voice
{
    static constexpr auto kind = rooms::operation_kind::set_voice;
    static constexpr auto served_as = sandbox::operation::voice;
    static constexpr bool wants_room = true;
    static constexpr bool tells_room = true;
    template <class... A>
    static auto start(rooms::client& c, A&&... a)
    {
        return c.async_set_voice("r", true, std::forward<A>(a)...);
    }
};

struct set_status
{
    static constexpr auto kind = rooms::operation_kind::set_status;
    static constexpr auto served_as = sandbox::operation::status;
    static constexpr bool wants_room = true;
    static constexpr bool tells_room = true;
    template <class... A>
    static auto start(rooms::client& c, A&&... a)
    {
        return c.async_set_status("r", rooms::room_status::ended, std::forward<A>(a)...);
    }
};

struct delete_room
{
    static constexpr auto kind = rooms::operation_kind::delete_room;
    static constexpr auto served_as = sandbox::operation::remove;
    static constexpr bool wants_room = true;
    static constexpr bool tells_room = false;
    template <class... A>
    static auto start(rooms::client& c, A&&... a)
    {
        return c.async_delete_room("r", std::forward<A>(a)...);
    }
};

// Makes the server's state such that the operation succeeds, or is refused.
template <class Op>
void prepare(sandbox::server& s, bool success)
{
    s.clear();
    if (Op::wants_room == success) s.put(sandbox::stored_room("r", "Room", "About"));
}

template <class Op>
constexpr rooms::errc refusal = Op::wants_room ? rooms::errc::not_found : rooms::errc::conflict;

struct rig
{
    explicit rig(const sandbox::options& o = sandbox::options()) : server(o) {}
    rig(const sandbox::options& o, void (*tweak)(rooms::config&)) : server(o)
    {
        rooms::config c = config_for(server);
        if (tweak != nullptr) tweak(c);
        own_client.emplace(io.get_executor(), c);
    }

    rooms::client& client()
    {
        if (!own_client) own_client.emplace(io.get_executor(), config_for(server));
        return *own_client;
    }

    // One call, alone on the io_context.
    template <class Op>
    outcome call(std::optional<std::chrono::milliseconds> timeout = {})
    {
        outcome o;
        rooms::call_options options(o.diagnostics);
        if (timeout) options.timeout(*timeout);
        if (io.stopped()) io.restart();
        Op::start(client(), options, o.handler());
        io.run();
        CHECK(o.completions == 1);
        return o;
    }

    sandbox::server server;
    asio::io_context io;
    std::optional<rooms::client> own_client;
};

} // namespace net

// Error codes in messages of failed checks.
namespace doctest {
template <>
struct StringMaker<boost::system::error_code>
{
    static String convert(const boost::system::error_code& ec) { return ec.to_string().c_str(); }
};
template <>
struct StringMaker<watchers::rooms::errc>
{
    static String convert(watchers::rooms::errc e)
    {
        return StringMaker<boost::system::error_code>::convert(make_error_code(e));
    }
};
template <>
struct StringMaker<watchers::rooms::effect>
{
    static String convert(watchers::rooms::effect e) { return std::string(to_string(e)).c_str(); }
};
template <>
struct StringMaker<watchers::rooms::phase>
{
    static String convert(watchers::rooms::phase p) { return std::string(to_string(p)).c_str(); }
};
} // namespace doctest
