// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "progress.hpp"

#include <watchers/rooms/bulk.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomctl {

// `1:05` or `2:03:10`.
std::string to_clock_text(std::chrono::nanoseconds);

// How far a bulk run has come, on standard error: a bar on a terminal, else a line every few seconds.
class bulk_progress_view
{
public:
    // @param what the run's name; of static storage duration.
    // @param bar, lines whether they are wanted where they fit.
    bulk_progress_view(std::string_view what, bool bar, bool lines);

    // @param throttled answers 429 so far.
    // @param last_failure that led to a retry; told while nothing else happens.
    void show(const watchers::rooms::bulk_progress&, std::uint64_t throttled,
              const watchers::rooms::error_code& last_failure);

    // Takes the bar away, so that something else can be said.
    void clear() { bar_.clear(); }

    // How often to show it.
    static constexpr std::chrono::milliseconds interval{100};

private:
    using clock = std::chrono::steady_clock;

    std::string text(const watchers::rooms::bulk_progress&) const;

    static constexpr std::chrono::seconds line_interval{5};
    static constexpr std::chrono::seconds throttling_shown{2};
    static constexpr std::chrono::seconds standstill{2};

    std::string_view what_;
    progress bar_;
    bool lines_;
    clock::time_point next_line_;
    clock::time_point throttled_at_;
    clock::time_point moved_at_;
    std::uint64_t throttled_ = 0;
    std::uint64_t ended_ = 0;
};

} // namespace roomctl
