// SPDX-License-Identifier: BSL-1.0
#include "output.hpp"

#include <cstdio>

namespace roomctl {

bool flush_output() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

} // namespace roomctl
