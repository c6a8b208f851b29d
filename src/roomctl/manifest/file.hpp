// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace roomctl {

// How much of what can be read but once is copied, and thereby how much room on the disk is taken.
struct copy_bounds
{
    std::uint64_t size = std::uint64_t(8) << 30U;
    std::size_t line = std::size_t(16) << 20U; // the longest; a manifest's are far shorter
};

// An open file, closed at the end. All members throw std::system_error.
class file
{
public:
    explicit file(int descriptor) noexcept : descriptor_(descriptor) {}
    file(file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    file& operator=(file other) noexcept { return std::swap(descriptor_, other.descriptor_), *this; }
    ~file();

    // A file without a name, of this process alone, in $TMPDIR or /tmp.
    static file temporary();

    // `-` is standard input. What cannot be read twice (a pipe, a terminal) is copied to a temporary file:
    // with errc::file_too_large if there is more of it than the bounds allow.
    static file open_to_read_again(const std::string& path, const copy_bounds& = {});

    // Fewer bytes than asked for at the file's end only.
    std::size_t read_at(std::uint64_t offset, char* to, std::size_t size) const;
    void append(std::string_view bytes);

private:
    int descriptor_;
};

} // namespace roomctl
