// SPDX-License-Identifier: BSL-1.0
#pragma once

/// What every benchmark program shares: command line, workload, meter and the line it prints.
///
/// Exactly one translation unit of a program includes this header: it replaces the C library's allocation
/// functions.

#include <sys/resource.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION (void)0
#define CALLGRIND_STOP_INSTRUMENTATION (void)0
#endif

namespace bench {

inline constexpr std::string_view api_key = "sandbox";
inline constexpr std::string_view bearer_token = "sandbox";
inline constexpr std::string_view room_name = "Final of the benchmark cup";
inline constexpr std::string_view room_about =
    "Kick-off at 20:00. Everybody who measures is welcome, whoever guesses "
    "may watch from the stands until the whistle.";
inline constexpr std::size_t warm_up_per_connection = 20;

enum class workload
{
    get_room,    // W1: GET /external/room/room-N
    create_room, // W2: POST /external/room
};

struct options
{
    std::string host;
    std::string port;
    std::string ca_file;
    std::size_t requests = 20000;
    std::size_t connections = 1;
    bench::workload workload = workload::get_room;
    bool strand = false; // rooms_bench and rooms_bulk_bench: with the default, an internal strand

    std::string url() const { return "https://" + authority(); }
    std::string authority() const { return port == "443" ? host : host + ":" + port; }
};

namespace detail {

inline std::size_t parse_count(std::string_view name, std::string_view text)
{
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value == 0)
        throw std::invalid_argument(std::string(name) + " wants a positive number, not '" +
                                    std::string(text) + "'");
    return value;
}

inline void parse_url(options& result, std::string_view url)
{
    constexpr std::string_view scheme = "https://";
    if (!url.starts_with(scheme)) throw std::invalid_argument("--url wants https://HOST:PORT");
    url.remove_prefix(scheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    const auto colon = url.rfind(':');
    result.host = url.substr(0, colon);
    result.port = colon == url.npos ? "443" : url.substr(colon + 1);
    if (result.host.empty() || result.port.empty())
        throw std::invalid_argument("--url wants https://HOST:PORT");
}

inline workload parse_workload(std::string_view text)
{
    if (text == "W1") return workload::get_room;
    if (text == "W2") return workload::create_room;
    throw std::invalid_argument("--workload wants W1 or W2");
}

inline std::atomic<std::uint64_t> allocations{0};

// A plain add instead of a locked one: a lock would charge each program for its allocations twice. Programs
// measure on one thread; an increment lost to a helper thread changes nothing.
inline void count_allocation() noexcept
{
    allocations.store(allocations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

inline double cpu_seconds()
{
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) != 0) throw std::runtime_error("getrusage failed");
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace detail

inline options parse_options(int argc, char** argv)
{
    options result;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (i + 1 == argc) throw std::invalid_argument(std::string(name) + " wants a value");
        const std::string_view value = argv[i + 1];
        if (name == "--url")
            detail::parse_url(result, value);
        else if (name == "--ca")
            result.ca_file = value;
        else if (name == "-n")
            result.requests = detail::parse_count(name, value);
        else if (name == "-c")
            result.connections = detail::parse_count(name, value);
        else if (name == "--workload")
            result.workload = detail::parse_workload(value);
        else if (name == "--threading" && (value == "single" || value == "strand"))
            result.strand = value == "strand";
        else
            throw std::invalid_argument("unknown option " + std::string(name));
    }
    if (result.host.empty() || result.ca_file.empty())
        throw std::invalid_argument("--url and --ca are required");
    return result;
}

/// Hands out request numbers until all are taken, so that a slow connection does not hold up the end.
class request_numbers
{
public:
    explicit request_numbers(std::size_t count) : count_(count) {}

    std::optional<std::size_t> next()
    {
        if (next_ == count_) return std::nullopt;
        return next_++;
    }

private:
    std::size_t count_;
    std::size_t next_ = 0;
};

inline std::string room_id(std::size_t number) { return "room-" + std::to_string(number); }

/// Measures what happens between start() and stop(); under callgrind, only that part is counted
/// (--instr-atstart=no).
class meter
{
public:
    void start()
    {
        cpu_ = detail::cpu_seconds();
        allocations_ = detail::allocations.load(std::memory_order_relaxed);
        wall_ = clock::now();
        CALLGRIND_START_INSTRUMENTATION;
    }

    void stop()
    {
        CALLGRIND_STOP_INSTRUMENTATION;
        wall_seconds_ = std::chrono::duration<double>(clock::now() - wall_).count();
        allocations_ = detail::allocations.load(std::memory_order_relaxed) - allocations_;
        cpu_ = detail::cpu_seconds() - cpu_;
    }

    void print(std::size_t requests) const
    {
        std::printf("{\"requests\":%zu,\"wall_s\":%.6f,\"cpu_s\":%.6f,\"allocs\":%llu}\n", requests,
                    wall_seconds_, cpu_, static_cast<unsigned long long>(allocations_));
    }

private:
    using clock = std::chrono::steady_clock;

    double cpu_ = 0;
    double wall_seconds_ = 0;
    std::uint64_t allocations_ = 0;
    clock::time_point wall_;
};

/// Runs a program's body with its parsed options: exit code 2 for usage, 1 for any failure.
template <class Body>
int run_program(int argc, char** argv, Body body)
{
    options parsed;
    try {
        parsed = parse_options(argc, argv);
    } catch (const std::exception& e) {
        std::cerr << argv[0] << ": " << e.what() << "\nusage: " << argv[0]
                  << " --url https://HOST:PORT --ca FILE [-n REQUESTS] [-c CONNECTIONS] [--workload W1|W2]\n";
        return 2;
    }
    try {
        body(parsed);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << argv[0] << ": " << e.what() << '\n';
        return 1;
    }
}

} // namespace bench

// The C library's own functions are replaced rather than operator new: operator new comes down to them, and
// so do the allocations inside OpenSSL and libcurl, which operator new would not see.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept
{
    bench::detail::count_allocation();
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept
{
    bench::detail::count_allocation();
    return __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) noexcept
{
    bench::detail::count_allocation();
    return __libc_realloc(block, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    bench::detail::count_allocation();
    return __libc_memalign(alignment, size);
}
}
