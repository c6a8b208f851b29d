// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::test {

// Different room ids with the same std::hash, as anybody can make them for libstdc++ (MurmurHash64A with a
// known seed): a first block as it comes, and the second that leads to the same state, where that is text.
// Elsewhere just different ids.
inline std::vector<std::string> colliding_ids(std::size_t count)
{
    constexpr std::uint64_t factor = 0xC6A4A7935BD1E995U;
    const auto inverse = [] {
        std::uint64_t x = factor;
        for (int i = 0; i < 6; ++i)
            x *= 2 - factor * x;
        return x;
    }();
    const auto mix = [](std::uint64_t v) { return v ^ (v >> 47U); };
    const std::uint64_t begin = 0xC70F6907U ^ (16 * factor);
    constexpr std::uint64_t wanted = 0x0123456789ABCDEFU;
    const auto fits = [](char c) {
        return c >= '!' && c <= '~' && std::string_view("\"\\/.%?#&'<>").find(c) == std::string_view::npos;
    };

    std::vector<std::string> ids;
    for (std::uint64_t i = 0; ids.size() < count; ++i) {
        std::string id(16, 'a');
        for (std::uint64_t n = i, digit = 0; digit < 8; ++digit, n /= 26)
            id[digit] = static_cast<char>('a' + n % 26);
        std::uint64_t first = 0;
        std::memcpy(&first, id.data(), 8);
        const std::uint64_t state = (begin ^ (mix(first * factor) * factor)) * factor;
        const std::uint64_t second = mix((wanted ^ state) * inverse) * inverse;
        std::memcpy(id.data() + 8, &second, 8);
        if (std::all_of(id.begin() + 8, id.end(), fits)) ids.push_back(std::move(id));
    }
    return ids;
}

} // namespace watchers::rooms::test
