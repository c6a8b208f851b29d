// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "text.hpp"

#include <string>
#include <string_view>

namespace roomctl {

// The program's arguments as a shell takes them.
// @param option to be added, with a blank before it: behind the others, but before `--`.
inline std::string command_line_of(int argc, const char* const* argv, std::string_view option = {})
{
    std::string line;
    bool options_end = false;
    for (int i = 0; i < argc; ++i) {
        if (!options_end && std::string_view(argv[i]) == "--") {
            options_end = true;
            line += option;
        }
        line += (i > 0 ? " " : "") + shell_quote(argv[i]);
    }
    if (!options_end) line += option;
    return line;
}

} // namespace roomctl
