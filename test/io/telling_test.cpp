// SPDX-License-Identifier: BSL-1.0
// What requests carry of the credentials, and what observers, figures and diagnostics tell.
#include "support/rig.hpp"

#include <watchers/rooms/observer.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

} // namespace

TEST_CASE("set_credentials on_a_running_client")
{
    // Setup
    rig r(with_connections(1));
    r.get("before");
    call_record& waiting = r.get("waiting");
    r.open_all();

    // Run
    r.set_credentials(credentials("NEW-key", "NEW-token"));

    // Check
    scripted_transport& t = r.transport(0);
    CHECK(t.requests()[0].find("TOKEN-c4n4ry-2") != std::string::npos);
    serve(r, t);
    REQUIRE(t.requests().size() == 2);
    CHECK(t.requests()[1].find("x-api-key: NEW-key\r\nAuthorization: Bearer NEW-token\r\n") !=
          std::string::npos);
    CHECK(t.requests()[1].find("c4n4ry") == std::string::npos);
    serve(r, t);
    CHECK(waiting.ending() == success(effect::none));
}

namespace {

class recorder final : public observer
{
public:
    void on_call_start(const call_start& s) override
    {
        CHECK(open.emplace(s.call_id, s.operation).second);
        ++starts;
        note("start", s.operation, s.room_id);
    }
    void on_attempt_end(const attempt_end& a) override
    {
        CHECK(open.count(a.call_id) == 1);
        attempts.push_back(a);
        text += a.error.message();
    }
    void on_call_end(const call_end& e) override
    {
        CHECK(open.erase(e.call_id) == 1);
        ++ends;
        endings.push_back(e.error);
        durations.push_back(e.duration);
        note("end", e.operation, e.room_id);
        text += e.error.message() + e.diagnostics.to_string();
    }

    std::map<std::uint64_t, operation_kind> open;
    std::vector<attempt_end> attempts;
    std::vector<error_code> endings;
    std::vector<std::chrono::nanoseconds> durations;
    std::string text; // all that was told
    std::string order;
    std::size_t starts = 0;
    std::size_t ends = 0;

private:
    void note(std::string_view what, operation_kind k, std::string_view id)
    {
        order.append(what).append(" ").append(to_string(k)).append(" ").append(id).append("\n");
    }
};

config observed(const std::shared_ptr<recorder>& o, std::size_t connections = 32)
{
    config c = with_connections(connections);
    c.observer = o;
    return c;
}

} // namespace

TEST_CASE("observer phases_of_an_attempt_on_a_new_connection")
{
    const auto o = std::make_shared<recorder>();
    rig r(observed(o));
    call_record& call = r.voice("r", true);
    r.sim.advance(10ms);
    r.sim.resolved();
    r.sim.advance(20ms);
    r.transport(0).connected();
    r.sim.advance(30ms);
    r.transport(0).is_resumed = true;
    r.transport(0).secured();
    r.sim.advance(40ms);
    r.transport(0).answer(ok().substr(0, 5));
    r.sim.advance(50ms);
    r.transport(0).answer(ok().substr(5));

    REQUIRE(call.done());
    REQUIRE(o->attempts.size() == 1);
    const attempt_end& a = o->attempts[0];
    CHECK(a.operation == operation_kind::set_voice);
    CHECK(a.attempt == 1);
    CHECK_FALSE(a.error);
    CHECK(a.http_status == 200);
    CHECK(a.new_connection);
    CHECK(a.resumed_tls);
    CHECK(a.bytes_written == r.transport(0).requests()[0].size());
    CHECK(a.bytes_read == ok().size());
    CHECK(a.durations.queue == 60ms);
    CHECK(a.durations.resolve == 10ms);
    CHECK(a.durations.connect == 20ms);
    CHECK(a.durations.handshake == 30ms);
    CHECK(a.durations.wait == 40ms);
    CHECK(a.durations.read == 50ms);
    CHECK(o->durations.at(0) == 150ms);
    CHECK(o->order == "start set_voice r\nend set_voice r\n");
    CHECK(r.stats().handshakes_resumed == 1);
}

TEST_CASE("observer attempt_on_a_reused_connection_and_its_replay")
{
    const auto o = std::make_shared<recorder>();
    rig r(observed(o));
    scripted_transport& dead = r.warm_up();
    r.get("r");
    r.sim.advance(5ms);
    dead.reset();
    r.sim.advance(6ms);
    r.open_all();
    r.sim.advance(7ms);
    r.newest().answer(ok());

    REQUIRE(o->attempts.size() == 3);
    const attempt_end& lost = o->attempts[1];
    CHECK(lost.attempt == 1);
    CHECK(lost.error == errc::connection_lost);
    CHECK(lost.http_status == 0);
    CHECK_FALSE(lost.new_connection);
    CHECK(lost.durations.wait == 5ms);
    CHECK(lost.durations.resolve == 0ms);
    const attempt_end& replay = o->attempts[2];
    CHECK(replay.attempt == 2);
    CHECK(replay.new_connection);
    CHECK(replay.durations.queue == 6ms);
    CHECK(replay.durations.resolve == 6ms);
    CHECK(replay.durations.wait == 7ms);
    CHECK(o->ends == 2);
    CHECK(o->open.empty());
}

TEST_CASE("observer each_start_has_exactly_one_end")
{
    const auto o = std::make_shared<recorder>();
    config c = observed(o, 1);
    c.max_waiting_calls = 2;
    rig r(c);
    r.get(""); // never begins
    r.get("refused");
    call_record& cancelled = r.get("cancelled");
    r.get("shut down");
    r.get("too many");
    r.sim.poll();
    CHECK(o->starts == 4);
    CHECK(o->ends == 1);
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.cancel(cancelled);
    CHECK(o->ends == 3);
    REQUIRE(o->attempts.size() == 1);
    CHECK(o->attempts[0].attempt == 1);
    CHECK(o->attempts[0].error == errc::connect_failed);
    CHECK(o->attempts[0].bytes_written == 0);
    r.stop();
    r.sim.poll();
    CHECK(o->ends == 4);
    CHECK(o->open.empty());
    CHECK(o->endings == std::vector<error_code>{errc::pool_full, errc::connect_failed, errc::cancelled,
                                                errc::shutting_down});
}

TEST_CASE("stats totals")
{
    rig r;
    r.warm_up();
    CHECK(r.stats().requests == 1);
    CHECK(r.stats().bytes_written == r.transport(0).requests()[0].size());
    CHECK(r.stats().bytes_read == ok().size());
    CHECK(r.stats().connections_opened == 1);
    CHECK(r.stats().open_connections == 1);

    call_record& call = r.get("r");
    CHECK(r.stats().calls == 1);
    CHECK(r.stats().busy_connections == 1);
    CHECK(r.stats().idle_connections == 0);
    r.transport(0).answer("HTTP");
    r.transport(0).reset();
    r.sim.poll();
    REQUIRE(call.done());
    CHECK(r.stats().requests == 2);
    CHECK(r.stats().bytes_read == ok().size() + 4);
    CHECK(r.stats().open_connections == 0);
    CHECK(r.stats().connections_failed == 0);
}

TEST_CASE("secrets are_in_no_text_of_the_client's")
{
    // Setup
    const auto o = std::make_shared<recorder>();
    rig r(observed(o, 1));
    std::string told;
    const auto collect = [&](const call_record& c) {
        told += c.error.message() + c.diagnostics.to_string() +
                error(c.error ? c.error : errc::cancelled, c.diagnostics).what();
        told += c.room.raw_json();
    };

    // Run: every way of ending.
    r.get("");
    r.create("1");
    r.sim.resolved();
    r.newest().connected(boost::asio::error::connection_refused);
    r.get("2");
    r.open_all();
    r.newest().answer(answer("401 Unauthorized", R"({"message":"bad key"})"));
    r.voice("3", true);
    r.newest().reset();
    r.open_all();
    r.newest().answer("HTTP/9");
    r.erase("4", call_options().timeout(1s));
    r.sim.advance(2s);
    r.stop();
    r.sim.poll();
    for (const call_record& c : r.calls()) {
        REQUIRE(c.handler_calls == 1);
        collect(c);
    }
    told += o->text + o->order;

    // Check
    CHECK(told.size() > 500);
    CHECK(told.find("c4n4ry") == std::string::npos);
    CHECK(told.find("KEY-") == std::string::npos);
}
