// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/classify.hpp>
#include <watchers/rooms/impl/sansio/error_body.hpp>
#include <watchers/rooms/impl/sansio/error_sentence.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string_view>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL bool is_web_page(const response& r)
{
    if (!r.coding.empty()) return r.html; // the body was not read
    std::string_view body = r.body;
    if (!r.html && body.starts_with('{')) return false; // nearly always
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    const auto first = body.find_first_not_of(" \t\r\n\f\v");
    if (first == std::string_view::npos) return false;
    if (body[first] == '<') return true;
    if (!r.html) return false;
    // Frameworks send `true` as text/html.
    error_code ec;
    boost::json::parse(boost::json::string_view(body.data(), body.size()), ec);
    return bool(ec);
}

// A 404 has three meanings: no such room, no such project, no such service.
inline void judge_missing(operation_kind kind, const response& r, const error_report& report, verdict& v)
{
    if (v.web_page) {
        v.error = errc::not_the_service;
    } else if (!r.coding.empty()) {
        v.error = errc::unexpected_encoding; // which of them cannot be read
    } else if (says_project_is_unknown(report.sentences)) {
        v.error = errc::unknown_project;
        v.credentials_refused = true;
    } else if (kind == operation_kind::create_room || says_route_is_unknown(report.sentences)) {
        v.error = errc::not_the_service; // a create does not refer to a room that could be missing
        v.recognized = false;
    }
}

// The API has no status of its own for a duplicate create, so its text has to tell.
inline bool tells_of_duplicate(unsigned status, const verdict& v, const error_report& report)
{
    if (v.web_page) return false;
    if (says_room_exists(report.sentences)) return true;
    return status == 409 && !gives_another_reason(report.sentences);
}

// Refines the verdict of the status by the text of the body.
inline void judge_text(operation_kind kind, const response& r, verdict& v)
{
    v.web_page = is_web_page(r);
    const error_report report = read_error(r.body, v.web_page);
    v.recognized = report.of_api;
    switch (r.status) {
    case 400:
    case 409:
        if (kind == operation_kind::create_room && tells_of_duplicate(r.status, v, report))
            v.error = errc::conflict;
        break;
    case 401: v.credentials_refused = true; break;
    case 403: v.credentials_refused = speaks_of_credentials(report.sentences); break;
    case 404: judge_missing(kind, r, report, v); break;
    case 405:
        if (v.web_page || says_route_is_unknown(report.sentences)) v.error = errc::not_the_service;
        break;
    default: break;
    }
}

inline verdict classify_change(operation_kind kind, const response& r)
{
    using rooms::effect;
    if (r.status / 100 == 2) {
        const bool page = is_web_page(r);
        if (page) return {errc::not_the_service, effect::unknown, page};
        return {error_code(), effect::applied, page, false, true};
    }
    verdict v;
    switch (r.status) {
    case 307:
    case 308: return {errc::unexpected_redirect, effect::none}; // asks for the same request elsewhere
    case 401: v.error = errc::unauthorized; break;
    case 403: v.error = errc::forbidden; break;
    case 404: v.error = errc::not_found; break;
    case 408: return {errc::request_timeout, effect::unknown};
    case 421: return {errc::misdirected_request, effect::none};
    case 429: return {errc::rate_limited, effect::none};
    default:
        switch (r.status / 100) {
        case 3: return {errc::unexpected_redirect, effect::unknown}; // 303 follows a change that was made
        case 4: v.error = errc::bad_request; break;
        case 5: return {errc::server_error, effect::unknown};
        default: return {errc::malformed_response, effect::unknown};
        }
    }
    judge_text(kind, r, v);
    return v;
}

WATCHERS_ROOMS_DECL verdict classify_answer(operation_kind kind, const response& r)
{
    verdict v = classify_change(kind, r);
    if (kind == operation_kind::get_room) v.effect = effect::none;
    return v;
}

WATCHERS_ROOMS_DECL effect effect_of_failure(operation_kind kind, bool write_started) noexcept
{
    return write_started && kind != operation_kind::get_room ? effect::unknown : effect::none;
}

WATCHERS_ROOMS_DECL bool replayable(operation_kind kind) noexcept
{
    return kind != operation_kind::create_room;
}

} // namespace watchers::rooms::detail
