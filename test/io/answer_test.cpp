// SPDX-License-Identifier: BSL-1.0
// The rows of the table of faults that are about the answer.
#include "support/exchange.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <optional>
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

TEST_CASE("fault_22_to_30 malformed_or_oversized_answers")
{
    const auto bytes = [](std::string text) { return [text](exchange& e) { e.t().answer(text); }; };
    const auto malformed = [&](std::string_view name, std::string text) {
        check_fault({name, bytes(std::move(text)), errc::malformed_response, effect::unknown, phase::read,
                     fate::discarded});
    };
    malformed("garbage", "SSH-2.0-OpenSSH\r\n");
    malformed("HTTP/2", "HTTP/2.0 200 OK\r\n\r\n");
    malformed("status 099", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n");
    malformed("status 999", "HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n");
    malformed(
        "both framings",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
    malformed("gzip, chunked",
              without_length("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"));
    malformed("negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
    malformed("101", "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    std::string storm;
    for (int i = 0; i < 9; ++i)
        storm += "HTTP/1.1 103 Early Hints\r\n\r\n";
    malformed("storm of 1xx", storm + ok());

    const auto too_large = [&](std::string_view name, std::string text) {
        check_fault({name, bytes(std::move(text)), errc::response_too_large, effect::unknown, phase::read,
                     fate::discarded});
    };
    too_large("long header", "HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
    too_large("long body", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");

    check_fault({"some 1xx", bytes("HTTP/1.1 100 Continue\r\n\r\n" + ok()), error_code(), effect::applied,
                 phase::answered, fate::kept});
}

TEST_CASE("fault_35_36 answers_that_end_their_connection")
{
    const auto bytes = [](std::string text) { return [text](exchange& e) { e.t().answer(text); }; };
    check_fault({"HTTP/1.0", bytes("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), error_code(),
                 effect::applied, phase::answered, fate::discarded});
    check_fault({"HTTP/1.0 keep-alive",
                 bytes("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"),
                 error_code(), effect::applied, phase::answered, fate::discarded});
    check_fault({"Connection: close", bytes(answer("200 OK", "{}", "Connection: close\r\n")), error_code(),
                 effect::applied, phase::answered, fate::discarded});
    check_fault({"framed by the end",
                 [](exchange& e) {
                     e.t().answer(without_length("", "{}"));
                     CHECK_FALSE(e.call.done());
                     e.t().half_close();
                 },
                 error_code(), effect::applied, phase::answered, fate::discarded});
}

TEST_CASE("fault_39_90 redirect_is_not_followed")
{
    for (const int status : {301, 302, 303, 307, 308}) {
        CAPTURE(status);
        const bool refused = status >= 307;
        check_fault({"redirect",
                     [status](exchange& e) {
                         e.t().answer(answer(std::to_string(status) + " Moved", "",
                                             "Location: https://elsewhere.example/\r\n"));
                         CHECK(e.t().requests().size() == 1);
                     },
                     errc::unexpected_redirect, refused ? effect::none : effect::unknown, phase::answered,
                     fate::kept});
    }
}

TEST_CASE("fault_40_41 retry_after_is_reported")
{
    class sample
    {
    public:
        std::string_view fields;
        std::optional<std::chrono::seconds> expected;
    };
    const std::vector<sample> table{
        {"Retry-After: 17\r\n", 17s},
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n", 60s},
        {"Retry-After: 99999999999999\r\n", std::chrono::seconds(0x7FFF'FFFF)},
        {"Retry-After: -1\r\n", std::nullopt},
        {"Retry-After: soon\r\n", std::nullopt},
        {"", std::nullopt},
    };
    for (const sample& s : table) {
        CAPTURE(s.fields);
        check_fault({"429",
                     [&](exchange& e) {
                         e.t().answer(answer("429 Too Many Requests", "slow down", s.fields));
                         e.r.sim.poll();
                         CHECK(e.call.diagnostics.retry_after() == s.expected);
                         CHECK(e.call.diagnostics.http_status() == 429);
                     },
                     errc::rate_limited, effect::none, phase::answered, fate::kept});
    }
}

TEST_CASE("fault_42 server_errors")
{
    for (const int status : {500, 502, 503, 504, 599}) {
        check_fault({"5xx",
                     [status](exchange& e) {
                         e.t().answer(answer(std::to_string(status) + " Oops", R"({"message":"down"})"));
                         e.r.sim.poll();
                         CHECK(e.call.diagnostics.http_status() == static_cast<unsigned>(status));
                         CHECK(e.call.diagnostics.message() == "down");
                     },
                     errc::server_error, effect::unknown, phase::answered, fate::kept});
    }
}

TEST_CASE("fault_43 text_of_a_refusal_is_escaped_and_cut")
{
    check_fault({"HTML",
                 [](exchange& e) {
                     e.t().answer(answer("503 No", "<h1>\x1B[31m\r\nX</h1>" + std::string(5000, '!')));
                     e.r.sim.poll();
                     const std::string& text = e.call.diagnostics.message();
                     CHECK(text.size() <= 512);
                     CHECK(text.find("<h1>") == 0);
                     for (const char c : text)
                         CHECK(static_cast<unsigned char>(c) >= 0x20);
                 },
                 errc::server_error, effect::unknown, phase::answered, fate::kept});
}

TEST_CASE("fault_45_to_48_50 unusable_body_of_a_success")
{
    const std::string deep = std::string(40, '[') + std::string(40, ']');
    const std::vector<std::string> bodies{
        "{",
        "[1",
        "\xEF\xBB\xBF{}",
        "{\"name\":\"\xFF\"}",
        std::string("{\0}", 3),
        "{\"a\":1,\"a\":2}",
        "{\"a\":1e400}",
        "{\"a\":" + deep + "}",
        "{} x",
        "\xFF",
        std::string("O\0K", 3),
    };
    for (const std::string& body : bodies) {
        for (const auto kind : all_kinds) {
            CAPTURE(body);
            CAPTURE(to_string(kind));
            exchange e(kind);

            e.t().answer(answer("200 OK", body));

            if (kind == operation_kind::get_room) {
                CHECK(e.call.ending() == ending(errc::bad_body, effect::none, phase::answered));
            } else {
                CHECK(e.call.ending() == success());
                CHECK_FALSE(e.call.diagnostics.note().empty());
                if (kind != operation_kind::delete_room) CHECK(e.call.room.id() == "r");
            }
            CHECK(e.call.diagnostics.http_status() == 200);
            CHECK_FALSE(e.t().is_closed());
        }
    }
}

TEST_CASE("fault_45 change_without_a_usable_body_tells_what_was_set")
{
    exchange voice(operation_kind::set_voice);
    voice.t().answer(answer("204 No Content", ""));
    REQUIRE(voice.call.ending() == success());
    CHECK(voice.call.room.voice() == true);
    CHECK(voice.call.room.raw_json() == "");

    exchange status(operation_kind::set_status);
    status.t().answer(answer("200 OK", "OK"));
    REQUIRE(status.call.ending() == success());
    CHECK(status.call.room.status() == room_status::ended);

    exchange create(operation_kind::create_room);
    create.t().answer(answer("201 Created", ""));
    REQUIRE(create.call.ending() == success());
    CHECK(create.call.room.name() == "a name");
    CHECK(create.call.room.voice() == false);
}

TEST_CASE("fault_49 members_of_the_wrong_type")
{
    exchange e(operation_kind::get_room);
    const std::string body = R"({"roomId":"r","isSpeak":"yes","name":7})";

    e.t().answer(ok(body));

    REQUIRE(e.call.ending() == success(effect::none));
    CHECK(e.call.room.id() == "r");
    CHECK_FALSE(e.call.room.voice().has_value());
    CHECK_FALSE(e.call.room.name().has_value());
    CHECK(e.call.room.raw_json() == body);
    CHECK(e.call.diagnostics.note().find("isSpeak") != std::string::npos);
    CHECK(e.call.diagnostics.note().find("name") != std::string::npos);
}

TEST_CASE("answer_in_any_pieces_is_the_same")
{
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "5;x=y\r\n{\"roo\r\n9\r\nmId\":\"r\"}\r\n0\r\nTrailer: t\r\n\r\n";
    for (std::size_t cut = 1; cut < chunked.size(); ++cut) {
        exchange e(operation_kind::get_room);
        e.t().answer(std::string_view(chunked).substr(0, cut));
        REQUIRE_FALSE(e.call.done());
        e.t().answer(std::string_view(chunked).substr(cut));
        REQUIRE(e.call.ending() == success(effect::none));
        REQUIRE(e.call.room.id() == "r");
        REQUIRE_FALSE(e.t().is_closed());
    }
}
