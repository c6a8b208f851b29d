// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>

#include <sys/resource.h>

namespace roomctl {

// Lets the process open so many files and connections, beside the few that it needs itself, as far as it may.
inline void allow_descriptors(std::size_t count)
{
    rlimit limit{};
    const rlim_t needed = count + 64;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
    limit.rlim_cur = std::min(limit.rlim_max, needed);
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace roomctl
