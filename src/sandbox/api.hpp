// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "answer.hpp"
#include "room_store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sandbox::detail {

/// What the API needs of an HTTP request.
struct request
{
    request() {}

    std::string_view method;
    std::string_view target;
    std::optional<std::string_view> api_key;       ///< value of x-api-key
    std::optional<std::string_view> authorization; ///< value of Authorization
    std::string_view body;
};

struct credential_pair
{
    credential_pair(std::string key, std::string token)
        : api_key(std::move(key))
        , bearer_token(std::move(token))
    {}

    std::string api_key;
    std::string bearer_token;
};

/// A request, understood. Whatever needs no state is decided here already.
struct call
{
    call() {}

    operation op = operation::other;
    std::string room;                    ///< the id, empty if the request names none
    std::string admin_path;              ///< "faults", of /sandbox/faults
    unsigned route_status = 0;           ///< 404 or 405, when there is no such route
    std::string allow;                   ///< what a 405 says is allowed
    std::vector<std::string> mistakes;   ///< what a 400 says
    room_record record;                  ///< of create
    bool voice = false;                  ///< of voice
    room_state state = room_state::live; ///< of status
};

/// The operation and the id in the path; the body is not looked at.
call route(std::string_view method, std::string_view target);

/// Fills in what the body says, for the operations that have one.
void read_body(dialect how, call& c, std::string_view body);

/// A refusal, or nothing if the request is accepted.
std::optional<answer> refuse_credentials(dialect how, const request& r, const credential_pair& expected);

/// Carries out an operation of the API; not for administration.
answer perform(dialect how, call&& c, room_store& store, time_point now);

/// Undoes percent-encoding once; nothing when it is malformed.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace watchers::rooms::sandbox::detail
