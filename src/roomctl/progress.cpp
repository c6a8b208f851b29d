// SPDX-License-Identifier: BSL-1.0
#include "progress.hpp"

#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace roomctl {

namespace {

bool terminal_takes_utf8()
{
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* const value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        const std::string_view locale = value;
        return locale.find("UTF-8") != std::string_view::npos ||
               locale.find("utf8") != std::string_view::npos;
    }
    return false;
}

bool is_terminal()
{
    const char* const kind = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::size_t terminal_width()
{
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

std::string bar(double share, std::size_t width, bool unicode)
{
    const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
    std::string text;
    for (std::size_t i = 0; i < width; ++i) {
        if (unicode)
            text += i < full ? "\u2588" : "\u2591";
        else
            text += i < full ? '#' : '.';
    }
    return text;
}

} // namespace

progress::progress(std::string_view what, std::size_t total, bool wanted)
    : what_(what)
    , total_(std::max<std::size_t>(total, 1))
    , begin_(std::chrono::steady_clock::now())
    , active_(wanted && is_terminal())
    , unicode_(active_ && terminal_takes_utf8())
{}

void progress::show(std::size_t done, std::size_t failed)
{
    if (!active_) return;
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
    const auto rate =
        elapsed.count() > 0 ? static_cast<std::uint64_t>(static_cast<double>(done) / elapsed.count()) : 0;

    std::string text =
        with_thousands(done) + '/' + with_thousands(total_) + "  " + with_thousands(rate) + "/s";
    if (failed != 0) text += "  " + with_thousands(failed) + " failed";
    show(share, text);
}

void progress::show(double share, const std::string& text)
{
    if (!active_) return;
    const std::string percent = std::to_string(static_cast<int>(share * 100));
    const std::string head = what_ + ' ';
    const std::string tail =
        ' ' + std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + "%  " + text;

    const std::size_t used = head.size() + tail.size() + 1;
    const std::size_t width = terminal_width();
    const std::size_t room = width > used ? std::min<std::size_t>(width - used, 40) : 0;
    // A line that does not fit would wrap, and could not be taken away again.
    std::string line =
        room >= 5 ? head + bar(share, room, unicode_) + tail : (head + tail).substr(0, width - 1);
    line = "\r\x1b[K" + line;
    std::fwrite(line.data(), 1, line.size(), stderr);
    shown_ = true;
}

void progress::clear()
{
    if (!shown_) return;
    std::fputs("\r\x1b[K", stderr);
    shown_ = false;
}

} // namespace roomctl
