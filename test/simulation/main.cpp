// SPDX-License-Identifier: BSL-1.0
// rooms_simulation: runs seeds, and tells of those that break an invariant.
#include "crash_note.hpp"
#include "driver.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace watchers::rooms::sim;

outcome run(std::uint64_t seed, bool verbose)
{
    now_running(seed);
    return driver(seed, verbose).run();
}

void tell(std::uint64_t seed, const outcome& o, std::size_t most)
{
    std::printf("seed %llu: %zu violations\n", static_cast<unsigned long long>(seed), o.violations.size());
    for (std::size_t i = 0; i < o.violations.size() && i < most; ++i) {
        const violation& v = o.violations[i];
        const auto at = std::chrono::duration<double, std::milli>(v.when - world::begin).count();
        std::printf("  %s at %.3f ms: %s\n", v.name.c_str(), at, v.what.c_str());
    }
}

struct arguments
{
    std::uint64_t seeds = 1;
    std::uint64_t from = 1;
    std::uint64_t failures = 5; // failing seeds to tell of before giving up
    bool verbose = false;       // everything that happens
    bool twice = false;         // each seed twice, to compare
};

arguments read(int argc, const char* const* argv)
{
    arguments a;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--verbose") {
            a.verbose = true;
        } else if (name == "--twice") {
            a.twice = true;
        } else {
            std::uint64_t* const number = name == "--seeds"      ? &a.seeds
                                          : name == "--from"     ? &a.from
                                          : name == "--failures" ? &a.failures
                                                                 : nullptr;
            const std::string_view value = i + 1 < argc ? argv[++i] : "";
            const auto read = number == nullptr
                                  ? std::from_chars_result{value.data(), std::errc::invalid_argument}
                                  : std::from_chars(value.data(), value.data() + value.size(), *number);
            if (read.ec != std::errc() || read.ptr != value.data() + value.size())
                throw std::invalid_argument(
                    "usage: rooms_simulation [--seeds N] [--from K] [--failures N] [--verbose] [--twice]");
        }
    }
    return a;
}

int run_all(const arguments& a)
{
    std::uint64_t failed = 0;
    std::uint64_t violations = 0;
    std::uint64_t different = 0;
    std::uint64_t ran = 0;
    std::size_t calls = 0;
    std::size_t requests = 0;
    for (std::uint64_t seed = a.from; seed < a.from + a.seeds; ++seed) {
        const outcome o = run(seed, a.verbose);
        ++ran;
        calls += o.calls;
        requests += o.requests;
        violations += o.violations.size();
        if (!o.violations.empty()) {
            tell(seed, o, 5);
            if (++failed >= a.failures) break;
        }
        if (a.twice && run(seed, false).hash != o.hash) {
            ++different;
            std::printf("seed %llu: two runs differ\n", static_cast<unsigned long long>(seed));
        }
        if (a.verbose) std::printf("trace %016llx\n", static_cast<unsigned long long>(o.hash));
    }
    std::printf("%zu calls, %zu requests\n", calls, requests);
    std::printf("%llu seeds, %llu violations\n", static_cast<unsigned long long>(ran),
                static_cast<unsigned long long>(violations));
    return violations == 0 && different == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
try {
    tell_seed_of_crash();
    return run_all(read(argc, argv));
} catch (const std::exception& e) {
    std::fprintf(stderr, "rooms_simulation: %s\n", e.what());
    return 2;
}
