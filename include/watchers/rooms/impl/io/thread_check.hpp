// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace watchers::rooms::detail {

// Finds two threads inside a client that has no strand (threading::single), and ends the process before they
// touch its state. One uncontended exchange on each entry from outside. Threads that use the client one after
// the other are never refused, and are ordered by it.
class thread_check
{
public:
    // From the entry of one thread to its end; entries of the same thread nest.
    class scope
    {
    public:
        // @param c null: a strand guards the client, nothing is checked.
        explicit scope(thread_check* c) noexcept : entered_(c != nullptr && c->enter() ? c : nullptr) {}
        ~scope()
        {
            if (entered_ != nullptr) entered_->inside_.store(std::thread::id(), std::memory_order_release);
        }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;

    private:
        thread_check* entered_; // by this scope, not by one around it
    };

private:
    // @returns false if this thread is inside already.
    bool enter() noexcept
    {
        const auto me = std::this_thread::get_id();
        if (inside_.load(std::memory_order_relaxed) == me) return false;
        std::thread::id nobody;
        if (!inside_.compare_exchange_strong(nobody, me, std::memory_order_acquire,
                                             std::memory_order_relaxed))
            refuse();
        return true;
    }

    // Not an exception: a handler of the client's own would lose the event it was called for.
    [[noreturn]] static void refuse() noexcept
    {
        std::fputs("watchers::rooms: two threads used a client with threading::single at the same time. "
                   "Use threading::automatic (the default) or one thread at a time.\n",
                   stderr);
        std::abort();
    }

    std::atomic<std::thread::id> inside_;
};

} // namespace watchers::rooms::detail
