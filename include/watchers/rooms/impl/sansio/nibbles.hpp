// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace watchers::rooms::detail {

// Values of four bits each, by index; zero where none was set. Half a byte of memory for each index up to the
// highest one that was set.
class nibbles
{
public:
    unsigned get(std::uint64_t index) const noexcept
    {
        return index < size_ ? (bytes_[static_cast<std::size_t>(index / 2)] >> shift(index)) & 0xFU : 0U;
    }

    void set(std::uint64_t index, unsigned value)
    {
        if (index >= size_) {
            bytes_.resize(static_cast<std::size_t>(index / 2 + 1));
            size_ = index + 1;
        }
        unsigned char& byte = bytes_[static_cast<std::size_t>(index / 2)];
        byte =
            static_cast<unsigned char>((byte & ~(0xFU << shift(index))) | ((value & 0xFU) << shift(index)));
    }

    // One more than the highest index that was set.
    std::uint64_t size() const noexcept { return size_; }

private:
    static unsigned shift(std::uint64_t index) noexcept { return index % 2 == 0 ? 0U : 4U; }

    std::vector<unsigned char> bytes_;
    std::uint64_t size_ = 0;
};

} // namespace watchers::rooms::detail
