// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace watchers::rooms::detail {

// Finds a key that appears twice in one of the objects of a JSON text, in linearithmic time. It remembers
// hashes alone: a repeated key is never missed, and by chance two keys are taken for one once in 2^64 pairs.
// A server that searches for such keys has no one but itself to spoil an answer for.
class key_log
{
public:
    // May be open at one time: max_level objects, which is the parser's limit.
    void enter() noexcept { open_[level_++] = ++objects_; }
    void leave() noexcept { --level_; }

    void add(std::string_view key)
    {
        const std::uint64_t h = hash(key, open_[level_ - 1]);
        if (count_ < few_.size()) {
            few_[count_++] = h;
            return;
        }
        if (many_.empty()) many_.assign(few_.begin(), few_.end());
        many_.push_back(h);
    }

    bool repeated()
    {
        if (!many_.empty()) {
            std::sort(many_.begin(), many_.end());
            return std::adjacent_find(many_.begin(), many_.end()) != many_.end();
        }
        for (std::size_t i = 1; i < count_; ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (few_[i] == few_[j]) return true;
        return false;
    }

private:
    static constexpr std::size_t max_level = 32;

    static std::uint64_t mix(std::uint64_t h, std::uint64_t word) noexcept
    {
        h = (h ^ word) * 0x9E3779B97F4A7C15U;
        return h ^ (h >> 29);
    }

    template <class Word>
    static std::uint64_t load(const char* p) noexcept
    {
        Word word;
        std::memcpy(&word, p, sizeof word);
        return word;
    }

    static std::uint64_t hash(std::string_view key, std::uint64_t object) noexcept
    {
        const char* const p = key.data();
        const std::size_t size = key.size();
        // Side by side, or a longer key in another object could begin with the same hash.
        std::uint64_t h = mix(object << 32, size);
        if (size >= 8) {
            for (std::size_t i = 0; i + 8 < size; i += 8)
                h = mix(h, load<std::uint64_t>(p + i));
            return mix(h, load<std::uint64_t>(p + size - 8)); // may overlap the word before
        }
        if (size >= 4) return mix(h, load<std::uint32_t>(p) << 32 | load<std::uint32_t>(p + size - 4));
        std::uint64_t word = 0;
        for (const char c : key)
            word = (word << 8) | static_cast<unsigned char>(c);
        return mix(h, word);
    }

    std::array<std::uint32_t, max_level> open_; // the number of each open object
    std::array<std::uint64_t, 32> few_;         // most answers need no more
    std::vector<std::uint64_t> many_;
    std::size_t level_ = 0;
    std::size_t count_ = 0;
    std::uint32_t objects_ = 0;
};

} // namespace watchers::rooms::detail
