// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/crc32c.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using watchers::rooms::detail::crc32c;

namespace {

class sample
{
public:
    std::string what;
    std::string text;
    std::uint32_t expected = 0;
};

std::string counting(int from, int step)
{
    std::string s;
    for (int i = 0; i != 32; ++i)
        s += static_cast<char>(from + i * step);
    return s;
}

// One bit at a time, from the definition.
std::uint32_t slow(std::string_view text)
{
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i != 8; ++i)
            crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0x82F63B78U : crc >> 1;
    }
    return ~crc;
}

} // namespace

static_assert(crc32c("123456789") == 0xE3069283);

TEST_CASE("crc32c known_vectors")
{
    const std::vector<sample> table{
        {"empty", "", 0},
        {"check value", "123456789", 0xE3069283},
        {"one byte", "a", 0xC1D04330},
        {"RFC 3720 B.4: zeros", std::string(32, '\0'), 0x8A9136AA},
        {"RFC 3720 B.4: ones", std::string(32, '\xFF'), 0x62A8AB43},
        {"RFC 3720 B.4: ascending", counting(0, 1), 0x46DD794E},
        {"RFC 3720 B.4: descending", counting(31, -1), 0x113FDB5C},
        {"RFC 3720 B.4: an iSCSI command",
         std::string("\x01\xC0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\x04\0\0\0\0\x14\0\0\0\x18\x28\0\0\0"
                     "\0\0\0\0\x02\0\0\0\0\0\0\0",
                     48),
         0xD9963A56},
    };
    for (const sample& s : table) {
        CAPTURE(s.what);
        CHECK(crc32c(s.text) == s.expected);
    }
}

TEST_CASE("crc32c every_length_and_split_agrees_with_the_definition")
{
    std::string text;
    for (unsigned i = 0; i != 40; ++i) {
        CAPTURE(i);
        REQUIRE(crc32c(text) == slow(text));
        for (std::size_t cut = 0; cut <= text.size(); ++cut)
            REQUIRE(crc32c(std::string_view(text).substr(cut), crc32c(text.substr(0, cut))) == slow(text));
        text += static_cast<char>(static_cast<unsigned char>(i * 37U + 200U));
    }
}
