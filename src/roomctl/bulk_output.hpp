// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_report.hpp"
#include "exit_code.hpp"
#include "manifest.hpp"
#include "plan_rules.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

// A room of a manifest, compared with the service's.
struct planned_room
{
    const std::string& room_id;
    std::uint64_t line;
    const room_plan& plan;
    rooms::error_code error; // why it could not be read
    const rooms::diagnostics& diagnostics;
};

struct plan_summary
{
    std::string command; // plan, apply
    std::string file;
    std::uint64_t rooms = 0;
    std::uint64_t create = 0;
    std::uint64_t deleted_earlier = 0; // of `create`: an earlier run deleted them
    std::uint64_t recreate = 0;
    std::uint64_t voice = 0;
    std::uint64_t status = 0; // of rooms that are there
    std::uint64_t cannot = 0;
    std::uint64_t unread = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t left_out = 0;                                 // invalid entries
    std::array<std::uint64_t, bulk_report::kinds> operations{}; // by kind
    rooms::error_code stopped_by;
    std::string stop_reason; // more of it; may be empty
    std::string kept;        // the file that an earlier run left behind, if rooms in it are still needed
    bool unproven = false;   // every room is missing, and no response had the form of the API's
    exit_code code = exit_code::done;

    std::uint64_t all_operations() const noexcept
    {
        std::uint64_t sum = 0;
        for (const std::uint64_t n : operations)
            sum += n;
        return sum;
    }
};

struct dry_run_summary
{
    std::string file;
    std::uint64_t entries = 0;
    std::uint64_t left_out = 0;
    std::array<std::uint64_t, bulk_report::kinds> operations{}; // by kind
    exit_code code = exit_code::done;
};

struct apply_summary
{
    apply_summary(const bulk_report& r, const latency_observer& l) noexcept : report(r), latencies(l) {}

    std::string file;
    const bulk_report& report;
    const latency_observer& latencies;
    std::uint64_t left_out = 0;    // invalid entries
    std::uint64_t cannot = 0;      // rooms
    std::uint64_t unread = 0;      // rooms
    std::uint64_t journal_cut = 0; // bytes at its end that were no whole records
    rooms::error_code stopped_by;
    std::string stop_reason; // more of it; may be empty
    std::chrono::nanoseconds elapsed{};
    std::uint64_t ended = 0; // operations that this run carried out, well or badly
    exit_code code = exit_code::done;
    std::vector<std::string> deleted; // rooms that were deleted and not created again
    std::vector<std::string> unclear; // rooms that were perhaps deleted and not created again
    std::string kept;                 // the file that holds them; empty if there is none
    std::string go_on;                // the command that does the rest; empty if nothing is left

    double operations_per_second() const noexcept
    {
        const std::chrono::duration<double> s = elapsed;
        return s.count() > 0 ? static_cast<double>(ended) / s.count() : 0;
    }
};

// How the commands for many rooms tell what became of them; see class output.
class bulk_output
{
public:
    virtual ~bulk_output() = default;

    // @param refused nothing is sent because of them.
    virtual void faults(std::string_view command, const std::string& file, const manifest&, bool refused) = 0;

    virtual void planned(const planned_room&) = 0;
    virtual void plan_done(const plan_summary&) = 0;
    virtual void dry_run_done(const dry_run_summary&) = 0;
    virtual void apply_done(const apply_summary&) = 0;
};

std::unique_ptr<bulk_output> make_human_bulk_output();
std::unique_ptr<bulk_output> make_json_bulk_output();

inline std::unique_ptr<bulk_output> make_bulk_output(bool json)
{
    return json ? make_json_bulk_output() : make_human_bulk_output();
}

// Where nothing but a mistake is a likely reason.
void warn_of_nothing(const std::string& file);

// Prints a warning on standard error, with --json too. The text must be printable.
void warn(const std::string& text);

inline constexpr std::array<rooms::operation_kind, bulk_report::kinds> all_kinds{
    rooms::operation_kind::create_room, rooms::operation_kind::get_room, rooms::operation_kind::set_voice,
    rooms::operation_kind::set_status, rooms::operation_kind::delete_room};

} // namespace roomctl
