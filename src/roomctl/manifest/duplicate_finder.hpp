// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"
#include "file.hpp"
#include "room_key.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace roomctl {

// Finds the rooms that appear more than once among any number of them, in memory that does not grow with
// their number: sorted runs go to a temporary file and are merged at the end.
class duplicate_finder
{
public:
    struct sighting
    {
        room_key key;
        position at;
        std::uint64_t index = 0; // of the entry
        bool valid = false;      // the entry, by itself

        bool operator<(const sighting& other) const noexcept
        {
            return key != other.key ? key < other.key : index < other.index;
        }
    };

    // A run of this many is sorted in memory.
    explicit duplicate_finder(std::size_t run_size = 32 * 1024) : run_size_(run_size) {}

    void add(const sighting&);

    // Calls found(later one, first one) for every sighting of a room but its first one. To be called once.
    void finish(const std::function<void(const sighting&, const sighting&)>& found);

private:
    void store_run();

    std::size_t run_size_;
    std::vector<sighting> run_;
    std::vector<std::uint64_t> stored_; // sizes of the runs in the file
    std::optional<file> spill_;
};

} // namespace roomctl
