// SPDX-License-Identifier: BSL-1.0

// Rows 62, 63, 66, 67, 68 and 90: what a response means, and what a call does then.

#include "retry_script.hpp"

#include <watchers/rooms/impl/sansio/error_body.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::attempt_result;
using detail::classify_answer;
using detail::is_web_page;
using detail::response;
using detail::verdict;

namespace {

constexpr std::string_view no_project = R"({"statusCode":404,"message":"Project not found"})";
constexpr std::string_view no_room = R"({"statusCode":404,"message":"Room not found"})";
constexpr std::string_view page = "<!DOCTYPE html><html>sign in</html>";

response make(unsigned status, std::string_view body, bool html = false)
{
    response r;
    r.status = status;
    r.body = body;
    r.html = html;
    return r;
}

attempt_result with_others(attempt_result r)
{
    r.other_credentials = true;
    return r;
}

std::string effect_of(kind k, const char* of_change) { return k == kind::get_room ? "none" : of_change; }

} // namespace

TEST_CASE("fault_62_404_of_the_project_is_unknown_project")
{
    for (const std::string_view body :
         {no_project, std::string_view(R"({"error":"Project not found"})"),
          std::string_view("Project not found"),
          std::string_view(R"({"message":["Project not found"],"error":"Not Found","statusCode":404})"),
          std::string_view(R"({"message":"Not Found","error":"No such project"})"),
          std::string_view(R"({"message":{"message":"Project not found","statusCode":404}})"),
          std::string_view("\"Project not found\""),
          std::string_view("\xEF\xBB\xBF{\"message\":\"Unknown project\"}"),
          std::string_view("  {\"message\":\"Invalid API key\"}")}) {
        CAPTURE(body);
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            const verdict v = classify_answer(k, make(404, body));
            CHECK(v.error == errc::unknown_project);
            CHECK(v.effect == effect::none);
            CHECK(v.credentials_refused);
        }
    }
}

TEST_CASE("fault_62_404_of_another_thing_is_not_of_the_project")
{
    for (const std::string_view body :
         {no_room, std::string_view("{}"), std::string_view(""),
          std::string_view(R"({"name":"Project not found"})"),
          std::string_view(R"({"message":"Room not found in this project"})"),
          std::string_view(R"({"message":"Project not found")")}) { // cut off: in doubt
        CAPTURE(body);
        const verdict v = classify_answer(kind::get_room, make(404, body));
        CHECK(v.error == errc::not_found);
        CHECK_FALSE(v.credentials_refused);
    }
}

TEST_CASE("fault_62_text_about_the_project_is_no_conflict_with_any_status")
{
    for (const unsigned status : {400U, 401U, 403U, 409U}) {
        for (const char* said : {"Project with this key does not exists", "Project not found",
                                 "Project with this key already exists", "duplicate project key"}) {
            CAPTURE(status);
            CAPTURE(said);
            const auto v = classify_answer(kind::create_room,
                                           make(status, R"({"message":")" + std::string(said) + R"("})"));
            CHECK(v.error != errc::conflict);
            CHECK(v.error != errc::not_found);
        }
    }
}

TEST_CASE("fault_62_unknown_project_asks_for_other_credentials_once")
{
    for (const kind k : every_kind) {
        CAPTURE(to_string(k));
        played_call c(k);
        CHECK(c.ends(with_others(answered(k, 404, no_project))) == "ask");
        CHECK(c.ends(with_others(answered(k, 404, no_project))) == "unknown_project, effect none");
        CHECK(played_call(k).ends(answered(k, 404, no_project)) == "unknown_project, effect none");
    }
}

TEST_CASE("fault_62_no_delete_succeeds_by_an_unknown_project")
{
    retry_policy p;
    p.accept_missing_on_delete = true;
    played_call accepting(kind::delete_room, p);
    CHECK(accepting.ends(answered(kind::delete_room, 404, no_project)) == "unknown_project, effect none");

    for (const bool accept : {false, true}) {
        p.accept_missing_on_delete = accept;
        played_call lost(kind::delete_room, p);
        CHECK(lost.ends(unanswered(kind::delete_room)) == "send");
        CHECK(lost.ends(answered(kind::delete_room, 404, no_project)) == "unknown_project, effect unknown");
    }
}

TEST_CASE("fault_62_no_confirmation_reads_an_unknown_project_as_not_there")
{
    for (const bool second_look : {false, true}) {
        played_call c(kind::create_room);
        CHECK(c.ends(unanswered(kind::create_room)) == "look");
        if (second_look) CHECK(c.ends(not_there()) == "look after 500 ms");
        CHECK(c.ends(with_others(answered(kind::get_room, 404, no_project))) == "ask");
        CHECK(c.ends(answered(kind::get_room, 404, no_project)) == "outcome_unknown, effect unknown");
    }
}

TEST_CASE("fault_63_403_asks_for_other_credentials_once")
{
    for (const std::string_view body :
         {std::string_view(), std::string_view(R"({"message":"jwt expired"})"), page}) {
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            played_call c(k);
            CHECK(c.ends(with_others(answered(k, 403, body))) == "ask");
            CHECK(c.ends(with_others(answered(k, 403, body))) == "forbidden, effect none");
            CHECK(played_call(k).ends(answered(k, 403, body)) == "forbidden, effect none");
        }
    }
}

TEST_CASE("fault_63_one_question_serves_401_403_and_the_project")
{
    for (const unsigned first : {401U, 403U, 404U}) {
        for (const unsigned second : {401U, 403U, 404U}) {
            played_call c(kind::get_room);
            CHECK(c.ends(with_others(answered(kind::get_room, first, no_project))) == "ask");
            CHECK(c.ends(with_others(answered(kind::get_room, second, no_project))) != "ask");
        }
    }
}

TEST_CASE("fault_63_403_tells_whether_it_is_about_the_credentials")
{
    const auto about_credentials = [](std::string_view body, bool html = false) {
        return classify_answer(kind::set_voice, make(403, body, html)).credentials_refused;
    };
    CHECK(about_credentials(R"({"statusCode":403,"message":"Bearer token is not valid"})"));
    CHECK_FALSE(about_credentials(R"({"error":"Forbidden"})"));
    CHECK_FALSE(about_credentials(R"({"name":"token"})"));
    CHECK_FALSE(about_credentials("<html>token</html>"));
    CHECK_FALSE(about_credentials("Request blocked. Token 12 expired", true));
    CHECK(classify_answer(kind::get_room, make(401, "")).credentials_refused);
}

TEST_CASE("fault_66_web_pages")
{
    const struct
    {
        std::string_view body;
        bool html;
        bool is_page;
    } rows[] = {
        {page, false, true},
        {page, true, true},
        {"<?xml version=\"1.0\"?><x/>", false, true},
        {" \r\n\t<html>", false, true},
        {"\xEF\xBB\xBF<html>", false, true},
        {"\xEF\xBB\xBF \n<html>", false, true},
        {"Please sign in", true, true},
        {"", true, false},
        {"  ", true, false},
        {"true", true, false}, // frameworks send scalars so (row 65)
        {R"({"roomId":"r"})", true, false},
        {"{not json", true, true},
        {"true", false, false},
        {"created", false, false},
        {R"({"about":"<html>"})", false, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        CAPTURE(row.html);
        CHECK(is_web_page(make(200, row.body, row.html)) == row.is_page);
    }
}

TEST_CASE("fault_66_2xx_with_a_web_page_is_not_the_service")
{
    for (const unsigned status : {200U, 201U, 299U}) {
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            const verdict v = classify_answer(k, make(status, page));
            CHECK(v.error == errc::not_the_service);
            CHECK(v.effect == (k == kind::get_room ? effect::none : effect::unknown));
            CHECK(v.web_page);
            CHECK_FALSE(v.recognized);
            if (k == kind::create_room)
                CHECK(played_call(k).ends(answered(k, status, page)) == "look");
            else
                CHECK(played_call(k).ends(answered(k, status, page)) ==
                      "not_the_service, effect " + effect_of(k, "unknown"));
        }
    }
}

TEST_CASE("fault_66_create_whose_response_was_a_page_is_confirmed")
{
    const auto created = [] {
        played_call c(kind::create_room);
        CHECK(c.ends(answered(kind::create_room, 200, page)) == "look");
        return c;
    };
    CHECK(created().ends(found(true)) == "success, effect applied, confirmed");
    CHECK(created().ends(not_there()) == "look after 500 ms");
    CHECK(created().ends(answered(kind::get_room, 200, page)) == "outcome_unknown, effect unknown");
    CHECK(created().ends(answered(kind::get_room, 404, page)) == "outcome_unknown, effect unknown");
    retry_policy p;
    p.confirm_creates = false;
    CHECK(played_call(kind::create_room, p).ends(answered(kind::create_room, 200, page)) ==
          "not_the_service, effect unknown");
}

TEST_CASE("fault_67_404_and_405_that_are_not_the_services")
{
    const struct
    {
        const char* what;
        unsigned status;
        std::string_view body;
        errc of_create;
        errc of_others;
    } rows[] = {
        {"404 page", 404, page, errc::not_the_service, errc::not_the_service},
        {"404 page about a project", 404, "<html>Project not found</html>", errc::not_the_service,
         errc::not_the_service},
        {"405 page", 405, page, errc::not_the_service, errc::not_the_service},
        {"405", 405, R"({"message":"Method Not Allowed"})", errc::bad_request, errc::bad_request},
        {"404 of a room", 404, no_room, errc::not_the_service, errc::not_found},
        {"404 without a body", 404, "", errc::not_the_service, errc::not_found},
        {"404 of the path", 404, R"({"message":"Cannot GET /external/room/x","statusCode":404})",
         errc::not_the_service, errc::not_the_service},
        {"404 of a proxy", 404, R"({"message":"no Route matched with those values"})", errc::not_the_service,
         errc::not_the_service},
        {"404 of the project", 404, no_project, errc::unknown_project, errc::unknown_project},
        {"410 page", 410, page, errc::bad_request, errc::bad_request},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            const errc expected = k == kind::create_room ? row.of_create : row.of_others;
            CHECK(played_call(k).ends(answered(k, row.status, row.body)) ==
                  std::string(roomctl::error_name(expected)) + ", effect none");
        }
    }
}

TEST_CASE("fault_67_no_delete_succeeds_by_a_404_that_is_not_the_services")
{
    retry_policy p;
    p.accept_missing_on_delete = true;
    played_call c(kind::delete_room, p);
    CHECK(c.ends(unanswered(kind::delete_room)) == "send");
    CHECK(c.ends(answered(kind::delete_room, 404, page)) == "not_the_service, effect unknown");
}

// Bodies of 404s that proxies, gateways and other services send for a path or a host that they do not know.
constexpr std::string_view other_404s[] = {
    "",
    "no healthy upstream",
    "Not Found",
    "{}",
    "null",
    "[]",
    R"("Not Found")",
    R"({"fault":{"faultstring":"Unable to identify proxy","detail":{"errorcode":"x"}}})",
    R"({"detail":"Not Found"})",
    R"({"statusCode":"404"})",
    R"({"message":"Room not found")",
};

TEST_CASE("fault_67_404_that_does_not_have_the_form_of_the_apis_proves_no_delete")
{
    const kind k = kind::delete_room;
    retry_policy accepting;
    accepting.accept_missing_on_delete = true;
    for (const std::string_view body : other_404s) {
        CAPTURE(body);
        for (const retry_policy& p : {retry_policy(), accepting}) {
            for (const attempt_result& lost : {unanswered(k), answered(k, 503), answered(k, 408)}) {
                played_call c(k, p);
                CHECK(c.ends(lost) == "send");
                const auto step = c.step_after(answered(k, 404, body));
                CHECK(played_call::tell(step) == "not_found, effect unknown");
                REQUIRE(step.note != nullptr);
                CHECK(std::string_view(step.note).find("does not prove") != std::string_view::npos);
            }
            CHECK(played_call(k, p).ends(answered(k, 404, body)) == "not_found, effect none");
        }
    }
    CHECK(played_call(k, accepting).ends(answered(k, 404, no_room)) == "success, effect none");
}

TEST_CASE("fault_67_404_that_does_not_have_the_form_of_the_apis_leads_to_no_second_create")
{
    const auto created = [] {
        played_call c(kind::create_room);
        CHECK(c.ends(unanswered(kind::create_room)) == "look");
        return c;
    };
    for (const std::string_view body : other_404s) {
        CAPTURE(body);
        const attempt_result stray = answered(kind::get_room, 404, body);
        CHECK(created().ends(stray) == "outcome_unknown, effect unknown");

        played_call second = created();
        CHECK(second.ends(answered(kind::get_room, 404, no_room)) == "look after 500 ms");
        CHECK(second.ends(stray) == "outcome_unknown, effect unknown");

        played_call refused(kind::create_room);
        CHECK(refused.ends(answered(kind::create_room, 429)) == "send");
        CHECK(refused.ends(answered(kind::create_room, 409)) == "look");
        CHECK(refused.ends(stray) == "outcome_unknown, effect unknown");
    }
}

TEST_CASE("fault_68_only_the_message_of_a_400_makes_it_a_conflict")
{
    const struct
    {
        const char* what;
        unsigned status;
        std::string_view body;
        errc expected;
    } rows[] = {
        {"message", 400, R"({"message":"Room already exists"})", errc::conflict},
        {"error", 400, R"({"error":"Room already exists"})", errc::conflict},
        {"one of a list", 400, R"({"message":["name is short","roomId already exists"]})", errc::conflict},
        {"plain text", 400, "Room already exists", errc::conflict},
        {"another member", 400, R"({"message":"no","about":"Room already exists"})", errc::bad_request},
        {"a key", 400, R"({"Room already exists":1})", errc::bad_request},
        {"not JSON", 400, R"({"message":"Room already exists")", errc::bad_request},
        {"a page", 400, "<p>Room already exists</p>", errc::bad_request},
        {"a negation", 400, R"({"message":"Room does not exist"})", errc::bad_request},
        {"words", 400, R"({"message":"name must not contain duplicate words"})", errc::bad_request},
        {"project", 400, R"({"message":"Project with this key does not exists"})", errc::bad_request},
        {"nothing", 400, "", errc::bad_request},
        {"409", 409, "", errc::conflict},
        {"409 with text", 409, R"({"message":"Conflict"})", errc::conflict},
        {"409 of the project", 409, R"({"message":"Project with this key does not exists"})",
         errc::bad_request},
        {"409 of what is missing", 409, R"({"message":"Template not found"})", errc::bad_request},
        {"409 page", 409, page, errc::bad_request},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const verdict v = classify_answer(kind::create_room, make(row.status, row.body));
        CHECK(v.error == row.expected);
        CHECK(v.effect == effect::none);
        for (const kind k : {kind::get_room, kind::set_voice, kind::set_status, kind::delete_room})
            CHECK(classify_answer(k, make(row.status, row.body)).error == errc::bad_request);
    }
}

TEST_CASE("fault_90_redirects_that_ask_for_the_same_request_had_no_effect")
{
    for (const unsigned status : {301U, 302U, 303U, 307U, 308U}) {
        CAPTURE(status);
        const bool same = status == 307 || status == 308;
        for (const kind k : every_kind) {
            CAPTURE(to_string(k));
            const std::string expected = same ? "none" : effect_of(k, "unknown");
            CHECK(played_call(k).ends(answered(k, status, page)) ==
                  "unexpected_redirect, effect " + expected);
        }
    }
}

TEST_CASE("response_meaning_responses_of_the_api_are_recognized")
{
    const auto recognized = [](unsigned status, std::string_view body) {
        return classify_answer(kind::get_room, make(status, body)).recognized;
    };
    CHECK(recognized(200, "{}"));
    CHECK(recognized(404, no_room));
    CHECK(recognized(404, R"({"statusCode":404})"));
    CHECK(recognized(404, R"({"error":"Not Found"})"));
    CHECK_FALSE(recognized(404, ""));
    CHECK_FALSE(recognized(404, "{}"));
    CHECK_FALSE(recognized(404, "Not Found"));
    CHECK_FALSE(recognized(404, R"({"detail":"Not Found"})"));
    CHECK_FALSE(recognized(404, page));
    CHECK_FALSE(recognized(404, R"({"message":"Cannot GET /external/room/x"})"));
}
