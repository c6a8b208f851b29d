// SPDX-License-Identifier: BSL-1.0
// Rows of the table of faults about reading a response: the vendor's rooms, bodies without a room,
// Retry-After, content codings, and responses that are about another room.

#include "faults.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::fault;

namespace {

constexpr std::array changes{op::create, op::voice, op::status, op::remove};

effect effect_of(op o, effect of_change) { return o == op::get ? effect::none : of_change; }

void without_note(const outcome& o) { CHECK(o.diagnostics.note() == ""); }

} // namespace

TEST_CASE("fault_64_room_as_the_vendor_shows_it")
{
    const std::string body =
        R"({"id":7,"externalRoomId":"r","name":"Room","isSpeak":1,"createdAt":"2026-01-01T00:00:00.000Z"})";
    for (const op o : {op::create, op::get, op::voice, op::status}) {
        check_case({"64",
                    fault::raw(ok(body)).apply(),
                    o,
                    {},
                    effect_of(o, effect::applied),
                    fate::kept,
                    nullptr,
                    [&](const outcome& done) {
                        CHECK(done.room.id() == "r");
                        CHECK(done.room.voice() == true);
                        CHECK(done.room.raw_json() == body);
                        without_note(done);
                    }});
    }
}

TEST_CASE("fault_65_change_with_nothing_to_tell")
{
    const std::vector<std::string> bodies{
        "true",
        "false",
        "null",
        "1",
        "-1.5e3",
        "\"created\"",
        "[]",
        R"([{"roomId":"x"}])",
        "Created",
        "OK\r\n",
        "",
        " \n",
        "\xD0\x93\xD0\xBE\xD1\x82\xD0\xBE\xD0\xB2\xD0\xBE",
    };
    for (const op o : changes) {
        for (const std::string& body : bodies) {
            CAPTURE(body);
            check_case({"65",
                        fault::raw(answer("201 Created", length(body), body)).apply(),
                        o,
                        {},
                        effect::applied,
                        fate::kept,
                        nullptr,
                        [&](const outcome& done) {
                            CHECK(done.diagnostics.http_status() == 201);
                            if (o != op::remove) CHECK(done.room.id() == "r");
                            without_note(done);
                        }});
        }
    }
}

TEST_CASE("fault_71_retry_after_with_a_fraction")
{
    check_case({"71",
                fault::raw(answer("429 Too Many Requests", "Retry-After: 1.5\r\n" + length("{}"), "{}")),
                op::voice, errc::rate_limited, effect::none, fate::kept, nullptr,
                [](const outcome& o) { CHECK(o.diagnostics.retry_after() == 2s); }});
}

TEST_CASE("fault_72_content_coding_that_was_not_accepted")
{
    const std::string gzip(
        "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xAB\xAE\x05\x00\x43\xBF\xA6\xA3\x02\x00\x00\x00", 22);
    const auto coded = [&](const std::string& status) {
        return fault::raw(answer(status, "Content-Encoding: gzip\r\n" + length(gzip), gzip)).apply();
    };
    const auto names_it = [](const std::string& text) {
        CHECK(text.find("\"gzip\"") != std::string::npos);
        CHECK(text.find('\x1F') == std::string::npos);
        CHECK(text.find("\\x1f") == std::string::npos);
    };
    for (const op o : changes) {
        check_case({"72 change",
                    coded("201 Created"),
                    o,
                    {},
                    effect::applied,
                    fate::discarded,
                    nullptr,
                    [&](const outcome& done) {
                        names_it(done.diagnostics.note());
                        CHECK(done.diagnostics.message() == "");
                        if (o != op::remove) CHECK(done.room.id() == "r");
                    }});
        check_case({"72 a status that refuses", coded("400 Bad Request").apply(false), o, errc::bad_request,
                    effect::none, fate::discarded, nullptr,
                    [&](const outcome& done) { names_it(done.diagnostics.message()); }});
    }
    check_case({"72 get", coded("200 OK"), op::get, errc::unexpected_encoding, effect::none, fate::discarded,
                nullptr, [&](const outcome& done) {
                    names_it(done.diagnostics.message());
                    CHECK(done.diagnostics.http_status() == 200);
                    CHECK(done.diagnostics.attempts() == 1);
                }});
    check_case({"72 identity",
                fault::raw(ok(good_body, "Content-Encoding: identity\r\n")),
                op::get,
                {},
                effect::none,
                fate::kept});
}

TEST_CASE("fault_72_confirmation_in_a_content_coding_is_told")
{
    // Setup
    rig r(sandbox::options(), [](rooms::config& c) { c.retry = rooms::retry_policy(); });
    r.server.inject(fault::reset_after().on(sandbox::operation::create));
    r.server.inject(fault::raw(ok(good_body, "Content-Encoding: br\r\n")).on(sandbox::operation::get));

    // Run
    const outcome o = r.call<create_room>();

    // Check
    CHECK(o.error == errc::outcome_unknown);
    CHECK(o.diagnostics.effect() == effect::unknown);
    CHECK(o.diagnostics.last_failure() == errc::unexpected_encoding);
    CHECK(o.diagnostics.message().find("\"br\"") != std::string::npos);
    CHECK(r.server.creations("r") == 1);
}

TEST_CASE("fault_86_response_about_another_room")
{
    const std::string other = R"({"id":1,"externalRoomId":"other","name":"Room"})";
    const auto told = [](const outcome& o) {
        CHECK(o.diagnostics.message() == "the response is about another room: roomId other");
        CHECK(o.diagnostics.note() == "");
        CHECK(o.room.raw_json() == "");
    };
    for (const op o : {op::create, op::get, op::voice, op::status, op::remove})
        check_case({"86", fault::raw(ok(other)), o, errc::malformed_response, effect_of(o, effect::unknown),
                    fate::discarded, nullptr, told});
    for (const char* body : {R"({"roomId":"R"})", R"({"externalRoomId":" r "})", R"({"id":"other"})"})
        check_case({"86 of the same room", fault::raw(ok(body)), op::get, {}, effect::none, fate::kept});
    check_case({"86 switched off",
                fault::raw(ok(other)),
                op::get,
                {},
                effect::none,
                fate::kept,
                [](rooms::config& c) { c.check_room_ids = false; },
                [](const outcome& o) { CHECK(o.room.id() == "other"); }});
}

TEST_CASE("fault_86_call_goes_on_as_after_a_lost_response")
{
    // Setup
    const auto other = fault::raw(ok(R"({"roomId":"other","name":"Room","about":"About"})")).apply();
    const auto retries = [](rooms::config& c) { c.retry = rooms::retry_policy(); };
    const op all[] = {op::create, op::get, op::voice, op::status, op::remove};
    for (const op o : all) {
        CAPTURE(static_cast<int>(o));
        rig r(sandbox::options(), retries);
        if (o != op::create) r.server.put(sandbox::stored_room("r", "Room", "About"));
        r.server.inject(other);

        // Run
        const outcome done = call(r, o);

        // Check
        CHECK(done.error == rooms::error_code());
        CHECK(done.diagnostics.effect() == effect_of(o, effect::applied));
        CHECK(done.diagnostics.attempts() == 2);
        CHECK(done.diagnostics.last_failure() == errc::malformed_response);
        CHECK(done.diagnostics.confirmed() == (o == op::create));
        CHECK(r.client().stats().other_rooms == 1);
        CHECK(r.client().stats().connections_opened == 2);
        if (o == op::create) CHECK(r.server.creations("r") == 1);
    }
}

TEST_CASE("fault_86_surplus_responses_shift_no_get_to_another_room")
{
    // Setup: one connection, always in use, on which a surplus response comes now and then
    constexpr std::size_t rooms_count = 300;
    rig r(sandbox::options(), [](rooms::config& c) {
        c.retry = rooms::retry_policy();
        c.max_connections = 1;
    });
    for (std::size_t i = 0; i < rooms_count; ++i)
        r.server.put(sandbox::stored_room("r-" + std::to_string(i), "Room", "About"));
    r.server.inject(
        fault::stray(ok(R"({"roomId":"r-of-another-client","name":"Room"})")).after(1ms).every(50).times(4));

    // Run
    std::vector<outcome> all(rooms_count);
    for (std::size_t i = 0; i < rooms_count; ++i)
        r.client().async_get_room("r-" + std::to_string(i), all[i].diagnostics, all[i].handler());
    r.io.run();

    // Check
    for (std::size_t i = 0; i < rooms_count; ++i) {
        CAPTURE(i);
        CHECK(all[i].completions == 1);
        CHECK(all[i].error == rooms::error_code());
        CHECK(all[i].room.id() == "r-" + std::to_string(i));
    }
    const auto s = r.client().stats();
    CHECK(s.other_rooms >= 1);
    CHECK(s.other_rooms <= 4); // the first one is noticed
    CHECK(s.connections_opened == r.server.counters().connections_accepted);
    CHECK(s.connections_opened <= 5);
}
