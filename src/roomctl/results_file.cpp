// SPDX-License-Identifier: BSL-1.0
#include "results_file.hpp"

#include "bulk_outcome.hpp"
#include "error_name.hpp"
#include "interrupts.hpp"
#include "manifest/file.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace json = boost::json;

namespace {

constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t pipe_piece = PIPE_BUF; // which a pipe takes without a wait once it is writable

json::object to_json(const rooms::bulk_result& r, std::uint64_t line)
{
    const rooms::diagnostics& d = r.diagnostics;
    json::object o;
    o["index"] = r.index;
    o["line"] = line;
    o["op"] = name_of(r.operation.kind());
    o["roomId"] = r.operation.room_id();
    o["outcome"] = name_of(outcome_of(r));
    if (r.error)
        o["error"] = error_name(r.error);
    else
        o["error"] = nullptr;
    o["effect"] = rooms::to_string(d.effect());
    o["attempts"] = d.attempts();
    if (d.http_status() != 0)
        o["http_status"] = d.http_status();
    else
        o["http_status"] = nullptr;
    if (!d.message().empty())
        o["message"] = d.message();
    else if (r.error)
        o["message"] = r.error.message();
    else
        o["message"] = nullptr;
    return o;
}

// The beginning of every line.
constexpr std::string_view line_start = R"({"index":)";

bool is_same_file(const struct stat& a, const std::string& path)
{
    struct stat b = {};
    const int known = path == "-" ? ::fstat(STDIN_FILENO, &b) : ::stat(path.c_str(), &b);
    return known == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Those which stand for a descriptor that the program was given: `/dev/stdout`, `/dev/fd/3`.
std::optional<int> given_descriptor(std::string_view path)
{
    if (path == "/dev/stdout") return STDOUT_FILENO;
    if (path == "/dev/stderr") return STDERR_FILENO;
    for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
        if (!path.starts_with(folder)) continue;
        int number = -1;
        const char* const end = path.data() + path.size();
        const auto r = std::from_chars(path.data() + folder.size(), end, number);
        if (r.ec == std::errc() && r.ptr == end && number >= 0) return number;
    }
    return std::nullopt;
}

} // namespace

results_file::results_file(std::string path, const std::vector<std::string>& spared, bool go_on)
    : path_(std::move(path))
{
    open();
    try {
        struct stat s = {};
        if (::fstat(descriptor_, &s) != 0) fail("cannot be examined");
        pipe_ = S_ISFIFO(s.st_mode);
        if (S_ISREG(s.st_mode)) {
            for (const std::string& other : spared)
                if (is_same_file(s, other)) refuse("is in use already; --results would replace it");
            if (!given_descriptor(path_)) {
                if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) refuse("is in use by another run");
                take_over(go_on);
            }
        }
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
    buffer_.reserve(buffer_size + 4096);
}

// A symbolic link may have been put there by somebody else, to a file that is not to be written.
void results_file::open()
{
    if (const auto given = given_descriptor(path_)) {
        const int flags = ::fcntl(*given, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) refuse("is not open for writing");
        descriptor_ = ::fcntl(*given, F_DUPFD_CLOEXEC, 0);
    } else {
        constexpr int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
        descriptor_ = ::open(path_.c_str(), flags, 0666);
        if (descriptor_ < 0 && errno == ELOOP) refuse("is a symbolic link, which --results does not follow");
    }
    if (descriptor_ < 0) fail("cannot be written");
}

void results_file::take_over(bool go_on)
{
    const int descriptor = ::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) fail("cannot be read, to see whether it holds results");
    const file there(descriptor);
    std::array<char, 4096> buffer{};
    std::string_view start(buffer.data(), there.read_at(0, buffer.data(), line_start.size()));
    struct stat ours = {};
    if (::fstat(descriptor_, &ours) != 0) fail("cannot be examined");
    if (ours.st_size != 0 && start != line_start)
        refuse("holds something other than results; --results would replace it");

    // A run that was killed may have left a part of a line; what it was about is told again.
    auto end = go_on ? static_cast<std::uint64_t>(ours.st_size) : 0;
    while (end > 0) {
        const std::uint64_t begin = end > buffer.size() ? end - buffer.size() : 0;
        const std::string_view piece(buffer.data(), there.read_at(begin, buffer.data(), end - begin));
        const std::size_t line_end = piece.rfind('\n');
        end = line_end == std::string_view::npos ? begin : begin + line_end + 1;
        if (line_end != std::string_view::npos) break;
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(end)) != 0 ||
        ::lseek(descriptor_, static_cast<off_t>(end), SEEK_SET) < 0)
        fail("cannot be written");
}

results_file::~results_file()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

void results_file::add(const rooms::bulk_result& r, std::uint64_t line)
{
    buffer_ += escape_json(json::serialize(to_json(r, line)));
    buffer_ += '\n';
    if (buffer_.size() >= buffer_size) flush();
}

void results_file::flush()
{
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        if (pipe_) wait_until_writable();
        const ssize_t n =
            ::write(descriptor_, rest.data(), pipe_ ? std::min(rest.size(), pipe_piece) : rest.size());
        if (n >= 0)
            rest.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail("not everything could be written");
    }
    buffer_.clear();
}

// So that a second interruption ends the wait for a reader that does not read.
void results_file::wait_until_writable() const
{
    pollfd p{descriptor_, POLLOUT, 0};
    while (::poll(&p, 1, 100) <= 0) {
        if (interrupts::count() < 2) continue;
        errno = EINTR;
        fail("not everything could be written");
    }
}

void results_file::refuse(const char* why) const { throw std::runtime_error(path_ + ": " + why); }

void results_file::fail(const char* what) const
{
    throw std::runtime_error(path_ + ": " + what + ": " + std::strerror(errno));
}

} // namespace roomctl
