// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace watchers::rooms::detail {

// True from here to the end of the scope.
class flag_guard
{
public:
    explicit flag_guard(bool& f) noexcept : flag_(f) { flag_ = true; }
    ~flag_guard() { flag_ = false; }
    flag_guard(const flag_guard&) = delete;
    flag_guard& operator=(const flag_guard&) = delete;

private:
    bool& flag_;
};

} // namespace watchers::rooms::detail
