// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../../src/roomctl/manifest.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// The rule that a name breaks which no member has.
#define UNKNOWN_MEMBER                                                                                       \
    "is not known: there are op, roomId, name, about, isSpeak, status, startTime, endTime, pic, streamUrl, " \
    "sourceUrl, streamStartTime, streamEndTime"

// A file in a folder of its own, until the end.
class manifest_file
{
public:
    explicit manifest_file(std::string_view content, const std::string& name = "rooms.jsonl")
    {
        std::string folder = (std::filesystem::temp_directory_path() / "manifest-XXXXXX").string();
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        folder_ = folder;
        path_ = (folder_ / name).string();
        write(content);
    }
    manifest_file(const manifest_file&) = delete;
    manifest_file& operator=(const manifest_file&) = delete;
    ~manifest_file() { std::filesystem::remove_all(folder_); }

    void write(std::string_view content) const
    {
        std::ofstream(path_, std::ios::binary | std::ios::trunc)
            .write(content.data(), static_cast<std::streamsize>(content.size()));
    }
    const std::string& path() const noexcept { return path_; }

    roomctl::manifest read(const roomctl::manifest_options& o = {}) const { return {path_, o}; }

private:
    std::filesystem::path folder_;
    std::string path_;
};

inline std::vector<roomctl::manifest_entry> entries_of(const roomctl::manifest& m)
{
    std::vector<roomctl::manifest_entry> all;
    auto reader = m.read();
    while (auto e = reader.next())
        all.push_back(*std::move(e));
    return all;
}

inline const std::string& id_of(const roomctl::manifest_entry& e)
{
    if (const auto* const op = std::get_if<watchers::rooms::operation>(&e.content)) return op->room_id();
    return std::get<roomctl::desired_room>(e.content).room.id();
}

// The ids, in order, each with a blank after it.
inline std::string ids_of(const roomctl::manifest& m)
{
    std::string ids;
    for (const auto& e : entries_of(m))
        ids += id_of(e) + ' ';
    return ids;
}
