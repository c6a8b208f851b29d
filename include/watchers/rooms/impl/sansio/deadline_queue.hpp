// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace watchers::rooms::detail {

using clock = std::chrono::steady_clock;

class deadline_queue;

// Something that is to be told when a moment has come. Leaves its queue when it dies.
class deadline
{
public:
    deadline() = default;
    deadline(const deadline&) = delete;
    deadline& operator=(const deadline&) = delete;

    bool armed() const noexcept { return queue_ != nullptr; }

    // Called once by deadline_queue's owner after the moment has come; the deadline is no longer armed then.
    virtual void on_deadline(clock::time_point now) = 0;

protected:
    ~deadline();

private:
    friend class deadline_queue;
    deadline_queue* queue_ = nullptr;
    std::size_t position_ = 0;
};

// All moments of one client, so that one timer serves them all: a binary heap that knows where each entry is.
class deadline_queue
{
public:
    deadline_queue() = default;
    deadline_queue(const deadline_queue&) = delete;
    deadline_queue& operator=(const deadline_queue&) = delete;
    ~deadline_queue();

    // Arms a deadline, or moves an armed one.
    void set(deadline&, clock::time_point when);
    void cancel(deadline&) noexcept;

    std::optional<clock::time_point> earliest() const noexcept
    {
        if (heap_.empty()) return std::nullopt;
        return heap_.front().when;
    }

    // Disarms and returns one deadline whose moment has come, the earliest first.
    deadline* pop_expired(clock::time_point now) noexcept;

    bool empty() const noexcept { return heap_.empty(); }

private:
    struct entry
    {
        clock::time_point when;
        deadline* what;
    };

    void place(std::size_t position, entry e) noexcept;
    void sift_up(std::size_t position) noexcept;
    void sift_down(std::size_t position) noexcept;

    std::vector<entry> heap_;
};

} // namespace watchers::rooms::detail
