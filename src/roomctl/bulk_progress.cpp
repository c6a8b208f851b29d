// SPDX-License-Identifier: BSL-1.0
#include "bulk_progress.hpp"

#include "text.hpp"

#include <algorithm>
#include <cstdio>

namespace roomctl {

std::string to_clock_text(std::chrono::nanoseconds d)
{
    const auto seconds = std::chrono::round<std::chrono::seconds>(d).count();
    const auto two = [](std::int64_t n) {
        std::string digits = std::to_string(n);
        if (digits.size() < 2) digits.insert(digits.begin(), '0');
        return digits;
    };
    const std::string rest = two(seconds % 60);
    if (seconds < 3600) return std::to_string(seconds / 60) + ':' + rest;
    return std::to_string(seconds / 3600) + ':' + two(seconds / 60 % 60) + ':' + rest;
}

bulk_progress_view::bulk_progress_view(std::string_view what, bool bar, bool lines)
    : what_(what)
    , bar_(what, 1, bar)
    , lines_(lines && !bar_.active())
    , next_line_(clock::now() + line_interval)
    , throttled_at_(clock::now() - throttling_shown)
    , moved_at_(clock::now())
{}

void bulk_progress_view::show(const watchers::rooms::bulk_progress& p, std::uint64_t throttled,
                              const watchers::rooms::error_code& last_failure)
{
    const auto now = clock::now();
    const std::uint64_t ended = p.done + p.failed;
    if (throttled != throttled_) throttled_at_ = now;
    if (ended != ended_) moved_at_ = now;
    throttled_ = throttled;
    ended_ = ended;

    std::string how = text(p);
    if (now - throttled_at_ < throttling_shown)
        how += "  throttled (" + with_thousands(throttled_) + " x 429)";
    else if (last_failure && now - moved_at_ >= standstill)
        how += "  trying again: " + escape(last_failure.message());

    const double share =
        p.total && *p.total > 0 ? static_cast<double>(ended) / static_cast<double>(*p.total) : 0.0;
    bar_.show(std::min(1.0, share), how);

    if (!lines_ || now < next_line_) return;
    next_line_ = now + line_interval;
    const std::string line = "roomctl: " + std::string(what_) + ": " + how + '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string bulk_progress_view::text(const watchers::rooms::bulk_progress& p) const
{
    std::string text = with_thousands(p.done + p.failed);
    if (p.total) text += '/' + with_thousands(*p.total);
    text += "  " + with_thousands(static_cast<std::uint64_t>(p.rate() + 0.5)) + "/s";
    if (const auto left = p.remaining()) text += "  " + to_clock_text(*left) + " left";
    if (p.failed != 0) text += "  " + with_thousands(p.failed) + " failed";
    return text;
}

} // namespace roomctl
