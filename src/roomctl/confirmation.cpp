// SPDX-License-Identifier: BSL-1.0
#include "confirmation.hpp"

#include "interrupts.hpp"
#include "output.hpp"

#include <cstdio>

#include <poll.h>
#include <unistd.h>

namespace roomctl {

bool can_ask() noexcept { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool ask(const std::string& question)
{
    flush_output();
    const std::string text = question + " [y/N] ";
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::string reply;
    while (interrupts::count() == 0) {
        pollfd p{STDIN_FILENO, POLLIN, 0};
        if (::poll(&p, 1, 100) <= 0) continue; // an interruption may come just before the wait
        char c = 0;
        if (::read(STDIN_FILENO, &c, 1) != 1) return false;
        if (c == '\n') return reply == "y" || reply == "Y" || reply == "yes";
        if (reply.size() < 16) reply += c;
    }
    return false;
}

} // namespace roomctl
