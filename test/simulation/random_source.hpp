// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace watchers::rooms::sim {

// All chance of one run (SplitMix64): the same on every platform, unlike the standard's distributions.
class random_source
{
public:
    using duration = std::chrono::nanoseconds;

    explicit random_source(std::uint64_t seed) noexcept : state_(seed) { next(); }

    std::uint64_t next() noexcept
    {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }

    std::uint64_t below(std::uint64_t n) noexcept { return n == 0 ? 0 : next() % n; }
    std::size_t index(std::size_t n) noexcept { return static_cast<std::size_t>(below(n)); }

    // Both ends may come.
    template <class T>
    T between(T least, T greatest) noexcept
    {
        return static_cast<T>(least +
                              static_cast<T>(below(static_cast<std::uint64_t>(greatest - least) + 1)));
    }

    // Small values are as likely as large ones: the logarithm is spread evenly, roughly.
    duration spread(duration least, duration greatest) noexcept
    {
        auto top = greatest.count();
        while (top / 4 > least.count() && below(3) == 0)
            top /= 4;
        return duration(between(least.count(), top));
    }

    // Now and then a whole number of milliseconds, so that moments coincide with those of timers.
    duration moment(duration least, duration greatest) noexcept
    {
        const duration d(between(least.count(), greatest.count()));
        if (below(4) != 0) return d;
        return std::chrono::ceil<std::chrono::milliseconds>(d);
    }

    double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
    bool chance(double p) noexcept { return unit() < p; }
    bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

    template <class T, std::size_t N>
    const T& pick(const T (&from)[N]) noexcept
    {
        return from[index(N)];
    }

private:
    std::uint64_t state_;
};

} // namespace watchers::rooms::sim
