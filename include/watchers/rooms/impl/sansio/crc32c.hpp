// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace watchers::rooms::detail {

// Tables for eight bytes at a time ("slicing by 8"): [k] advances a byte over k further zero bytes.
using crc32c_tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr crc32c_tables make_crc32c_tables() noexcept
{
    constexpr std::uint32_t reversed_polynomial = 0x82F63B78;
    crc32c_tables t{};
    for (std::uint32_t i = 0; i != 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit != 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? reversed_polynomial : 0U);
        t[0][i] = crc;
    }
    for (std::size_t k = 1; k != t.size(); ++k)
        for (std::size_t i = 0; i != 256; ++i)
            t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xFFU];
    return t;
}

inline constexpr crc32c_tables crc32c_table = make_crc32c_tables();

// CRC-32C (Castagnoli; RFC 3720, B.4). `before` is the checksum of what comes before these bytes, so that a
// text may be given in pieces.
constexpr std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept
{
    const crc32c_tables& t = crc32c_table;
    std::uint32_t crc = ~before;
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
    };
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        crc ^= byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
        crc = t[7][crc & 0xFFU] ^ t[6][(crc >> 8) & 0xFFU] ^ t[5][(crc >> 16) & 0xFFU] ^ t[4][crc >> 24] ^
              t[3][byte(4)] ^ t[2][byte(5)] ^ t[1][byte(6)] ^ t[0][byte(7)];
    }
    for (; !bytes.empty(); bytes.remove_prefix(1))
        crc = (crc >> 8) ^ t[0][(crc ^ byte(0)) & 0xFFU];
    return ~crc;
}

} // namespace watchers::rooms::detail
