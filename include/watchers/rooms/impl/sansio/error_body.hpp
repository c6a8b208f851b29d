// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// What an answer that is an error says: its `message` (a text, or a list of them, joined by "; "), else its
// `error`, else the body as it is. Always printable, at most 512 bytes.
std::string error_message(std::string_view body);

// The same as it came: neither printable nor cut.
std::string error_text(std::string_view body);

// The body of an error response, prepared for the functions that look for its meaning.
class error_report
{
public:
    std::string sentences; // its `message` and `error`, or the whole body if it is plain text; not escaped
    bool of_api = false;   // it is an object with `message`, `error` or `statusCode`, as the API's errors are
};

// @param web_page whether the body is one: it has no sentences then.
error_report read_error(std::string_view body, bool web_page);

} // namespace watchers::rooms::detail
