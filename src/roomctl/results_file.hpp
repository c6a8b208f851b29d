// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "kept_rules.hpp"
#include "output_file.hpp"

#include <watchers/rooms/bulk.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

// --results: one line of JSON for each operation, in the order in which they end. The results of another run
// are replaced or continued, but not before the run begins to carry out operations: they may be the only
// record of rooms that were deleted and not created again. A file that holds anything else is refused.
class results_file
{
public:
    // Opens and locks the file, gives it mode 0600, and changes nothing else. Throws std::runtime_error, as
    // all members do.
    // @param spared files that the run reads or writes for another purpose; `-` is standard input.
    // @param go_on whether to append to the results of an earlier run of the same operations.
    results_file(const std::string& path, const std::vector<std::string>& spared, bool go_on);
    results_file(const results_file&) = delete;
    results_file& operator=(const results_file&) = delete;

    // Makes room for the results of this run. To be called once, before add().
    void begin();

    // @param fate of the room, if this is the create of a room that is deleted and created again.
    void add(const watchers::rooms::bulk_result&, std::uint64_t line, room_fate fate = room_fate::untouched);

    // Writes the lines that are buffered.
    void flush();

private:
    std::uint64_t whole_lines() const;
    void wait_until_writable() const;

    output_file file_;
    bool go_on_;
    std::string buffer_;
};

// The results of a run: written if --results is given, until a write fails. The run then ends and reports the
// failure.
class results_output
{
public:
    // The parameters of class results_file. Throws std::runtime_error.
    void open(const std::string& path, const std::vector<std::string>& spared, bool go_on)
    {
        file_.emplace(path, spared, go_on);
    }

    void begin()
    {
        attempt([](results_file& f) { f.begin(); });
    }

    void add(const watchers::rooms::bulk_result& r, std::uint64_t line, room_fate fate)
    {
        attempt([&](results_file& f) { f.add(r, line, fate); });
    }

    void flush()
    {
        attempt([](results_file& f) { f.flush(); });
    }

    // The first failure; empty if there is none.
    const std::string& trouble() const noexcept { return trouble_; }

private:
    template <class Write>
    void attempt(Write write)
    {
        if (!file_) return;
        try {
            write(*file_);
        } catch (const std::exception& e) {
            trouble_ = e.what();
            file_.reset();
        }
    }

    std::optional<results_file> file_;
    std::string trouble_;
};

} // namespace roomctl
