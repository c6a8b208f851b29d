// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// A set of hashes that only grows: 11 to 22 bytes for each.
class hash_marks
{
public:
    bool contains(std::uint64_t hash) const noexcept
    {
        return !slots_.empty() && slots_[place(slots_, used(hash))] != 0;
    }

    // If it throws, it is as it was.
    void insert(std::uint64_t hash)
    {
        hash = used(hash);
        if (4 * (size_ + 1) > 3 * slots_.size()) grow();
        std::uint64_t& slot = slots_[place(slots_, hash)];
        if (slot == 0) ++size_;
        slot = hash;
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

private:
    using slots = std::vector<std::uint64_t>; // a power of two of them, zero where free

    static std::uint64_t used(std::uint64_t hash) noexcept { return hash == 0 ? 1 : hash; }

    // Where the hash is, or would be.
    static std::size_t place(const slots& all, std::uint64_t hash) noexcept
    {
        std::size_t i = static_cast<std::size_t>(hash) & (all.size() - 1);
        while (all[i] != 0 && all[i] != hash)
            i = (i + 1) & (all.size() - 1);
        return i;
    }

    void grow()
    {
        slots larger(slots_.empty() ? 16 : slots_.size() * 2);
        for (const std::uint64_t hash : slots_)
            if (hash != 0) larger[place(larger, hash)] = hash;
        slots_ = std::move(larger);
    }

    slots slots_;
    std::size_t size_ = 0;
};

} // namespace watchers::rooms::detail
