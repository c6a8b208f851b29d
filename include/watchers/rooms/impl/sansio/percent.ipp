// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/percent.hpp>

#include <array>
#include <cstddef>

namespace watchers::rooms::detail {

class unreserved_table
{
public:
    constexpr unreserved_table() noexcept
    {
        for (const char c :
             std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"))
            table_[static_cast<unsigned char>(c)] = true;
    }
    constexpr bool has(char c) const noexcept { return table_[static_cast<unsigned char>(c)]; }

private:
    std::array<bool, 256> table_{};
};

inline constexpr unreserved_table unreserved;

WATCHERS_ROOMS_DECL void append_percent_encoded(std::string& out, std::string_view bytes)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    std::size_t run = 0; // start of what can be appended as it is
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (unreserved.has(bytes[i])) continue;
        const auto byte = static_cast<unsigned char>(bytes[i]);
        const char encoded[] = {'%', digits[byte >> 4], digits[byte & 0xFU]};
        out.append(bytes, run, i - run).append(encoded, sizeof encoded);
        run = i + 1;
    }
    out.append(bytes, run);
}

} // namespace watchers::rooms::detail
