// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace roomctl {

// One line on standard error that shows how far something has come. Silent where that is no terminal.
class progress
{
public:
    // `wanted`: false keeps it silent on a terminal too.
    progress(std::string_view what, std::size_t total, bool wanted);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    void show(std::size_t done, std::size_t failed);

    // The same with another text behind the bar.
    // @param share of the whole that is done, 0 to 1.
    void show(double share, const std::string& text);

    bool active() const noexcept { return active_; }

    // Takes the line away.
    void clear();

private:
    std::string what_;
    std::size_t total_;
    std::chrono::steady_clock::time_point begin_;
    bool active_;
    bool unicode_;
    bool shown_ = false;
};

} // namespace roomctl
