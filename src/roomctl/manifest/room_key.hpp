// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../digest.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace roomctl {

// Half of the SHA-256 of a room's id: who has the same key has the same id.
struct room_key
{
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const room_key&) const = default;
};

class room_hash
{
public:
    room_key operator()(std::string_view room_id);

private:
    sha256 hash_;
};

// A part of all rooms: those whose key's `high` (the first eight bytes of the SHA-256 of the id, the most
// significant one first) leaves `index` when divided by `count`. The same on every machine and in every
// version.
struct shard
{
    std::uint32_t index = 0;
    std::uint32_t count = 1;

    bool holds(const room_key& k) const noexcept { return k.high % count == index; }
    bool operator==(const shard&) const = default;
};

// `I/N` with I from 0 to N - 1, as a Kubernetes Indexed Job counts in JOB_COMPLETION_INDEX; N at most
// 1,000,000.
std::optional<shard> parse_shard(std::string_view text) noexcept;

} // namespace roomctl
