// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace roomctl {

// What --help tells below the lists of options and commands.
std::string general_help();

} // namespace roomctl
