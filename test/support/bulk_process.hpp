// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_rig.hpp"
#include "room_service.hpp"

#include <watchers/rooms/journal.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace watchers::rooms::test {

// One source of chance.
class dice
{
public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}

    // 0 to n - 1.
    std::size_t roll(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
    bool one_in(std::size_t n) { return roll(n) == 0; }

private:
    std::mt19937_64 engine_;
};

// How a process with a bulk run ends, if the run does not end before.
enum class process_end : unsigned char
{
    none,
    crash,
    client_destroyed,
    cancelled_total,
    cancelled_terminal,
};

// One process that runs a list of operations against a service, by way of a network with faults.
class bulk_process
{
public:
    // @param fault_every one request in so many meets a fault; zero: none does.
    bulk_process(const config&, const std::vector<operation>&, room_service&, dice&, std::size_t fault_every);

    void begin(bulk_options);

    // One event: of the network, the clock or the journal. Returns whether the run goes on.
    bool step();

    // What the results tell must be so, and must add up.
    void end_by(process_end);
    void check_summary();

    bulk_rig b;
    std::vector<bulk_result> results;
    bool refuses = true; // one of the faults: for no reason, and for good

private:
    void serve(scripted_transport&);
    void check_result(const bulk_result&);
    void violate(std::string_view rule, const bulk_result&);

    const std::vector<operation>& operations_;
    room_service& service_;
    dice& dice_;
    std::size_t fault_every_;
    bulk_options options_;
    std::set<const scripted_transport*> stalled_;
    std::set<std::uint64_t> ended_;
    std::size_t idle_ = 0;
};

} // namespace watchers::rooms::test
