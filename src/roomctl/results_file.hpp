// SPDX-License-Identifier: BSL-1.0
#pragma once

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
    results_file(std::string path, const std::vector<std::string>& spared, bool go_on);
    results_file(const results_file&) = delete;
    results_file& operator=(const results_file&) = delete;
    ~results_file();

    void add(const watchers::rooms::bulk_result&, std::uint64_t line);

    // Writes out what is held back.
    void flush();

private:
    [[noreturn]] void fail(const char* what) const;
    [[noreturn]] void refuse(const char* why) const;
    void open();
    void take_over(bool go_on);
    void wait_until_writable() const;

    std::string path_;
    std::string buffer_;
    int descriptor_ = -1;
    bool pipe_ = false;
};

} // namespace roomctl
