// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

#include <stdlib.h>

namespace watchers::rooms::test {

// A folder for a test's files, in memory where the system has such a place: what is tested is not the disk.
class scratch_folder
{
public:
    scratch_folder()
    {
        const std::filesystem::path memory("/dev/shm");
        std::error_code ignored;
        const bool usable = std::filesystem::is_directory(memory, ignored);
        std::string name =
            ((usable ? memory : std::filesystem::temp_directory_path()) / "rooms_test_XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
        path_ = name;
    }
    ~scratch_folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    std::string file(std::size_t n) const { return (path_ / std::to_string(n)).string(); }

private:
    std::filesystem::path path_;
};

} // namespace watchers::rooms::test
