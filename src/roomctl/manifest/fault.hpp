// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

// Where something stands in a manifest. Columns count bytes; both begin at 1.
struct position
{
    std::uint64_t line = 1;
    std::uint64_t column = 1;

    auto operator<=>(const position&) const = default;
};

// What is wrong with a manifest, and where.
struct manifest_fault
{
    position at;
    std::string field; // as it is written there; empty if it is not about a field
    std::string rule;
    bool whole_file = false; // not of one entry that could be left out
};

// `line 7, column 12: roomId: must not be empty`, fit for a terminal and of a bounded length.
std::string to_text(const manifest_fault&);

// Counts all faults and keeps the first ones, whatever order they come in.
class fault_list
{
public:
    static constexpr std::size_t max_kept = 100;

    void add(manifest_fault);

    std::uint64_t count() const noexcept { return count_; }
    bool any_of_whole_file() const noexcept { return any_of_whole_file_; }
    const std::vector<manifest_fault>& first() const noexcept { return first_; } // in the manifest's order

    // One line for each that is kept, and one for how many more there are, each with its line end.
    std::string to_text() const;

private:
    std::vector<manifest_fault> first_;
    std::uint64_t count_ = 0;
    bool any_of_whole_file_ = false;
};

} // namespace roomctl
