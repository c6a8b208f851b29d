// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/sansio/response_reader.hpp>

namespace watchers::rooms::detail {

// What an answer, or the lack of one, means for the call.
struct verdict
{
    error_code error; // zero: success
    rooms::effect effect = rooms::effect::none;
    bool web_page = false;            // of a response that is an error
    bool credentials_refused = false; // it is about the API key or the token, not about the one request
    bool recognized = false;          // it has the form that the API's responses have
};

// Judges a complete response. Its status decides; the body counts as well for a 2xx, 404 or 405 that is a web
// page, for the kinds of 404, and for a create's 400 and 409. The room's parser decides whether the body of a
// 2xx is usable.
verdict classify_answer(operation_kind, const response&);

// Whether the response is a web page (HTML, XML) with any status: its Content-Type says so and the body is
// not JSON, or the body begins with `<`. An empty body is not a web page.
bool is_web_page(const response&);

// The effect of an exchange that ended without a usable answer.
rooms::effect effect_of_failure(operation_kind, bool write_started) noexcept;

// Whether sending the request twice leaves the room as sending it once does (RFC 9110, 9.2.2): voice and
// status are set to absolute values. A create is never sent twice.
bool replayable(operation_kind) noexcept;

} // namespace watchers::rooms::detail
