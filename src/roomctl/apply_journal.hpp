// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/journal.hpp>

#include <cstdint>
#include <string>

namespace roomctl {

// Where the service is, in one spelling.
std::string origin_of(const watchers::rooms::config&);

// The journal of this manifest at this service: what is done there is not done elsewhere. Throws
// rooms::error.
// @param operations that the manifest stands for.
watchers::rooms::journal open_apply_journal(const std::string& path, const manifest&,
                                            std::uint64_t operations, const watchers::rooms::config&);

} // namespace roomctl
