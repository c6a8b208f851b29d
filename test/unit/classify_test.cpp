// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/classify.hpp>

#include <string>
#include <vector>

namespace {

using namespace watchers::rooms;
using detail::classify_answer;
using detail::effect_of_failure;
using detail::replayable;
using detail::response;
using detail::verdict;
using kind = operation_kind;

const kind every_kind[] = {kind::create_room, kind::get_room, kind::set_voice, kind::set_status,
                           kind::delete_room};

class sample
{
public:
    std::string what; // begins with the row in the table of faults
    unsigned status;
    error_code error;        // of all operations but create
    error_code create_error; // of create
    effect change;           // of all operations but get, whose effect is none
    std::string body = {};
};

const error_code success;

} // namespace

TEST_CASE("classify_answer table")
{
    const std::vector<sample> table{
        {"success", 200, success, success, effect::applied, {}},
        {"success", 201, success, success, effect::applied, {}},
        {"success", 204, success, success, effect::applied, {}},
        {"50: empty 200", 200, success, success, effect::applied, {}},
        {"39: 300", 300, errc::unexpected_redirect, errc::unexpected_redirect, effect::unknown, {}},
        {"39: 301", 301, errc::unexpected_redirect, errc::unexpected_redirect, effect::unknown, {}},
        {"39: 302", 302, errc::unexpected_redirect, errc::unexpected_redirect, effect::unknown, {}},
        {"39: 303", 303, errc::unexpected_redirect, errc::unexpected_redirect, effect::unknown, {}},
        {"39: 304", 304, errc::unexpected_redirect, errc::unexpected_redirect, effect::unknown, {}},
        {"39: 307", 307, errc::unexpected_redirect, errc::unexpected_redirect, effect::none, {}},
        {"39: 308", 308, errc::unexpected_redirect, errc::unexpected_redirect, effect::none, {}},
        {"400", 400, errc::bad_request, errc::bad_request, effect::none, R"({"message":"name is required"})"},
        {"400: duplicate", 400, errc::bad_request, errc::conflict, effect::none,
         R"({"message":"Room ALREADY EXISTS"})"},
        {"400: duplicate", 400, errc::bad_request, errc::conflict, effect::none,
         R"({"message":"Duplicate key"})"},
        {"400: duplicate", 400, errc::bad_request, errc::conflict, effect::none, "that roomId exists"},
        {"400: duplicate", 400, errc::bad_request, errc::conflict, effect::none, "it did already exist"},
        {"400: something does not exist", 400, errc::bad_request, errc::bad_request, effect::none,
         "the parent does not exist"},
        {"401", 401, errc::unauthorized, errc::unauthorized, effect::none, {}},
        {"403", 403, errc::forbidden, errc::forbidden, effect::none, {}},
        {"404", 404, errc::not_found, errc::not_the_service, effect::none, {}},
        {"408", 408, errc::request_timeout, errc::request_timeout, effect::unknown, {}},
        {"409", 409, errc::bad_request, errc::conflict, effect::none, {}},
        {"413", 413, errc::bad_request, errc::bad_request, effect::none, {}},
        {"421", 421, errc::misdirected_request, errc::misdirected_request, effect::none, {}},
        {"422: a duplicate is told by 400 alone", 422, errc::bad_request, errc::bad_request, effect::none,
         "already exists"},
        {"40: 429", 429, errc::rate_limited, errc::rate_limited, effect::none, {}},
        {"499", 499, errc::bad_request, errc::bad_request, effect::none, {}},
        {"42: 500", 500, errc::server_error, errc::server_error, effect::unknown, {}},
        {"42: 502", 502, errc::server_error, errc::server_error, effect::unknown, {}},
        {"42: 503", 503, errc::server_error, errc::server_error, effect::unknown, {}},
        {"42: 504", 504, errc::server_error, errc::server_error, effect::unknown, {}},
        {"43: 500 with HTML", 500, errc::server_error, errc::server_error, effect::unknown,
         "<html>exists</html>"},
        {"no status of an answer",
         100,
         errc::malformed_response,
         errc::malformed_response,
         effect::unknown,
         {}},
    };
    for (const sample& s : table) {
        CAPTURE(s.what);
        CAPTURE(s.status);
        response r;
        r.status = s.status;
        r.body = s.body;
        for (const kind k : every_kind) {
            CAPTURE(static_cast<int>(k));

            const verdict v = classify_answer(k, r);

            CHECK(v.error == (k == kind::create_room ? s.create_error : s.error));
            CHECK(v.effect == (k == kind::get_room ? effect::none : s.change));
        }
    }
}

TEST_CASE("effect_of_failure table")
{
    for (const kind k : every_kind) {
        CAPTURE(static_cast<int>(k));
        CHECK(effect_of_failure(k, false) == effect::none);                                          // 5
        CHECK(effect_of_failure(k, true) == (k == kind::get_room ? effect::none : effect::unknown)); // 6
    }
}

TEST_CASE("replayable all_but_create")
{
    for (const kind k : every_kind)
        CHECK(replayable(k) == (k != kind::create_room));
}
