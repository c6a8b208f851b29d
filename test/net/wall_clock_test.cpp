// SPDX-License-Identifier: BSL-1.0

// The wall clock jumps by years at each reading: no limit on time, no wait and no idle connection notices.

#include "retries.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>

namespace {

std::atomic<bool> wall_clock_jumps{false};
std::atomic<long> readings{0};

struct jumping_wall_clock
{
    jumping_wall_clock() { wall_clock_jumps = true; }
    ~jumping_wall_clock() { wall_clock_jumps = false; }
};

} // namespace

// This program's own takes precedence over the C library's, also where std::chrono calls it.
extern "C" int clock_gettime(clockid_t id, timespec* t) noexcept
{
    const auto result = static_cast<int>(::syscall(SYS_clock_gettime, id, t));
    if (id == CLOCK_REALTIME && wall_clock_jumps)
        t->tv_sec += (++readings % 2 == 0 ? 1 : -1) * 10L * 365 * 24 * 3600;
    return result;
}

using namespace net;
using rooms::errc;
using sandbox::fault;

TEST_CASE("fault_59 only_the_steady_clock_measures_time")
{
    // Setup
    rig r(sandbox::options(), quick_retries);
    r.server.put(sandbox::stored_room("r", "Room", "About"));
    const jumping_wall_clock jumping;
    const auto one = std::chrono::system_clock::now();
    const auto other = std::chrono::system_clock::now();
    REQUIRE(std::chrono::abs(other - one) > std::chrono::years(9)); // it does jump here

    // Run, Check: an idle connection is kept,
    CHECK_FALSE(r.call<get_room>().error);
    CHECK_FALSE(r.call<get_room>().error);
    CHECK(r.server.counters().connections_accepted == 1);

    // a retry waits as long as it is to,
    r.server.inject(fault::respond(503, "{}").field("Retry-After", "1"));
    const stop_watch waited;
    CHECK_FALSE(r.call<get_room>().error);
    CHECK(waited.elapsed() >= 1s);
    CHECK(waited.elapsed() < 10s);

    // and a call ends when its timeout has passed.
    r.server.inject(fault::stall());
    const stop_watch stalled;
    CHECK(r.call<get_room>(200ms).error == errc::deadline_exceeded);
    CHECK(stalled.elapsed() >= 200ms);
    CHECK(stalled.elapsed() < 10s);
}
