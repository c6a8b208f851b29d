// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "output_file.hpp"

#include <watchers/rooms/bulk.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

// --results: one line of JSON for each operation, in the order in which they end. The results of another run
// are replaced or continued; nothing else that may be there is.
class results_file
{
public:
    // Throws std::runtime_error, as all members do.
    // @param spared files that are read or written as well, and must not be replaced; `-` is standard input.
    // @param go_on after what an earlier run of the same operations has told.
    results_file(const std::string& path, const std::vector<std::string>& spared, bool go_on);
    results_file(const results_file&) = delete;
    results_file& operator=(const results_file&) = delete;

    // @param room_deleted the room was deleted by its recreation, and is not created by this operation.
    void add(const watchers::rooms::bulk_result&, std::uint64_t line, bool room_deleted = false);

    // Writes out what is held back.
    void flush();

private:
    std::uint64_t whole_lines() const;
    void wait_until_writable() const;

    output_file file_;
    std::string buffer_;
};

} // namespace roomctl
