// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_output.hpp"
#include "bulk_session.hpp"
#include "kept_file.hpp"
#include "plan_rules.hpp"
#include "recreation.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace roomctl {

// The rooms that a run of apply deletes and creates again: asks before they are deleted, keeps them in a
// file, completes the units that a stopped run has begun, and tells what became of each room.
class kept_recreation
{
public:
    // Receives results that were held back, and those of complete().
    using result_sink = std::function<void(const rooms::bulk_result&, std::uint64_t line)>;

    // Throws std::runtime_error; see class kept_file.
    kept_recreation(std::string path, kept_service service, std::vector<std::string> spared);

    const kept_rooms& kept() const noexcept { return file_.rooms(); }
    const std::string& path() const noexcept { return file_.path(); }

    // Remembers the first rooms of the plan that will be deleted, for the question.
    void add_planned(const planned_room&);

    // Asks on the terminal.
    // @param rooms how many will be deleted.
    bool confirm(std::uint64_t rooms) const;

    // Returns when what is kept is on the disk: before the first delete is sent.
    void begin(const plan_decisions&);

    // Follows a result.
    // @returns whether the result is held back.
    bool take(const rooms::bulk_result& r, std::uint64_t line) { return units_.take(r, line); }

    room_fate fate_of(const std::string& room_id) const { return units_.fate_of(room_id); }

    // Creates the rooms that a stopped run has deleted, unless that cannot succeed, and hands out every
    // result that was held back.
    // @param end of the run; takes an exception of the sink.
    // @returns how many operations were carried out.
    std::uint64_t complete(bulk_session&, bulk_end& end, const result_sink&, std::function<void()> tick);

    // Removes the rooms from the file that are not needed any more.
    void finish();

    // After finish():
    const std::vector<std::string>& deleted() const noexcept { return deleted_; }
    const std::vector<std::string>& unclear() const noexcept { return unclear_; }

private:
    static constexpr std::size_t names_asked = 5;

    void follow(plan_steps, const desired_room&);

    kept_file file_;
    recreation units_;
    std::vector<std::string> planned_; // the first ones
    std::vector<std::string> deleted_;
    std::vector<std::string> unclear_;
};

} // namespace roomctl
