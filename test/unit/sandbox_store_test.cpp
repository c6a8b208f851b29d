// SPDX-License-Identifier: BSL-1.0
#include "src/sandbox/application.hpp"
#include "support/colliding_ids.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

using namespace watchers::rooms::sandbox;
using namespace watchers::rooms::sandbox::detail;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::sys_days day_one = 2024y / std::chrono::December / 31;

time_point at(std::chrono::seconds after_midnight) { return time_point(day_one) + after_midnight; }

/// An application whose clock is set by hand.
struct fixture
{
    explicit fixture(dialect how = dialect::vendor)
        : app(options().dialect(how).clock([this] { return now; }))
    {}

    time_point now = at(0s);
    application app;

    reply send(std::string_view method, std::string_view target, std::string_view body = {})
    {
        request r;
        r.method = method;
        r.target = target;
        r.api_key = "sandbox";
        r.authorization = "Bearer sandbox";
        r.body = body;
        return app.serve(r, false);
    }

    unsigned status_of(std::string_view method, std::string_view target, std::string_view body = {})
    {
        return static_cast<unsigned>(std::stoul(send(method, target, body).bytes.substr(9, 3)));
    }

    std::string status_text(std::string_view id)
    {
        return app.with_store([&](room_store& store) { return store.snapshot(id, now)->status; });
    }
};

constexpr std::string_view simple_room = R"({"roomId":"a","name":"A","about":"x","isSpeak":false})";
constexpr dialect dialects[] = {dialect::vendor, dialect::plain};

std::string body_of(const reply& r) { return r.bytes.substr(r.bytes.find("\r\n\r\n") + 4); }

} // namespace

TEST_CASE("sandbox_time_both_formats_and_nothing_else")
{
    struct
    {
        const char* text;
        const char* expected; // empty: refused
    } const cases[] = {
        {"2024-12-31 05:33:32", "2024-12-31T05:33:32.000Z"},
        {"2024-12-31T05:33:32Z", "2024-12-31T05:33:32.000Z"},
        {"2024-12-31T05:33:32.250Z", "2024-12-31T05:33:32.250Z"},
        {"2024-02-29T00:00:00.1Z", "2024-02-29T00:00:00.100Z"},
        {"1969-12-31 23:59:59", "1969-12-31T23:59:59.000Z"},
        {"2023-02-29 00:00:00", ""},
        {"2024-12-31 24:00:00", ""},
        {"2024-12-31 05:33", ""},
        {"2024-12-31 05:33:32Z", ""},
        {"2024-12-31T05:33:32", ""},
        {"2024-12-31T05:33:32.Z", ""},
        {"2024-12-31T05:33:32.1234567891Z", ""},
        {"2024-12-31T05:33:32+02:00", ""},
        {"9999-12-31 00:00:00", ""},
        {"", ""},
        {"tomorrow", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        const auto time = parse_time(c.text);
        std::string text;
        if (time) append_time(text, *time);
        CHECK(text == c.expected);
    }
}

TEST_CASE("sandbox_schedule_follows_the_clock_until_told_otherwise")
{
    struct
    {
        const char* what;
        std::optional<time_point> start, end;
        std::optional<std::pair<room_state, std::chrono::seconds>> change;
        std::chrono::seconds now;
        room_state expected;
    } const cases[] = {
        {"no times", {}, {}, {}, 0s, room_state::live},
        {"before start", at(10s), at(20s), {}, 9s, room_state::soon},
        {"at start", at(10s), at(20s), {}, 10s, room_state::live},
        {"just before end", at(10s), at(20s), {}, 19s, room_state::live},
        {"at end", at(10s), at(20s), {}, 20s, room_state::ended},
        {"end only", {}, at(20s), {}, 5s, room_state::live},
        {"end only, over", {}, at(20s), {}, 25s, room_state::ended},
        {"disabled before start", at(10s), {}, {{room_state::disabled, 5s}}, 9s, room_state::disabled},
        {"disabled, start passes", at(10s), {}, {{room_state::disabled, 5s}}, 10s, room_state::live},
        {"ended early, end passes", at(10s), at(20s), {{room_state::soon, 15s}}, 21s, room_state::ended},
        {"live again after the end", at(10s), at(20s), {{room_state::live, 20s}}, 99s, room_state::live},
        {"disabled without times", {}, {}, {{room_state::disabled, 1s}}, 99999s, room_state::disabled},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        schedule times(c.start, c.end);
        if (c.change) times.set(c.change->first, at(c.change->second));
        CHECK(times.at(at(c.now)) == c.expected);
    }
}

TEST_CASE("sandbox_route_of_each_method_and_path")
{
    struct
    {
        const char *method, *target;
        operation op;
        std::string room;
        unsigned status;
    } const cases[] = {
        {"POST", "/external/room", operation::create, "", 0},
        {"POST", "/external/room?x=1", operation::create, "", 0},
        {"GET", "/external/room/a", operation::get, "a", 0},
        {"GET", "https://localhost:1/external/room/a", operation::get, "a", 0},
        {"GET", "/external/room/a?b=c", operation::get, "a", 0},
        {"GET", "/external/room/a%2Fb%2525", operation::get, "a/b%25", 0},
        {"GET", "/external/room/%C3%A9%00", operation::get, std::string("\xC3\xA9\0", 3), 0},
        {"DELETE", "/external/room/a", operation::remove, "a", 0},
        {"POST", "/external/room/speak", operation::voice, "", 0},
        {"POST", "/external/room/status", operation::status, "", 0},
        {"GET", "/external/room/speak", operation::get, "speak", 0},
        {"DELETE", "/external/room/status", operation::remove, "status", 0},
        {"POST", "/external/room/a", operation::other, "", 405},
        {"PUT", "/external/room/a", operation::other, "", 405},
        {"GET", "/external/room", operation::other, "", 405},
        {"GET", "/external/room/", operation::other, "", 404},
        {"GET", "/external/room/a/b", operation::other, "", 404},
        {"GET", "/external/rooms", operation::other, "", 404},
        {"GET", "*", operation::other, "", 404},
        {"GET", "", operation::other, "", 404},
        {"GET", "https://localhost", operation::other, "", 404},
        {"GET", "/sandbox/counters", operation::admin, "", 0},
        {"POST", "/sandbox/counters", operation::other, "", 405},
        {"GET", "/sandbox/other", operation::other, "", 404},
    };
    for (const auto& c : cases) {
        CAPTURE(c.method);
        CAPTURE(c.target);
        const call result = route(c.method, c.target);
        CHECK(result.op == c.op);
        CHECK(result.room == c.room);
        CHECK(result.route_status == c.status);
        CHECK(result.mistakes.empty());
    }
    CHECK_FALSE(route("GET", "/external/room/%4").mistakes.empty());
    CHECK_FALSE(route("GET", "/external/room/%zz").mistakes.empty());
}

TEST_CASE("sandbox_credentials_both_are_needed")
{
    using text = std::optional<std::string_view>;
    struct
    {
        text key, authorization;
        unsigned vendor, plain; // 0: accepted
    } const cases[] = {
        {"k", "Bearer t", 0, 0},      {"k", "bearer t", 0, 0},      {"x", "Bearer t", 404, 403},
        {"k", text(), 403, 401},      {"k", "Bearer x", 403, 401},  {"k", "Bearer ", 403, 401},
        {"k", "Basic t", 403, 401},   {"k", "t", 403, 401},         {"x", "Bearer x", 404, 401},
        {"", "Bearer t", 404, 403},   {text(), text(), 404, 401},   {text(), "Bearer t", 404, 401},
        {"k ", "Bearer t", 404, 403}, {"k", "Bearer t ", 403, 401}, {"k", "Bearer  t", 403, 401},
    };
    for (const auto& c : cases) {
        request r;
        r.api_key = c.key;
        r.authorization = c.authorization;
        CAPTURE(c.key.value_or("(none)"));
        CAPTURE(c.authorization.value_or("(none)"));
        for (const dialect how : dialects) {
            const auto refused = refuse_credentials(how, r, credential_pair("k", "t"));
            CHECK((refused ? refused->status : 0) == (how == dialect::vendor ? c.vendor : c.plain));
        }
    }
}

TEST_CASE("sandbox_errors_as_each_dialect_words_them")
{
    fixture vendor;
    fixture plain(dialect::plain);
    const auto both = [&](std::string_view method, std::string_view target, std::string_view body = {}) {
        return body_of(vendor.send(method, target, body)) + " | " + body_of(plain.send(method, target, body));
    };
    const auto without = [](fixture& f, bool key) {
        request r;
        r.method = "GET";
        r.target = "/external/room/a";
        if (key) r.api_key = "sandbox";
        return body_of(f.app.serve(r, false));
    };

    CHECK(both("GET", "/external/room/a") ==
          R"({"statusCode":404,"message":"Room not found"} | )"
          R"({"statusCode":404,"message":"Room not found","error":"Not Found"})");
    CHECK(both("POST", "/external/room", R"({"roomId":1,"name":"A","about":"x"})") ==
          R"({"statusCode":400,"message":["roomId must be a string"]} | )"
          R"({"statusCode":400,"message":["roomId must be a string"],"error":"Bad Request"})");
    both("POST", "/external/room", simple_room);
    CHECK(both("POST", "/external/room", simple_room) ==
          R"({"statusCode":409,"message":"Room already exists"} | )"
          R"({"statusCode":409,"message":"Room already exists","error":"Conflict"})");
    CHECK(without(vendor, false) == R"({"statusCode":404,"message":"Project not found"})");
    CHECK(without(vendor, true) ==
          R"({"statusCode":403,"message":"The bearer token is missing or not valid"})");
    CHECK(without(plain, true) == R"({"statusCode":401,"message":"Unauthorized","error":"Unauthorized"})");
}

TEST_CASE("sandbox_room_as_each_dialect_shows_it")
{
    // Setup
    fixture vendor;
    fixture plain(dialect::plain);
    for (fixture* const f : {&vendor, &plain}) {
        f->send("POST", "/external/room", R"({"roomId":"first","name":"1","about":"x"})");
        f->now = at(90s) + 7ms;
    }
    const auto shown = [](fixture& f) { return body_of(f.send("GET", "/external/room/a")); };

    // Run, Check
    const std::string created = body_of(vendor.send("POST", "/external/room", simple_room));
    CHECK(created == R"({"id":2,"externalRoomId":"a","name":"A","about":"x","isSpeak":false,"status":"LIVE",)"
                     R"("createdAt":"2024-12-31T00:01:30.007Z","updatedAt":"2024-12-31T00:01:30.007Z"})");
    CHECK(shown(vendor) == created);
    plain.send("POST", "/external/room", simple_room);
    CHECK(shown(plain) == R"({"roomId":"a","name":"A","about":"x","isSpeak":false,"status":"LIVE"})");

    vendor.now = at(2h);
    CHECK(body_of(vendor.send("POST", "/external/room/speak", R"({"roomId":"a","isSpeak":true})")) == "true");
    CHECK(shown(vendor) ==
          R"({"id":2,"externalRoomId":"a","name":"A","about":"x","isSpeak":true,"status":"LIVE",)"
          R"("createdAt":"2024-12-31T00:01:30.007Z","updatedAt":"2024-12-31T02:00:00.000Z"})");
    CHECK(body_of(vendor.send("DELETE", "/external/room/a")) == "true");
    CHECK(body_of(plain.send("DELETE", "/external/room/a")) == "");
}

TEST_CASE("sandbox_numbers_of_rooms_are_not_used_twice")
{
    fixture f;
    const auto number = [](const reply& r) { return body_of(r).substr(0, 8); };
    CHECK(number(f.send("POST", "/external/room", simple_room)) == R"({"id":1,)");
    f.send("POST", "/external/room", simple_room); // refused
    f.send("DELETE", "/external/room/a");
    CHECK(number(f.send("POST", "/external/room", simple_room)) == R"({"id":2,)");
    f.app.with_store([&](room_store& store) { store.put(stored_room("b", "B", "x"), f.now); });
    CHECK(number(f.send("GET", "/external/room/b")) == R"({"id":3,)");
}

TEST_CASE("sandbox_prepared_room_has_the_voice_that_it_was_given")
{
    for (const bool on : {false, true}) {
        CAPTURE(on);
        fixture f;
        stored_room prepared("b", "B", "x");
        prepared.voice = on;
        f.app.with_store([&](room_store& store) { store.put(prepared, f.now); });
        const std::string body = body_of(f.send("GET", "/external/room/b"));
        CHECK(body.find(on ? R"("isSpeak":true)" : R"("isSpeak":false)") != std::string::npos);
    }
}

TEST_CASE("fault_92_sandbox_takes_no_more_time_for_ids_that_are_made_to_collide")
{
    // Setup
    constexpr std::size_t count = 1'000;
    const auto cpu_time_of = [](const std::vector<std::string>& ids) {
        room_store store;
        const std::clock_t begin = std::clock();
        for (const std::string& id : ids) {
            REQUIRE(store.create(id, room_record(), at(0s)) != nullptr);
            REQUIRE(store.find(id) != nullptr);
        }
        return static_cast<double>(std::clock() - begin);
    };
    std::vector<std::string> ordinary;
    for (std::size_t i = 0; i < count; ++i)
        ordinary.push_back("aaaaaaaaaaaa" + std::to_string(1000 + i));

    // Run: the quickest of five, since others may use the processor as well
    double made = 1e9;
    double plain = 1e9;
    const auto colliding = watchers::rooms::test::colliding_ids(count);
    for (int i = 0; i < 5; ++i) {
        made = std::min(made, cpu_time_of(colliding));
        plain = std::min(plain, cpu_time_of(ordinary));
    }

    // Check: a hash table that they collide in takes about twenty times as long
    CHECK(made < 5 * plain);
}

TEST_CASE("sandbox_create_body_validated")
{
    struct
    {
        const char *body, *message; // the message in the answer, empty for success
    } const cases[] = {
        {R"({"roomId":"b","name":"n","about":"x"})", ""},
        {R"({"roomId":"b","name":"n","about":"x","isSpeak":"1","startTime":null})", ""},
        {R"({"roomId":"b","name":"","about":"x"})", "name should not be empty"},
        {R"({"roomId":"b","name":"n","about":""})", "about should not be empty"},
        {R"({"roomId":"b","name":"n","about":"x","isSpeak":"false","extra":[1]})", ""},
        {R"({"roomId":"b","name":"n","about":"x","startTime":"2024-12-31 05:33:32","endTime":"2024-12-31T05:33:33.000Z"})",
         ""},
        {R"({"roomId":"","name":"n","about":"x"})", "roomId should not be empty"},
        {R"({"roomId":1,"name":"n","about":"x"})", "roomId must be a string"},
        {R"({"roomId":"b","about":"x"})", "name must be a string"},
        {R"({"roomId":"b","name":"n"})", "about must be a string"},
        {R"({"roomId":"b","name":"n","about":"x","isSpeak":1})", "isSpeak must be a boolean value"},
        {R"({"roomId":"b","name":"n","about":"x","isSpeak":"yes"})", "isSpeak must be a boolean value"},
        {R"({"roomId":"b","name":"n","about":"x","startTime":"soon"})", "startTime must be a time"},
        {R"({"roomId":"b","name":"n","about":"x","pic":7})", "pic must be a string"},
        {R"({"roomId":"b","name":"n","about":"x","startTime":"2024-12-31 05:33:32","endTime":"2024-12-31 05:33:32"})",
         "endTime must be later than startTime"},
        {"[]", "the body must be a JSON object"},
        {"", "the body must be a JSON object"},
        {"{\"roomId\":\"\xff\"}", "the body must be a JSON object"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.body);
        fixture f;
        const std::string bytes = f.send("POST", "/external/room", c.body).bytes;
        const std::string message(c.message);
        CHECK(bytes.starts_with(message.empty() ? "HTTP/1.1 201" : "HTTP/1.1 400"));
        CHECK(bytes.find(message) != bytes.npos);
    }

    fixture plain(dialect::plain);
    CHECK(plain.status_of("POST", "/external/room", R"({"roomId":"b","name":"","about":""})") == 201);
    CHECK(plain.status_of("POST", "/external/room", R"({"roomId":"","name":"","about":""})") == 400);
}

TEST_CASE("sandbox_room_whole_life")
{
    for (const dialect how : dialects) {
        const bool vendor = how == dialect::vendor;
        CAPTURE(vendor);
        fixture f(how);
        const unsigned changed = vendor ? 201 : 200;

        CHECK(f.status_of("GET", "/external/room/a") == 404);
        CHECK(f.status_of("POST", "/external/room", simple_room) == 201);
        CHECK(f.status_of("POST", "/external/room", simple_room) == 409);
        CHECK(f.status_of("GET", "/external/room/a") == 200);
        CHECK(f.status_of("POST", "/external/room/speak", R"({"roomId":"a","isSpeak":true})") == changed);
        CHECK(f.status_of("POST", "/external/room/speak", R"({"roomId":"a"})") == 400);
        CHECK(f.status_of("POST", "/external/room/speak", R"({"roomId":"z","isSpeak":true})") == 404);
        CHECK(f.status_of("POST", "/external/room/status", R"({"roomId":"a","status":"ENDED"})") == changed);
        CHECK(f.status_of("POST", "/external/room/status", R"({"roomId":"a","status":"ended"})") == 400);
        const auto stored = f.app.with_store([&](room_store& store) { return store.snapshot("a", f.now); });
        REQUIRE(stored.has_value());
        CHECK(stored->voice);
        CHECK(stored->status == "ENDED");
        CHECK(f.status_of("DELETE", "/external/room/a") == (vendor ? 200 : 204));
        CHECK(f.status_of("DELETE", "/external/room/a") == 404);
        CHECK(f.status_of("POST", "/external/room", simple_room) == 201);
        CHECK(f.app.with_store([](room_store& store) { return store.creations("a"); }) == 2);
        CHECK(f.app.tally().values().requests(operation::create) == 3);
        CHECK(f.app.tally().values().responses(404) == 3);
    }
}

TEST_CASE("sandbox_status_changes_with_the_clock")
{
    fixture f;
    f.send(
        "POST", "/external/room",
        R"({"roomId":"a","name":"A","about":"x","startTime":"2024-12-31 01:00:00","endTime":"2024-12-31 02:00:00"})");

    CHECK(f.status_text("a") == "SOON");
    f.now = at(1h);
    CHECK(f.status_text("a") == "LIVE");
    f.send("POST", "/external/room/status", R"({"roomId":"a","status":"DISABLED"})");
    CHECK(f.status_text("a") == "DISABLED");
    f.now = at(2h);
    CHECK(f.status_text("a") == "ENDED");
}

TEST_CASE("sandbox_answer_is_framed_and_escaped")
{
    answer a = refusal(dialect::plain, 404, "say \"no\"\x01\\");
    const std::string bytes = to_wire(a, true, at(3s));

    CHECK(bytes == "HTTP/1.1 404 Not Found\r\nDate: Tue, 31 Dec 2024 00:00:03 GMT\r\n"
                   "Content-Type: application/json; charset=utf-8\r\nContent-Length: " +
                       std::to_string(a.body.size()) +
                       "\r\nConnection: close\r\n\r\n"
                       R"({"statusCode":404,"message":"say \"no\"\u0001\\","error":"Not Found"})");
    CHECK(to_wire(answer(204), false, at(3s)) ==
          "HTTP/1.1 204 No Content\r\nDate: Tue, 31 Dec 2024 00:00:03 GMT\r\n\r\n");
}

TEST_CASE("sandbox_fault_fires_on_the_requests_it_names")
{
    struct
    {
        const char* what;
        fault f;
        std::string_view expected; // of ten gets of room "a"
    } const cases[] = {
        {"default", fault::stall(), "x........."},
        {"third", fault::stall().nth(3), "..x......."},
        {"twice", fault::stall().times(2), "xx........"},
        {"always", fault::stall().always(), "xxxxxxxxxx"},
        {"every third", fault::stall().every(3).always(), "x..x..x..x"},
        {"every third from the second on, twice", fault::stall().nth(2).every(3).times(2), ".x..x....."},
        {"its operation", fault::stall().on(operation::get), "x........."},
        {"another operation", fault::stall().on(operation::create), ".........."},
        {"its room", fault::stall().room("a"), "x........."},
        {"another room", fault::stall().room("b"), ".........."},
        {"a connection", fault::stop_reading().always(), ".........."},
        {"early", fault::stall().early().always(), ".........."},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        fault_script script;
        script.inject(c.f);
        std::string fired;
        for (int i = 0; i < 10; ++i)
            fired += script.due(fault_stage::request, operation::get, "a") ? 'x' : '.';
        CHECK(fired == c.expected);
    }
}

TEST_CASE("sandbox_faults_injected_in_a_row_form_a_script")
{
    fault_script script;
    script.inject(fault::respond(429).times(2));
    script.inject(fault::drop_after());
    script.inject(fault::respond(503).nth(2));

    std::string seen;
    for (int i = 0; i < 7; ++i) {
        const auto plan = script.due(fault_stage::request, operation::get, "a");
        seen += !plan                                ? "- "
                : plan->answer == fault_answer::none ? "drop "
                                                     : std::to_string(plan->status) + ' ';
    }

    CHECK(seen == "429 429 drop - 503 - - ");
    CHECK(script.empty());
}

TEST_CASE("sandbox_fault_applies_or_not")
{
    struct
    {
        const char* json;
        bool applied;
        std::string_view bytes; // how the answer begins
    } const cases[] = {
        {R"({"action":"drop_before"})", false, ""},
        {R"({"action":"drop_after"})", true, ""},
        {R"({"action":"reset_before"})", false, ""},
        {R"({"action":"reset_mid"})", true, "HTTP/1.1 201"},
        {R"({"action":"truncate"})", true, "HTTP/1.1 201"},
        {R"({"action":"delay","delay_ms":1})", true, "HTTP/1.1 201"},
        {R"({"action":"respond","status":503})", false,
         "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"},
        {R"({"action":"respond","status":503,"apply":true})", true, "HTTP/1.1 503"},
        {R"({"action":"raw","bytes":"zzz"})", false, "zzz"},
        {R"({"action":"raw","bytes":"zzz","apply":true})", true, "zzz"},
        {R"({"action":"stall"})", false, ""},
        {R"({"action":"drop_after","op":"get"})", true, "HTTP/1.1 201"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.json);
        fixture f;
        CHECK(f.status_of("POST", "/sandbox/faults", c.json) == 201);
        const reply r = f.send("POST", "/external/room", simple_room);
        CHECK(f.app.with_store([](room_store& store) { return store.size(); }) == (c.applied ? 1 : 0));
        CHECK(r.bytes.starts_with(c.bytes));
        CHECK(r.bytes.empty() == c.bytes.empty());
    }
}

TEST_CASE("sandbox_fault_description_refused_whole_when_wrong")
{
    const char* const cases[] = {
        "",
        "1",
        "{}",
        R"({"action":"explode"})",
        R"({"action":"stall","nht":3})",
        R"({"action":"stall","nth":-1})",
        R"({"action":"stall","op":"fetch"})",
        R"({"action":"stall","apply":1})",
        R"({"action":"raw"})",
        R"({"action":"delay","early":true})",
        R"([{"action":"stall"},{"action":"explode"}])",
        R"([{"action":"stall"},{"action":"delay","early":true}])",
        R"({"action":"stall","delay_ms":99999999999})",
        R"({"action":"respond","status":1000})",
        R"({"action":"respond","headers":{"a":1}})",
        R"({"action":"stall","then":"explode"})",
    };
    for (const char* const json : cases) {
        CAPTURE(json);
        fixture f;
        CHECK(f.status_of("POST", "/sandbox/faults", json) == 400);
        CHECK(f.app.pending_faults() == 0);
    }
}

TEST_CASE("sandbox_administration_needs_credentials_and_is_spared_by_faults")
{
    fixture f;
    f.app.inject({fault::stall().always()});
    request without;
    without.method = "GET";
    without.target = "/sandbox/rooms";

    CHECK(f.app.serve(without, false).bytes.starts_with("HTTP/1.1 401")); // with every dialect
    CHECK(f.status_of("GET", "/sandbox/rooms") == 200);
    CHECK(f.status_of("GET", "/sandbox/counters") == 200);
    CHECK(f.status_of("DELETE", "/sandbox/faults") == 204);
    CHECK(f.app.pending_faults() == 0);
    CHECK(f.status_of("POST", "/external/room", simple_room) == 201);
    CHECK(f.send("GET", "/sandbox/rooms").bytes.find(R"([{"roomId":"a",)") != std::string::npos);
    CHECK(f.send("GET", "/sandbox/creations").bytes.ends_with("\r\n\r\n{\"a\":1}"));
    CHECK(f.status_of("POST", "/sandbox/reset") == 204);
    CHECK(f.status_of("GET", "/external/room/a") == 404);
    CHECK(f.send("GET", "/sandbox/creations").bytes.ends_with("\r\n\r\n{}"));
}

TEST_CASE("sandbox_fault_fields_replace_the_servers_own")
{
    const fault f =
        fault::respond(200, "abc").field("content-length", "9").field("Content-Type", "text/html");

    CHECK(given_answer(f.plan()) ==
          "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nContent-Type: text/html\r\n\r\nabc");
    CHECK(given_answer(fault::respond(99).plan()).starts_with("HTTP/1.1 099 "));
    CHECK(given_answer(fault::respond(204).plan()) == "HTTP/1.1 204 No Content\r\n\r\n");
}
