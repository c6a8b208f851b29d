// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"
#include "member.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomctl {

enum class value_kind : unsigned char
{
    absent,
    empty,   // a field of CSV with nothing in it
    bare,    // another field of CSV: its text may stand for anything
    text,    // JSON's text
    boolean, // JSON's true or false
    other,   // any other value of JSON's
};

struct record_value
{
    value_kind kind = value_kind::absent;
    bool on = false; // of a boolean
    std::string text;
    position at;
};

// A line of JSON Lines or a row of CSV: what its members hold, and what is wrong with its form.
struct manifest_record
{
    position at;
    std::array<record_value, member_names.size()> values;
    std::vector<manifest_fault> faults;
    bool readable = false; // the members could be told apart

    // Of a record that is all faults the first ones tell enough, in memory that is bounded.
    static constexpr std::size_t max_faults = 100;

    void blame(manifest_fault f)
    {
        if (faults.size() < max_faults) faults.push_back(std::move(f));
    }

    record_value& operator[](member m) noexcept { return values[static_cast<std::size_t>(m)]; }
    const record_value& operator[](member m) const noexcept { return values[static_cast<std::size_t>(m)]; }

    // Texts keep their memory for the next record.
    void clear() noexcept
    {
        at = {};
        for (record_value& v : values) {
            v.kind = value_kind::absent;
            v.text.clear();
        }
        faults.clear();
        readable = false;
    }
};

// A longer line or row is a fault: it is held in memory.
inline constexpr std::size_t max_record_size = 1024 * 1024;

// Reads records one by one.
class record_reader
{
public:
    record_reader() = default;
    record_reader(const record_reader&) = delete;
    record_reader& operator=(const record_reader&) = delete;
    virtual ~record_reader() = default;

    // What comes before the records; to be called first. Faults are those of the whole file, and make an end
    // of it if `readable` is not set.
    virtual void begin(manifest_record& header) = 0;

    // False at the end.
    virtual bool next(manifest_record&) = 0;
};

} // namespace roomctl
