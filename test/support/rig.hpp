// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "simulation.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/detail/bulk_initiate.hpp>
#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/detail/initiate.hpp>
#include <watchers/rooms/room.hpp>
#include <watchers/rooms/stats.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {
class engine;
}

namespace watchers::rooms::test {

// How a call ended, to be compared as a whole.
class ending
{
public:
    ending(error_code e, rooms::effect f, rooms::phase p, std::size_t times = 1) noexcept
        : error(e)
        , effect(f)
        , phase(p)
        , handler_calls(times)
    {}

    friend bool operator==(const ending&, const ending&) = default;
    friend std::ostream& operator<<(std::ostream&, const ending&);

    error_code error;
    rooms::effect effect;
    rooms::phase phase;
    std::size_t handler_calls;
};

inline ending success(rooms::effect f = effect::applied) { return {error_code(), f, phase::answered}; }

// One call (or drain), as its caller sees it.
class call_record
{
public:
    bool done() const noexcept { return handler_calls > 0; }
    bool handler_lives() const noexcept { return !handler.expired(); }
    test::ending ending() const { return {error, diagnostics.effect(), diagnostics.phase(), handler_calls}; }

    std::string name;
    std::size_t handler_calls = 0;
    bool called_too_soon = false; // before the initiating function had returned
    bool returned = false;        // from the initiating function
    bool threw = false;           // out of the initiating function: std::bad_alloc
    error_code error;
    rooms::room room;
    rooms::diagnostics diagnostics;
    detail::clock::time_point ended_at;
    boost::asio::cancellation_signal signal;
    std::function<void()> then; // run by the handler
    std::weak_ptr<int> handler; // dies with it
};

// An engine in a simulated world, with callers.
class rig
{
public:
    // One with short texts for secrets, to be looked for where they must not be.
    static config plain_config();
    static constexpr std::string_view api_key = "KEY-c4n4ry-1";
    static constexpr std::string_view token = "TOKEN-c4n4ry-2";

    explicit rig(const config& = plain_config(), bool guarded_by_strand = false);
    ~rig();

    // Calls

    call_record& start(std::string name, detail::call_request, call_options = {});
    call_record& get(std::string id, call_options o = {});
    call_record& create(std::string id, call_options o = {});
    call_record& voice(std::string id, bool on, call_options o = {});
    call_record& status(std::string id, room_status s, call_options o = {});
    call_record& erase(std::string id, call_options o = {});
    call_record& drain();
    // With a handler of the test's own.
    void start(detail::call_request, detail::room_handler);

    // A bulk run; begun when the executor is polled next.
    void start_bulk(std::unique_ptr<detail::bulk_source>, std::unique_ptr<detail::bulk_sink>, bulk_options,
                    detail::bulk_handler);

    // As the client's destructor does.
    void stop();
    // As the execution context does when it is destroyed under the client.
    void abandon();
    void set_credentials(const credentials&);
    void cancel(call_record&, boost::asio::cancellation_type = boost::asio::cancellation_type::terminal);

    // Lets go of the engine.
    void forget_engine();

    rooms::stats stats() const;

    // Network

    scripted_transport& transport(std::size_t i) { return sim.transport(i); }
    scripted_transport& newest() { return sim.transport(sim.transports() - 1); }

    // Resolves, if asked for, and lets every connection under way succeed.
    void open_all();
    // open_all() for a rig without connections, and one call answered: an idle connection that has served.
    scripted_transport& warm_up();

    // All calls so far.
    std::deque<call_record>& calls() noexcept { return calls_; }

    simulation sim;

private:
    class handler;

    call_record& new_record(std::string name);

    std::deque<call_record> calls_;
    std::shared_ptr<detail::engine> engine_;
};

// Answers

std::string answer(std::string_view status_line_tail, std::string_view body, std::string_view fields = {});
inline std::string ok(std::string_view body = R"({"roomId":"r","name":"n"})")
{
    return answer("200 OK", body);
}

inline config with_connections(std::size_t n)
{
    config c = rig::plain_config();
    c.max_connections = n;
    return c;
}

// Serves the one request under way on a connection.
inline void serve(rig& r, scripted_transport& t)
{
    t.answer(ok());
    r.sim.poll();
}

} // namespace watchers::rooms::test
