// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/sansio/error_body.hpp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace watchers::rooms::detail {

// The text of a string, or of the strings in an array; empty for anything else.
WATCHERS_ROOMS_DECL std::string texts_of(const boost::json::value* v)
{
    std::string joined;
    const auto add = [&](const boost::json::value& text) {
        if (!text.is_string() || text.get_string().empty()) return;
        if (!joined.empty()) joined += "; ";
        joined.append(text.get_string().data(), text.get_string().size());
    };
    if (v == nullptr) return joined;
    if (v->is_array()) {
        for (const boost::json::value& element : v->get_array())
            add(element);
    } else {
        add(*v);
    }
    return joined;
}

WATCHERS_ROOMS_DECL std::string error_text(std::string_view body)
{
    static constexpr std::string_view whitespace = " \t\r\n";
    const std::size_t first = body.find_first_not_of(whitespace);
    if (first == std::string_view::npos) return {};
    const std::string_view text = body.substr(first, body.find_last_not_of(whitespace) - first + 1);

    if (text.front() == '{') {
        error_code ec;
        const boost::json::value answer =
            boost::json::parse(boost::json::string_view(text.data(), text.size()), ec);
        if (!ec) {
            for (const char* member : {"message", "error"}) {
                std::string said = texts_of(answer.get_object().if_contains(member));
                if (!said.empty()) return said;
            }
        }
    }
    return std::string(text);
}

// The sentences of `message` and `error`; also of objects within them, as some frameworks nest them once.
inline void gather_sentences(const boost::json::object& o, bool nested, error_report& report)
{
    for (const char* member : {"message", "error"}) {
        const boost::json::value* const v = o.if_contains(member);
        if (v == nullptr) continue;
        if (v->is_object() && !nested) gather_sentences(v->get_object(), true, report);
        const std::string said = texts_of(v);
        if (said.empty()) continue;
        report.of_api = true;
        if (!report.sentences.empty()) report.sentences += "; ";
        report.sentences += said;
    }
}

WATCHERS_ROOMS_DECL error_report read_error(std::string_view body, bool web_page)
{
    constexpr std::size_t longest = 64 * 1024; // an error of the API is shorter
    error_report report;
    if (web_page || body.size() > longest) return report;
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    const auto first = body.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return report;
    const std::string_view text = body.substr(first);

    error_code ec;
    const boost::json::value answer =
        boost::json::parse(boost::json::string_view(text.data(), text.size()), ec);
    if (!ec && answer.is_object()) {
        const boost::json::value* const status = answer.get_object().if_contains("statusCode");
        report.of_api = status != nullptr && status->is_number();
        gather_sentences(answer.get_object(), false, report);
    } else if (!ec && answer.is_string()) {
        report.sentences.assign(answer.get_string().data(), answer.get_string().size());
    } else if (text.front() != '{' && text.front() != '[') {
        report.sentences = text;
    }
    return report;
}

WATCHERS_ROOMS_DECL std::string error_message(std::string_view body) { return printable(error_text(body)); }

} // namespace watchers::rooms::detail
