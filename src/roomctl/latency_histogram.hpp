// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace roomctl {

// Durations of any number of operations in a fixed amount of memory: 32 buckets for each power of two, so
// that a percentile is at most 3 % too great.
class latency_histogram
{
public:
    using nanoseconds = std::chrono::nanoseconds;

    void add(nanoseconds d) noexcept
    {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(d.count(), 0));
        ++buckets_[bucket_of(value)];
        ++count_;
        max_ = std::max(max_, value);
    }

    void add(const latency_histogram& other) noexcept
    {
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            buckets_[i] += other.buckets_[i];
        count_ += other.count_;
        max_ = std::max(max_, other.max_);
    }

    std::uint64_t count() const noexcept { return count_; }
    nanoseconds max() const noexcept { return nanoseconds(max_); }

    // By the nearest rank; zero if there is none.
    // @param p 0 to 100.
    nanoseconds percentile(double p) const noexcept
    {
        const double exact = p / 100 * static_cast<double>(count_);
        auto rank = static_cast<std::uint64_t>(exact);
        if (static_cast<double>(rank) < exact || rank == 0) ++rank;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen >= rank) return nanoseconds(std::min(end_of(i), max_));
        }
        return max();
    }

private:
    static constexpr unsigned fine_bits = 5;
    static constexpr std::uint64_t fine = 1U << fine_bits;
    static constexpr unsigned value_bits = 48; // three days; longer ones fall into the last bucket

    static constexpr std::size_t bucket_of(std::uint64_t value) noexcept
    {
        value = std::min(value, (std::uint64_t(1) << value_bits) - 1);
        if (value < fine) return static_cast<std::size_t>(value);
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - fine_bits - 1;
        return static_cast<std::size_t>(fine * shift + (value >> shift));
    }

    // The greatest value in a bucket.
    static constexpr std::uint64_t end_of(std::size_t bucket) noexcept
    {
        if (bucket < 2 * fine) return bucket;
        const std::uint64_t shift = bucket / fine - 1;
        return ((bucket % fine + fine + 1) << shift) - 1;
    }

    std::array<std::uint64_t, fine*(value_bits - fine_bits + 1)> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace roomctl
