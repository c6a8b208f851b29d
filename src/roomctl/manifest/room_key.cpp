// SPDX-License-Identifier: BSL-1.0
#include "room_key.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace roomctl {

namespace {

std::uint64_t big_endian(const digest& d, std::size_t offset) noexcept
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
        value = value << 8U | d[offset + i];
    return value;
}

std::optional<std::uint32_t> parse_number(std::string_view text) noexcept
{
    if (text.size() > 1 && text.front() == '0') return std::nullopt; // octal, for some
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return value;
}

} // namespace

room_key room_hash::operator()(std::string_view room_id)
{
    hash_.update(room_id);
    const digest d = hash_.finish();
    return {big_endian(d, 0), big_endian(d, 8)};
}

std::optional<shard> parse_shard(std::string_view text) noexcept
{
    constexpr std::uint32_t max_count = 1'000'000;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto index = parse_number(text.substr(0, slash));
    const auto count = parse_number(text.substr(slash + 1));
    if (!index || !count || *count > max_count || *index >= *count) return std::nullopt;
    return shard{*index, *count};
}

} // namespace roomctl
