// SPDX-License-Identifier: BSL-1.0
#include "interrupts.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>

namespace roomctl {

namespace {

constexpr int last = 3;

std::atomic<int> counted{0};
static_assert(std::atomic<int>::is_always_lock_free); // a signal handler may use nothing else

extern "C" void on_interrupt(int which)
{
    const int before = errno;
    if (++counted >= last) {
        std::signal(which, SIG_DFL);
        std::raise(which); // when the handler has returned
    }
    errno = before;
}

} // namespace

bool is_ignored(int signal) noexcept
{
    struct sigaction now = {};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

interrupts::interrupts() noexcept
{
    for (const int which : {SIGINT, SIGTERM, SIGHUP}) {
        if (is_ignored(which)) continue;
        struct sigaction ours = {};
        ours.sa_handler = on_interrupt;
        ours.sa_flags = SA_RESTART; // nothing is lost of what is being read or written
        sigemptyset(&ours.sa_mask);
        ::sigaction(which, &ours, nullptr);
    }
}

int interrupts::count() noexcept { return counted.load(); }

} // namespace roomctl
