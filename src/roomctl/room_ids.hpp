// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "invocation.hpp"
#include "manifest.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

// Gives the ids of rooms one by one, in little memory.
class room_ids
{
public:
    virtual ~room_ids() = default;

    // Nothing at the end.
    virtual std::optional<std::string> next() = 0;

    // How many there are, if that is known.
    virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
};

// Those that `roomctl export` was given. Throws usage_error, manifest_error.
// @param m filled if they are those of a manifest; must outlive the ids. Not usable: there are none.
std::unique_ptr<room_ids> open_room_ids(const export_command&, std::optional<manifest>& m);

} // namespace roomctl
