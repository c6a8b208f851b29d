// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace roomctl {

// The whole program; the exit code is one of exit_code.hpp.
int run(int argc, const char* const* argv) noexcept;

} // namespace roomctl
