// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "room_store.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sandbox::detail {

/// An answer before it becomes bytes.
struct answer
{
    explicit answer(unsigned status_code = 200, std::string json = {})
        : status(status_code)
        , body(std::move(json))
    {}

    unsigned status;
    std::string body;
    std::string allow; ///< value of the field Allow, of a 405
};

/// {"statusCode":400,"message":[...]}, and with dialect::plain also "error":"Bad Request".
answer bad_request(dialect how, const std::vector<std::string>& messages);
/// {"statusCode":404,"message":"..."}, and with dialect::plain also "error":"Not Found".
answer refusal(dialect how, unsigned status, std::string_view message);

std::string_view reason(unsigned status);

void append_json_string(std::string& out, std::string_view text);
void append_json(std::string& out, dialect how, std::string_view id, const room_record& room, time_point now);

/// The whole message. `close` adds `Connection: close`.
std::string to_wire(const answer& a, bool close, time_point now);

} // namespace watchers::rooms::sandbox::detail
