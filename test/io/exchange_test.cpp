// SPDX-License-Identifier: BSL-1.0
// The rows of the table of faults that are about the connection, as one attempt shows them: what becomes of
// the call, of its connection, and what the caller is told.
#include "support/exchange.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

std::string without_length(std::string_view fields, std::string_view body)
{
    return std::string("HTTP/1.1 200 OK\r\n").append(fields).append("\r\n").append(body);
}

} // namespace

TEST_CASE("fault_1 name_not_resolved")
{
    for (const bool empty : {false, true}) {
        rig r;
        call_record& call = r.create("r");

        if (empty)
            r.sim.resolved({}, {});
        else
            r.sim.resolved(boost::asio::error::host_not_found, {});
        r.sim.poll();

        CHECK(call.ending() == ending(errc::resolve_failed, effect::none, phase::resolve));
        CHECK((call.diagnostics.cause() == boost::asio::error::host_not_found) == !empty);
        CHECK(call.diagnostics.attempts() == 0);
        CHECK(r.sim.transports() == 0);
        CHECK(r.stats().opening_connections == 0);
        CHECK(r.stats().connections_failed == 1);
    }
}

TEST_CASE("fault_2 resolver_stalls_and_the_call_ends_on_time")
{
    // Setup
    config c = rig::plain_config();
    c.resolve_timeout = 200ms;
    rig r(c);
    call_record& call = r.get("r");
    const auto began = r.sim.now();

    // Run
    r.sim.advance(199ms);
    CHECK_FALSE(call.done());
    r.sim.advance(10s);

    // Check
    CHECK(call.ending() == ending(errc::resolve_timeout, effect::none, phase::resolve));
    CHECK(call.ended_at - began == 200ms);

    // The answer that comes after all serves those who wait then.
    call_record& later = r.get("r");
    CHECK(r.sim.resolutions() == 1);
    r.open_all();
    r.newest().answer(ok());
    CHECK(later.ending() == success(effect::none));
}

TEST_CASE("fault_3 connection_refused_at_every_address")
{
    rig r;
    call_record& call = r.voice("r", true);
    r.sim.resolved(2);

    r.transport(0).connected(boost::asio::error::connection_refused);
    REQUIRE(r.sim.transports() == 2);
    CHECK_FALSE(call.done());
    r.transport(1).connected(boost::asio::error::connection_refused);
    r.sim.poll();

    CHECK(call.ending() == ending(errc::connect_failed, effect::none, phase::connect));
    CHECK(call.diagnostics.cause() == boost::asio::error::connection_refused);
    CHECK(r.transport(0).is_closed());
    CHECK(r.transport(1).is_closed());
}

TEST_CASE("fault_4 syn_goes_nowhere")
{
    // Setup
    rig r;
    call_record& call = r.get("r");
    const auto began = r.sim.now();
    r.sim.resolved(2);
    REQUIRE(r.sim.transports() == 1);

    // Run, Check
    r.sim.advance(299ms);
    CHECK(r.sim.transports() == 1);
    r.sim.advance(1ms);
    REQUIRE(r.sim.transports() == 2);
    CHECK_FALSE(r.transport(0).is_closed());

    r.sim.advance(1h);
    CHECK(call.ending() == ending(errc::connect_timeout, effect::none, phase::connect));
    CHECK(call.ended_at - began == 5s);
    CHECK(r.transport(0).is_closed());
    CHECK(r.transport(1).is_closed());
    CHECK(r.stats().opening_connections == 0);
}

TEST_CASE("fault_5 reset_before_anything_was_written")
{
    rig r;
    call_record& call = r.create("r");
    r.sim.resolved();
    r.transport(0).connected();

    r.transport(0).secured(errc::connection_lost, boost::asio::error::connection_reset);
    r.sim.poll();

    CHECK(call.ending() == ending(errc::connection_lost, effect::none, phase::handshake));
    CHECK(call.diagnostics.cause() == boost::asio::error::connection_reset);
    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().requests == 0);
}

TEST_CASE("fault_6 reset_or_eof_after_bytes_were_written")
{
    check_fault({"reset", [](exchange& e) { e.t().reset(); }, errc::connection_lost, effect::unknown,
                 phase::wait, fate::discarded});
    check_fault({"cut off", [](exchange& e) { e.t().cut_off(); }, errc::connection_lost, effect::unknown,
                 phase::wait, fate::discarded});
    exchange e(operation_kind::get_room);
    e.t().reset();
    e.r.sim.poll();
    CHECK(e.call.diagnostics.cause() == boost::asio::error::connection_reset);
}

TEST_CASE("fault_7 reset_in_the_middle_of_a_response")
{
    check_fault({"in the header",
                 [](exchange& e) {
                     e.t().answer("HTTP/1.1 200 OK\r\nContent-");
                     e.t().reset();
                 },
                 errc::truncated_response, effect::unknown, phase::read, fate::discarded});
    check_fault({"in the body",
                 [](exchange& e) {
                     e.t().answer(ok().substr(0, ok().size() - 3));
                     e.t().reset();
                 },
                 errc::truncated_response, effect::unknown, phase::read, fate::discarded});
    check_fault({"with the last bytes, but whole",
                 [](exchange& e) {
                     e.t().data(ok());
                     e.t().reset();
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
}

// Row 88, TLS 1.3: the refusal comes after the request was written.
TEST_CASE("fault_88 handshake_refused_after_the_request_was_written")
{
    for (const auto kind : all_kinds) {
        CAPTURE(to_string(kind));
        rig r;
        call_record& call = begin(r, kind);
        r.open_all();
        REQUIRE(r.transport(0).requests().size() == 1);

        r.transport(0).refused(errc::tls_client_certificate, boost::asio::error::connection_refused);
        r.sim.poll();

        CHECK(call.ending() == ending(errc::tls_client_certificate, effect::none, phase::handshake));
        CHECK(call.diagnostics.cause() == boost::asio::error::connection_refused);
        CHECK(call.diagnostics.message().find("trust::context") != std::string::npos);
        CHECK(r.stats().open_connections == 0);
        CHECK(r.sim.transports() == 1);
    }
}

TEST_CASE("fault_8 idle_connection_closed_by_the_server")
{
    // Noticed while idle: the next call never sees it.
    for (const bool clean : {false, true}) {
        rig r;
        scripted_transport& first = r.warm_up();
        clean ? first.half_close() : first.reset();
        CHECK(r.stats().idle_connections == 0);
        CHECK(r.stats().open_connections == 0);

        call_record& call = r.create("r");
        r.open_all();
        REQUIRE(r.sim.transports() == 2);
        r.transport(1).answer(ok());

        CHECK(call.ending() == success());
        CHECK(call.diagnostics.attempts() == 1);
        CHECK(r.stats().replays == 0);
    }
}

TEST_CASE("fault_8 reused_connection_dead_when_picked")
{
    // Replays are in pool_test.cpp; here, who gets one.
    for (const auto kind : all_kinds) {
        CAPTURE(to_string(kind));
        rig r;
        scripted_transport& first = r.warm_up();
        call_record& call = begin(r, kind);
        REQUIRE(first.requests().size() == 2);

        first.reset();
        r.open_all();

        if (kind == operation_kind::create_room) {
            CHECK(call.ending() == ending(errc::connection_lost, effect::unknown, phase::wait));
            CHECK(r.sim.transports() == 1);
            CHECK(call.diagnostics.attempts() == 1);
            continue;
        }
        CHECK_FALSE(call.done());
        REQUIRE(r.sim.transports() == 2);
        REQUIRE(r.transport(1).requests().size() == 1);
        CHECK(r.transport(1).requests()[0] == first.requests()[1]);
        r.transport(1).answer(ok());
        CHECK(call.ending() == success(unless_get(kind, effect::applied)));
        CHECK(call.diagnostics.attempts() == 2);
        CHECK(r.stats().replays == 1);
        CHECK(r.stats().requests == 3);
    }
}

TEST_CASE("fault_9 half_close")
{
    check_fault({"before the response", [](exchange& e) { e.t().half_close(); }, errc::connection_lost,
                 effect::unknown, phase::wait, fate::discarded});
    check_fault({"with the response",
                 [](exchange& e) {
                     e.t().data(ok());
                     e.t().half_close();
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
    check_fault({"after the response",
                 [](exchange& e) {
                     e.t().answer(ok());
                     e.t().half_close();
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
}

TEST_CASE("fault_10 response_trickles_byte_by_byte")
{
    check_fault({"a byte a second",
                 [](exchange& e) {
                     const std::string all = ok(std::string(100, ' ') + "{}");
                     const auto began = e.r.sim.now();
                     for (std::size_t i = 0; i < 50; ++i) {
                         e.t().answer(std::string_view(all).substr(i, 1));
                         e.r.sim.advance(1s);
                     }
                     CHECK(e.call.ended_at - began == 10s);
                 },
                 errc::response_timeout, effect::unknown, phase::read, fate::discarded});
}

TEST_CASE("fault_11 peer_stops_reading")
{
    for (const auto kind : all_kinds) {
        CAPTURE(to_string(kind));
        rig r;
        r.sim.takes_all = false;
        call_record& call = begin(r, kind);
        r.open_all();

        r.sim.advance(9'999ms);
        CHECK_FALSE(call.done());
        r.sim.advance(1ms);

        CHECK(call.ending() == ending(errc::write_timeout, unless_get(kind, effect::unknown), phase::write));
        CHECK(r.transport(0).is_closed());
    }

    // Once it reads again, the time counts as the server's.
    rig r;
    r.sim.takes_all = false;
    call_record& call = r.get("r");
    r.open_all();
    r.transport(0).written();
    r.sim.advance(10s);
    CHECK(call.ending() == ending(errc::response_timeout, effect::none, phase::wait));
}

TEST_CASE("fault_12_13 body_shorter_than_announced")
{
    for (const bool clean : {false, true}) {
        const auto end = [clean](exchange& e) { clean ? e.t().half_close() : e.t().cut_off(); };
        check_fault({"Content-Length",
                     [&](exchange& e) {
                         e.t().answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}");
                         end(e);
                     },
                     errc::truncated_response, effect::unknown, phase::read, fate::discarded});
        check_fault({"last chunk",
                     [&](exchange& e) {
                         e.t().answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
                         end(e);
                     },
                     errc::truncated_response, effect::unknown, phase::read, fate::discarded});
    }
}

TEST_CASE("fault_14 pool_exhausted")
{
    // Setup
    config c = rig::plain_config();
    c.max_connections = 1;
    c.max_waiting_calls = 1;
    c.pool_timeout = 700ms;
    rig r(c);
    r.get("in use");
    r.open_all();

    // Run
    call_record& waiting = r.create("r");
    call_record& too_many = r.create("another");
    r.sim.poll();

    // Check
    CHECK(too_many.ending() == ending(errc::pool_full, effect::none, phase::queue));
    CHECK_FALSE(waiting.done());
    CHECK(r.stats().waiting_calls == 1);
    r.sim.advance(699ms);
    CHECK_FALSE(waiting.done());
    r.sim.advance(1ms);
    CHECK(waiting.ending() == ending(errc::pool_timeout, effect::none, phase::queue));
    CHECK(waiting.diagnostics.attempts() == 0);
    CHECK(r.stats().waiting_calls == 0);
    CHECK_FALSE(r.transport(0).is_closed());
}

TEST_CASE("fault_15_to_18 handshake_fails")
{
    for (const errc why :
         {errc::tls_untrusted, errc::tls_expired, errc::tls_host_mismatch, errc::tls_protocol}) {
        rig r;
        call_record& call = r.create("r");
        r.sim.resolved();
        r.transport(0).connected();
        const error_code cause(7, boost::system::generic_category());

        r.transport(0).secured(why, cause);
        r.sim.poll();

        CHECK(call.ending() == ending(why, effect::none, phase::handshake));
        CHECK(call.diagnostics.cause() == cause);
        CHECK(r.transport(0).is_closed());
        CHECK(r.transport(0).requests().empty());
    }
}

TEST_CASE("fault_19 handshake_stalls")
{
    rig r;
    call_record& call = r.erase("r");
    r.sim.resolved();
    r.sim.advance(2s);
    r.transport(0).connected();
    const auto connected_at = r.sim.now();

    r.sim.advance(1h);

    CHECK(call.ending() == ending(errc::tls_timeout, effect::none, phase::handshake));
    CHECK(call.ended_at - connected_at == 5s);
    CHECK(r.transport(0).is_closed());
}

TEST_CASE("fault_20 close_without_close_notify")
{
    check_fault({"framed",
                 [](exchange& e) {
                     e.t().data(ok());
                     e.t().cut_off();
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
    check_fault({"framed by the end",
                 [](exchange& e) {
                     e.t().answer(without_length("", "{}"));
                     e.t().cut_off();
                 },
                 errc::truncated_response, effect::unknown, phase::read, fate::discarded});
}

TEST_CASE("fault_21 garbage_inside_the_tls_stream")
{
    check_fault({"bad record",
                 [](exchange& e) { e.t().ended(error_code(1, boost::system::generic_category()), false); },
                 errc::connection_lost, effect::unknown, phase::wait, fate::discarded});
}

TEST_CASE("fault_32 response_before_the_request_was_written")
{
    rig r;
    r.sim.takes_all = false;
    call_record& call = r.voice("r", true);
    r.open_all();

    r.transport(0).answer(answer("403 Forbidden", R"({"message":"no"})"));

    CHECK(call.ending() == ending(errc::forbidden, effect::none, phase::answered));
    CHECK(call.diagnostics.http_status() == 403);
    CHECK(r.transport(0).is_closed());
}

TEST_CASE("fault_33 bytes_while_the_connection_is_idle")
{
    // Setup
    rig r;
    scripted_transport& t = r.warm_up();

    // Run
    t.answer(ok(R"({"roomId":"forged"})"));

    // Check
    CHECK(t.is_closed());
    CHECK(r.stats().open_connections == 0);
    call_record& call = r.get("r");
    r.open_all();
    CHECK_FALSE(call.done());
    r.newest().answer(ok(R"({"roomId":"true"})"));
    REQUIRE(call.ending() == success(effect::none));
    CHECK(call.room.id() == "true");
}

TEST_CASE("fault_33 bytes_that_came_with_the_end_of_the_handshake")
{
    // The connection becomes idle, since nobody waits for it any more.
    rig r;
    call_record& call = r.get("r");
    r.sim.resolved();
    r.transport(0).connected();
    r.cancel(call);
    r.transport(0).secured();
    CHECK(r.stats().idle_connections == 1);

    r.transport(0).answer("x");

    CHECK(r.transport(0).is_closed());
    CHECK(r.stats().idle_connections == 0);
}

TEST_CASE("fault_34 extra_bytes_after_a_response")
{
    check_fault({"in the same piece", [](exchange& e) { e.t().answer(ok() + "HTTP/1.1 200 OK\r\n"); },
                 error_code(), effect::applied, phase::answered, fate::discarded});
    check_fault({"not read yet",
                 [](exchange& e) {
                     e.t().is_drained = false;
                     e.t().answer(ok());
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
    check_fault({"in the next piece, not settled before",
                 [](exchange& e) {
                     e.t().data(ok());
                     e.t().answer("x");
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
}

TEST_CASE("fault_52_54 bad_arguments_send_nothing")
{
    using namespace std::chrono;
    class sample
    {
    public:
        std::function<detail::call_request()> make;
        std::string_view field;
    };
    using detail::call_request;
    const watchers::rooms::time_point t = sys_days(2026y / December / 31) + 20h;
    const std::vector<sample> table{
        {[] { return call_request::get(""); }, "roomId"},
        {[] { return call_request::erase("."); }, "roomId"},
        {[] { return call_request::set_voice("..", true); }, "roomId"},
        {[] { return call_request::get("\xC3"); }, "roomId"},
        {[] { return call_request::get(std::string(1025, 'a')); }, "roomId"},
        {[] { return call_request::create(new_room("r", "\xFF", "")); }, "name"},
        {[] { return call_request::create(new_room("r", "n", std::string(70'000, 'a'))); }, "about"},
        {[t] { return call_request::create(new_room("r", "n", "").starts_at(t).ends_at(t - 1h)); },
         "endTime"},
        {[] {
             return call_request::create(new_room("r", "n", "").starts_at(watchers::rooms::time_point(-1h)));
         },
         "startTime"},
    };
    for (const sample& s : table) {
        CAPTURE(s.field);
        rig r;

        call_record& call = r.start("bad", s.make());
        CHECK_FALSE(call.done());
        r.sim.poll();

        CHECK(call.ending() == ending(errc::invalid_argument, effect::none, phase::validation));
        CHECK(call.diagnostics.message().find(s.field) == 0);
        CHECK_FALSE(r.sim.resolving());
        CHECK(r.stats().calls == 0);
        CHECK(r.sim.work() == 0);
    }
}

TEST_CASE("fault_53 room_id_cannot_change_the_path")
{
    rig r;
    call_record& call = r.get("a/b?c#d%41 \xC3\xA9..");
    r.open_all();

    const std::string& request = r.transport(0).requests().at(0);
    CHECK(request.find("GET /external/room/a%2Fb%3Fc%23d%2541%20%C3%A9.. HTTP/1.1\r\n") == 0);
    r.transport(0).answer(ok());
    CHECK(call.done());
}

TEST_CASE("fault_60 out_of_file_descriptors")
{
    rig r;
    call_record& call = r.create("r");
    r.sim.resolved(2);
    const auto no_files = make_error_code(boost::system::errc::too_many_files_open);

    r.transport(0).connected(no_files);
    REQUIRE(r.sim.transports() == 2);
    r.transport(1).connected(no_files);
    r.sim.poll();

    CHECK(call.ending() == ending(errc::resource_exhausted, effect::none, phase::connect));
    CHECK(call.diagnostics.cause() == no_files);
    CHECK(r.stats().opening_connections == 0);
}

TEST_CASE("request_is_written_once_and_whole")
{
    exchange e(operation_kind::set_voice);
    const std::string& request = e.t().requests()[0];

    CHECK(request.find("POST /external/room/speak HTTP/1.1\r\nHost: rooms.example\r\n") == 0);
    CHECK(request.find("\r\nx-api-key: KEY-c4n4ry-1\r\n") != std::string::npos);
    CHECK(request.find("\r\nAuthorization: Bearer TOKEN-c4n4ry-2\r\n") != std::string::npos);
    CHECK(request.find("\r\n\r\n{\"roomId\":\"r\"") != std::string::npos);
    e.t().answer(ok());
    CHECK(e.call.ending() == success());
}
