// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest/entry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomctl {

// The beginning of every line of a kept file.
inline constexpr std::string_view kept_line_start = R"({"kept":)";

// A line of a kept file: a room that is kept, or the id of one that is not needed any more.
struct kept_line
{
    std::string room_id;
    std::optional<desired_room> room;
};

// With the line end. A checksum (SHA-256) at the end of the line covers the text before it.
// @param service the origin of its URL; not a secret.
std::string to_kept_line(const desired_room&, std::string_view service);
std::string to_settled_line(std::string_view room_id, std::string_view service);

// @param text without the line end.
// @param service empty: any.
// @returns nothing, and the reason in `fault`, for a line that is damaged or of another service.
std::optional<kept_line> read_kept_line(std::string_view text, std::string_view service, std::string& fault);

} // namespace roomctl
