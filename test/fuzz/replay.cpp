// SPDX-License-Identifier: BSL-1.0
// Runs files, or all files of folders, once: in place of libFuzzer, where the compiler has none.

#include "fuzz.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder)
{
    if (!std::filesystem::is_directory(folder)) return {folder};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

bool run(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad() || !in.is_open()) return false;
    // Of exactly that size: reading beyond its end is then seen by AddressSanitizer and valgrind.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    std::fprintf(stderr, "%s\n", file.string().c_str()); // the last one is the one that failed
    LLVMFuzzerTestOneInput(input.data(), input.size());
    return true;
}

} // namespace

int main(int count, char** arguments)
{
    std::size_t done = 0;
    for (int i = 1; i < count; ++i) {
        for (const auto& file : files_of(arguments[i])) {
            if (!run(file)) {
                std::fprintf(stderr, "cannot read %s\n", file.string().c_str());
                return 2;
            }
            ++done;
        }
    }
    std::printf("%zu inputs\n", done);
    return done > 0 ? 0 : 2; // an empty corpus would test nothing
}
