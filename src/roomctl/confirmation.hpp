// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace roomctl {

// Whether somebody can be asked: standard input and standard error are terminals.
bool can_ask() noexcept;

// Asks on standard error. Returns true for `y` and `yes` only; false as well for an interruption and the end
// of input.
bool ask(const std::string& question);

} // namespace roomctl
