// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "invocation.hpp"

#include <string>
#include <variant>

namespace roomctl {

// Text asked for by --help or --version.
struct help_text
{
    std::string text;
};

// Reads the command line. Throws usage_error.
std::variant<invocation, help_text> parse_command_line(int argc, const char* const* argv);

// Whether --json is among the arguments, for errors in the other ones.
bool wants_json(int argc, const char* const* argv) noexcept;

} // namespace roomctl
