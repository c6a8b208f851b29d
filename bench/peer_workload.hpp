// SPDX-License-Identifier: BSL-1.0
#pragma once

/// What the peers, which know nothing of rooms, send and check.

#include "bench_common.hpp"

#include <boost/json.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

inline std::string target(workload kind, std::size_t number)
{
    if (kind == workload::create_room) return "/external/room";
    return "/external/room/" + room_id(number);
}

inline std::string create_body(std::size_t number)
{
    return boost::json::serialize(boost::json::object{
        {"roomId", room_id(number)},
        {"name", room_name},
        {"about", room_about},
        {"isSpeak", false},
    });
}

/// Throws unless the answer is a room, so that no program is fast because it failed.
inline void check_answer(unsigned status, std::string_view body)
{
    if (status != 200 && status != 201)
        throw std::runtime_error("unexpected status " + std::to_string(status));
    const boost::json::value room = boost::json::parse(body);
    if (!room.as_object().contains("name")) throw std::runtime_error("the answer is no room");
}

} // namespace bench
