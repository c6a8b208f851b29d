// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/journal.hpp>

#include <cstdint>
#include <string>

namespace roomctl {

// The journal of this manifest in this project of this service: work done in one is not done in another.
// Throws rooms::error.
// @param operations their number in the manifest.
watchers::rooms::journal open_apply_journal(const std::string& path, const manifest&,
                                            std::uint64_t operations, const watchers::rooms::config&);

} // namespace roomctl
