// SPDX-License-Identifier: BSL-1.0
#include "crash_note.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHERS_ROOMS_SIM_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                                   \
    __has_feature(undefined_behavior_sanitizer)
#define WATCHERS_ROOMS_SIM_SANITIZED
#endif
#endif
#ifdef WATCHERS_ROOMS_SIM_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

namespace watchers::rooms::sim {

namespace {

std::atomic<std::uint64_t> seed = 0;

void tell() noexcept
{
    std::fprintf(stderr, "seed %llu: crashed\n", static_cast<unsigned long long>(seed.load()));
}

} // namespace

void now_running(std::uint64_t s) noexcept { seed = s; }

void tell_seed_of_crash()
{
#ifdef WATCHERS_ROOMS_SIM_SANITIZED
    __sanitizer_set_death_callback(tell);
#else
    // Not what a signal handler may do by the letter; the program is lost anyway.
    const auto last_words = [](int) {
        tell();
        std::_Exit(3);
    };
    for (const int s : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS})
        std::signal(s, last_words);
#endif
}

} // namespace watchers::rooms::sim
