// SPDX-License-Identifier: BSL-1.0

// A bulk run's memory does not grow with the number of its operations.

#include "support/allocation_gate.hpp"
#include "support/bulk_rig.hpp"
#include "support/retrying.hpp"
#include "support/scratch_folder.hpp"

#include <watchers/rooms/journal.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

using namespace watchers::rooms;
using namespace watchers::rooms::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHERS_ROOMS_TEST_OTHER_ALLOCATOR
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WATCHERS_ROOMS_TEST_OTHER_ALLOCATOR
#endif
#endif

// Sanitizers' own allocators tell no figure, and take their time.
#if defined(__GLIBC__) && !defined(WATCHERS_ROOMS_TEST_OTHER_ALLOCATOR)
constexpr std::uint64_t scale = 1;
std::size_t bytes_in_use()
{
    const auto m = ::mallinfo2();
    return m.uordblks + m.hblkhd;
}
#else
constexpr std::uint64_t scale = 100;
std::size_t bytes_in_use() { return 0; }
#endif

// Memory in use when so many results had been delivered.
class samples
{
public:
    void take(std::uint64_t results, std::uint64_t early, std::uint64_t late)
    {
        if (results == early) first = bytes_in_use();
        if (results == late) last = bytes_in_use();
    }
    std::size_t growth() const { return last > first ? last - first : 0; }

    std::size_t first = 0;
    std::size_t last = 0;
};

// Operations that the client refuses by itself: no network slows them down.
auto refused_operations(std::uint64_t count)
{
    return [i = std::uint64_t(0), count]() mutable -> std::optional<operation> {
        if (i == count) return std::nullopt;
        return operation::get("\xff" + std::to_string(i++ % 100'000));
    };
}

} // namespace

TEST_CASE("bulk_memory ten_million_operations_take_no_more_than_a_hundred_thousand")
{
    const std::uint64_t count = 10'000'000 / scale;
    bulk_rig b(with_connections(16));
    bulk_options o;
    o.max_in_flight = 64;
    o.skip_after_failure = false; // it remembers rooms
    std::uint64_t results = 0;
    samples memory;

    b.start(
        refused_operations(count),
        [&](const bulk_result& r) {
            if (r.error == errc::invalid_argument) memory.take(++results, count / 100, count);
        },
        o);
    b.r.sim.poll();

    CHECK(b.ended == 1);
    CHECK(results == count);
    CHECK(b.summary.failed == count);
    CHECK(memory.growth() < 4096);
}

TEST_CASE("bulk_memory a_journal_takes_half_a_byte_an_operation")
{
    constexpr std::uint64_t count = 1'000'000 / scale;
    scratch_folder files;
    journal j(files.file(0), journal::digest());
    bulk_rig b(with_connections(16));
    bulk_options o;
    o.max_in_flight = 1000;
    o.window = 16;
    o.journal = &j;
    std::uint64_t results = 0;
    samples memory;
    auto source = [i = std::uint64_t(0)]() mutable -> std::optional<operation> {
        if (i++ == count) return std::nullopt;
        return operation::get(i % 2 == 0 ? "\xff" : "\xfe"); // most are skipped: no memory for rooms either
    };

    b.start(source, [&](const bulk_result&) { memory.take(++results, count / 10, count); }, o);
    while (b.ended == 0)
        b.r.sim.enter([&b] {
            b.r.sim.io().restart();
            b.r.sim.io().run_one();
        });

    CHECK(results == count);
    CHECK(memory.growth() < count + 256 * 1024); // it may have room for as many again, and its buffers
}

TEST_CASE("bulk_memory requests_leave_nothing_behind")
{
    const std::uint64_t count = 200'000 / scale;
    bulk_rig b(retrying(8));
    bulk_options o;
    o.max_in_flight = 32;
    std::uint64_t results = 0;
    std::uint64_t i = 0;
    samples memory;
    auto source = [&]() -> std::optional<operation> {
        if (i++ == count) return std::nullopt;
        return operation::set_voice("room-" + std::to_string(i), true);
    };

    b.start(
        source,
        [&](const bulk_result& r) {
            if (!r.error) memory.take(++results, count / 10, count - 100);
        },
        o);
    b.settle();
    for (std::uint64_t n = 0; b.ended == 0; ++n) {
        bool any = false;
        for (std::size_t t = 0; t < b.r.sim.transports(); ++t) {
            scripted_transport& one = b.r.transport(t);
            if (one.is_closed() || one.answered == one.requests().size()) continue;
            any = true;
            one.forget_requests();
            one.answer(n % 10'000 == 9'999 ? unavailable() : ok()); // some are tried again
        }
        b.r.sim.poll();
        if (!any) b.settle();
        REQUIRE(n < 10 * count);
    }

    CHECK(b.summary.all_succeeded());
    CHECK(results == count);
    CHECK(memory.growth() < 64 * 1024);
}
