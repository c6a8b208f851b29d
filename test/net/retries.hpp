// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the tests of retries share: policies that lose no time, and calls that are watched while they run.

#include "faults.hpp"
#include "modes.hpp"

#include <chrono>
#include <memory>
#include <utility>

namespace net {

inline void quick_retries(rooms::config& c)
{
    c.retry = rooms::retry_policy();
    c.retry.backoff_base = 1ms;
    c.retry.backoff_cap = 2ms;
    c.retry.settle_delay = 1ms;
    c.attempt_timeout = 10s;
}

// For faults that nothing but the attempt's own clock ends.
inline void quick_retries_of_short_attempts(rooms::config& c)
{
    quick_retries(c);
    c.attempt_timeout = 150ms;
    c.tls_timeout = 150ms;
}

// Waits are to be seen, not sat out: they are cut by what the test does next.
inline constexpr const char* long_wait = "25";

class stop_watch
{
public:
    auto elapsed() const { return std::chrono::steady_clock::now() - began_; }

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

template <class Op>
void start(rooms::client& c, outcome& o, rooms::call_options options = {})
{
    options.diagnostics(o.diagnostics);
    Op::start(c, options, o.handler());
}

inline void run_all(asio::io_context& io)
{
    if (io.stopped()) io.restart();
    io.run();
}

inline std::uint64_t requests(const rig& r, sandbox::operation o) { return r.server.counters().requests(o); }

} // namespace net
