// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "exit_code.hpp"

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/room.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace roomctl {

// A call as the user named it.
struct call_name
{
    std::string command; // create, get, voice, status, delete
    std::string room_id;
};

// The sandbox as its visitors need to know it.
struct sandbox_address
{
    std::string program;
    std::string base_url;
    std::string ca_file;
    std::string credentials_file; // empty: sandbox / sandbox
};

struct sandbox_visits
{
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::size_t rooms_left = 0;
};

struct demo_summary
{
    std::size_t rooms = 0;
    std::size_t concurrency = 0;
    std::size_t operations = 0;
    std::size_t failures = 0;
    std::size_t rooms_left = 0;
    bool interrupted = false;
    std::uint64_t connections = 0;
    std::uint64_t handshakes_full = 0;
    std::uint64_t handshakes_resumed = 0;
    std::chrono::nanoseconds median{};
    std::chrono::nanoseconds percentile_99{};
    std::chrono::nanoseconds elapsed{};
    std::vector<std::pair<std::string, std::size_t>> reasons; // of failures, and how often

    double operations_per_second() const noexcept
    {
        const std::chrono::duration<double> s = elapsed;
        return s.count() > 0 ? static_cast<double>(operations) / s.count() : 0;
    }
};

// How outcomes are told. Results go to standard output; where people read, errors go to standard error; for
// programs every outcome, errors included, is one JSON object per line on standard output.
class output
{
public:
    virtual ~output() = default;

    virtual void room(const call_name&, const rooms::room&, const rooms::diagnostics&) = 0;
    virtual void deleted(const call_name&, const rooms::diagnostics&) = 0;
    virtual void failed(const call_name&, const rooms::error_code&, const rooms::diagnostics&) = 0;

    // Errors go to standard error from here on, also where programs read: what is on standard output is
    // nothing but rooms.
    virtual void keep_errors_apart() {}

    // An error outside of any call: exit_code::usage or exit_code::failed.
    virtual void problem(exit_code, const std::string& message) = 0;

    virtual void sandbox_ready(const sandbox_address&) = 0;
    virtual void sandbox_ended(const sandbox_visits&) = 0;
    virtual void demo_done(const demo_summary&) = 0;
};

std::unique_ptr<output> make_human_output();
std::unique_ptr<output> make_json_output();

// Writes out what standard output still holds; false if some of it was lost.
bool flush_output();

} // namespace roomctl
