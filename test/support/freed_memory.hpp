// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

#include <malloc.h>

namespace watchers::rooms::test {

// Looks for secrets in memory that is freed. Only a program whose operator delete (and free, see
// io/allocation_hook.cpp) calls look() finds any. One object at a time.
class freed_memory
{
public:
    // The texts must be literals. Blocks of all threads are looked at, since a new block must not show what
    // an old one left; those of this thread count while a `watched` lives.
    explicit freed_memory(std::initializer_list<std::string_view> secrets) noexcept
    {
        std::copy(secrets.begin(), secrets.end(), secrets_.begin());
        found_ = 0;
        before_size_ = 0;
        count_ = secrets.size();
    }
    ~freed_memory() { count_ = 0; }
    freed_memory(const freed_memory&) = delete;
    freed_memory& operator=(const freed_memory&) = delete;

    class watched
    {
    public:
        watched() noexcept { watching_ = true; }
        ~watched() { watching_ = false; }
        watched(const watched&) = delete;
        watched& operator=(const watched&) = delete;
    };

    // Blocks that held a secret when they were freed.
    std::size_t found() const noexcept { return found_; }
    // The text before the secret in the first of them.
    std::string first() const { return {before_.data(), before_size_}; }

    // Called before a block is freed.
    static void look(void* block) noexcept
    {
        const std::size_t count = count_;
        if (count == 0 || block == nullptr) return;
        const std::size_t size = ::malloc_usable_size(block);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string_view s = secrets_[i];
            auto* const at = static_cast<char*>(::memmem(block, size, s.data(), s.size()));
            if (at == nullptr) continue;
            if (watching_ && found_++ == 0) {
                const auto offset = static_cast<std::size_t>(at - static_cast<char*>(block));
                before_size_ = (std::min)(offset, before_.size());
                std::memcpy(before_.data(), at - before_size_, before_size_);
            }
            std::memset(block, 0, size);
            return;
        }
    }

private:
    static inline std::array<std::string_view, 8> secrets_;
    static inline std::atomic<std::size_t> count_ = 0;
    static inline std::atomic<std::size_t> found_ = 0;
    static inline std::array<char, 60> before_;
    static inline std::size_t before_size_ = 0;
    static inline thread_local bool watching_ = false;
};

} // namespace watchers::rooms::test
