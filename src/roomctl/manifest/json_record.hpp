// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "record.hpp"

#include <cstdint>
#include <string_view>

namespace roomctl {

// Reads one line of JSON Lines into a record that is clear.
void read_json_record(std::string_view text, std::uint64_t line, manifest_record& out);

} // namespace roomctl
