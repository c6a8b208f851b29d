// SPDX-License-Identifier: BSL-1.0
#include "precautions.hpp"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace roomctl {

void take_precautions() noexcept
{
    for (int d = STDIN_FILENO; d <= STDERR_FILENO; ++d) {
        if (::fcntl(d, F_GETFD) >= 0) continue;
        // The lowest that is free, this one. The other way round: to read or write there is still an error.
        if (::open("/dev/null", d == STDIN_FILENO ? O_WRONLY : O_RDONLY) != d) std::_Exit(1);
    }

    // The second one also where the kernel hands dumps to a program, which does not heed the limit.
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

} // namespace roomctl
