// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/sip_hash.hpp>

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// A set of texts that only grows. It stores a keyed hash of 128 bits for each: 22 to 43 bytes, however long
// the text is.
class hash_marks
{
public:
    explicit hash_marks(const sip_key& k) noexcept : key_(k) {}

    bool contains(std::string_view text) const noexcept
    {
        return !slots_.empty() && slots_[place(slots_, digest(text))] != free;
    }

    // If it throws, it is as it was.
    void insert(std::string_view text)
    {
        if (4 * (size_ + 1) > 3 * slots_.size()) grow();
        const sip_digest d = digest(text);
        sip_digest& slot = slots_[place(slots_, d)];
        if (slot == free) ++size_;
        slot = d;
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    // The most slots that a search may pass.
    std::size_t longest_run() const noexcept
    {
        std::size_t longest = 0;
        std::size_t run = 0;
        for (const sip_digest& s : slots_) {
            run = s == free ? 0 : run + 1;
            longest = run > longest ? run : longest;
        }
        return longest;
    }

private:
    using slots = std::vector<sip_digest>; // a power of two of them

    static constexpr sip_digest free{};

    sip_digest digest(std::string_view text) const noexcept
    {
        sip_digest d = sip_hash::digest_of(key_, text);
        if (d == free) d.low = 1;
        return d;
    }

    // Where the text is, or would be.
    static std::size_t place(const slots& all, const sip_digest& d) noexcept
    {
        std::size_t i = static_cast<std::size_t>(d.low) & (all.size() - 1);
        while (all[i] != free && all[i] != d)
            i = (i + 1) & (all.size() - 1);
        return i;
    }

    void grow()
    {
        slots larger(slots_.empty() ? 16 : slots_.size() * 2);
        for (const sip_digest& d : slots_)
            if (d != free) larger[place(larger, d)] = d;
        slots_ = std::move(larger);
    }

    sip_key key_;
    slots slots_;
    std::size_t size_ = 0;
};

} // namespace watchers::rooms::detail
