// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "kept_line.hpp"
#include "manifest/room_key.hpp"
#include "output_file.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

using kept_rooms = std::map<std::string, desired_room>; // by their ids

// The service whose kept rooms a run takes.
struct kept_service
{
    std::string text;         // as service_of() tells it
    bool any_project = false; // also those of its other projects: the user says that the key was changed
};

// The kept file of a run of apply and of its plan: beside the manifest, one for each shard, since shards run
// side by side.
// @param given by the user; takes precedence.
std::string kept_path(const std::optional<std::string>& given, const std::string& manifest, const shard&);

// Reads the rooms of a kept file for a plan: none if there is no file. Nothing is created, changed or locked.
// Refuses what kept_file refuses.
// @param service its text empty: any.
kept_rooms read_kept_rooms(const std::string& path, const kept_service& service);

// The rooms that are deleted and created again. Each is on the disk from before its delete until its create
// is done. The file is only appended to while it is in use, and removed when no room needs it any more.
//
// All members throw std::runtime_error, which names the path and the cause.
class kept_file
{
public:
    // Opens and reads the file if there is one; it is not created. A last line without its end was cut off by
    // a crash: no delete was sent for it.
    // A file of another service or project is refused.
    // @param spared files that the run reads or writes for another purpose: the kept file must not be one.
    kept_file(std::string path, kept_service service, std::vector<std::string> spared);
    kept_file(const kept_file&) = delete;
    kept_file& operator=(const kept_file&) = delete;

    static bool exists(const std::string& path) noexcept;

    const std::string& path() const noexcept { return path_; }
    const kept_rooms& rooms() const noexcept { return rooms_; }

    // Returns when the rooms are on the disk. Leaves the file as it was if that fails.
    void add(const std::vector<const desired_room*>&);

    // Notes that the room exists and is not needed in the file. Written by flush().
    void settle(const std::string& room_id);
    void flush();

    // Removes the file if no room needs it.
    void finish();

private:
    void open();
    void remove();

    std::string path_;
    kept_service service_;
    std::vector<std::string> spared_;
    std::optional<output_file> file_;
    kept_rooms rooms_;
    std::uint64_t end_ = 0;
    std::string settled_; // lines not yet written
};

} // namespace roomctl
