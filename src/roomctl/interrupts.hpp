// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace roomctl {

// By the wish of whoever started the program: nohup, or a shell without job control.
bool is_ignored(int signal) noexcept;

// Counts SIGINT, SIGTERM and SIGHUP, those of them that are not ignored, from its construction on. The third
// one ends the program at once, wherever it is at work or waits.
class interrupts
{
public:
    interrupts() noexcept;
    interrupts(const interrupts&) = delete;
    interrupts& operator=(const interrupts&) = delete;

    // How often the program was interrupted; zero where nobody counts.
    static int count() noexcept;
};

} // namespace roomctl
