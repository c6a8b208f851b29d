// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace watchers::rooms::detail {

// The key of a sip_hash: random, and unknown to those who can choose the texts.
class sip_key
{
public:
    constexpr sip_key(std::uint64_t first, std::uint64_t second) noexcept : k0(first), k1(second) {}

    std::uint64_t k0;
    std::uint64_t k1;
};

// 128 bits that identify a text.
class sip_digest
{
public:
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend auto operator<=>(const sip_digest&, const sip_digest&) noexcept = default;
};

// SipHash-2-4 (Aumasson and Bernstein): without the key nobody can find texts that have the same hash or the
// same place in a table.
class sip_hash
{
public:
    // 64 bits: enough for a place in a table, not for a text's identity.
    static std::uint64_t of(const sip_key& key, std::string_view text) noexcept
    {
        sip_hash h(key, 0);
        h.take(text);
        h.finish(0xFF);
        return h.value();
    }

    // 128 bits. The probability that two of 10^7 texts have the same digest is below 10^-24.
    static sip_digest digest_of(const sip_key& key, std::string_view text) noexcept
    {
        sip_hash h(key, 0xEE);
        h.take(text);
        h.finish(0xEE);
        sip_digest d;
        d.low = h.value();
        h.v_[1] ^= 0xDD;
        for (int i = 0; i < 4; ++i)
            h.round();
        d.high = h.value();
        return d;
    }

private:
    sip_hash(const sip_key& key, std::uint64_t wide) noexcept
        : v_{0x736F6D6570736575U ^ key.k0, 0x646F72616E646F6DU ^ key.k1 ^ wide, 0x6C7967656E657261U ^ key.k0,
             0x7465646279746573U ^ key.k1}
    {}

    void round() noexcept
    {
        v_[0] += v_[1];
        v_[1] = std::rotl(v_[1], 13) ^ v_[0];
        v_[0] = std::rotl(v_[0], 32);
        v_[2] += v_[3];
        v_[3] = std::rotl(v_[3], 16) ^ v_[2];
        v_[0] += v_[3];
        v_[3] = std::rotl(v_[3], 21) ^ v_[0];
        v_[2] += v_[1];
        v_[1] = std::rotl(v_[1], 17) ^ v_[2];
        v_[2] = std::rotl(v_[2], 32);
    }

    void take_word(std::uint64_t m) noexcept
    {
        v_[3] ^= m;
        round();
        round();
        v_[0] ^= m;
    }

    void take(std::string_view text) noexcept
    {
        std::size_t i = 0;
        for (; i + 8 <= text.size(); i += 8)
            take_word(little_endian(text.substr(i, 8)));
        take_word(little_endian(text.substr(i)) | static_cast<std::uint64_t>(text.size()) << 56U);
    }

    void finish(std::uint64_t mark) noexcept
    {
        v_[2] ^= mark;
        for (int i = 0; i < 4; ++i)
            round();
    }

    std::uint64_t value() const noexcept { return v_[0] ^ v_[1] ^ v_[2] ^ v_[3]; }

    static std::uint64_t little_endian(std::string_view bytes) noexcept
    {
        std::uint64_t m = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            m |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
        return m;
    }

    std::array<std::uint64_t, 4> v_;
};

} // namespace watchers::rooms::detail
