// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

// ThreadSanitizer's runtime has an operator new of its own, which cannot be replaced.
#if defined(__SANITIZE_THREAD__)
#define WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL
#endif
#endif

namespace watchers::rooms::test {

// Counts allocations, and lets some of them fail. Only a program that replaces operator new by one that asks
// allow() has failures; in all others it does nothing. One thread: others, a journal's for one, are left
// alone.
class allocation_gate
{
public:
    // From now on the n-th allocation, counted from 1, fails, and `more` of those that follow.
    static void fail_at(std::size_t n, std::size_t more = 0) noexcept
    {
        seen_ = failed_ = 0;
        first_ = n;
        last_ = n + more;
    }
    static void never_fail() noexcept { first_ = last_ = 0; }

    static std::size_t failed() noexcept { return failed_; }

    // Asked by operator new.
    static bool allow() noexcept
    {
        if (first_ == 0 || !open_) return true;
        ++seen_;
        if (seen_ < first_ || seen_ > last_) return true;
        ++failed_;
        return false;
    }

    // Allocations count only while one of these lives: what the test itself needs must not fail.
    class counted
    {
    public:
        counted() noexcept : before_(open_) { open_ = true; }
        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;
        ~counted() { open_ = before_; }

    private:
        bool before_;
    };

    class uncounted
    {
    public:
        uncounted() noexcept : before_(open_) { open_ = false; }
        uncounted(const uncounted&) = delete;
        uncounted& operator=(const uncounted&) = delete;
        ~uncounted() { open_ = before_; }

    private:
        bool before_;
    };

private:
    static inline std::size_t seen_ = 0;
    static inline std::size_t failed_ = 0;
    static inline std::size_t first_ = 0;
    static inline std::size_t last_ = 0;
    static inline thread_local bool open_ = false;
};

} // namespace watchers::rooms::test
