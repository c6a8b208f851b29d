// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace roomctl {

// A folder of this user alone below $TMPDIR or /tmp, for one file. It is locked while it is in use, and
// removed at the end. A run that was killed leaves its folder behind: the next one removes it.
class temporary_folder
{
public:
    static constexpr std::string_view content = "ca.pem"; // the name of the file

    temporary_folder(); // throws std::runtime_error
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder();

    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    int lock_ = -1;
};

} // namespace roomctl
