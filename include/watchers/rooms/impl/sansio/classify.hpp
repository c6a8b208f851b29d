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
};

// A complete answer's status; the body counts only where the API tells a conflict by a 400. Whether the body
// of a 2xx answer is usable is for the room's parser to say.
verdict classify_answer(operation_kind, const response&);

// The effect of an exchange that ended without a usable answer.
rooms::effect effect_of_failure(operation_kind, bool write_started) noexcept;

// Whether sending the request twice leaves the room as sending it once does (RFC 9110, 9.2.2): voice and
// status are set to absolute values. A create is never sent twice.
bool replayable(operation_kind) noexcept;

} // namespace watchers::rooms::detail
