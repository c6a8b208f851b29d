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

WATCHERS_ROOMS_DECL std::string error_message(std::string_view body) { return printable(error_text(body)); }

} // namespace watchers::rooms::detail
