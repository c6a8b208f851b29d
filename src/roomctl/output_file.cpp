// SPDX-License-Identifier: BSL-1.0
#include "output_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

constexpr int safely = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

// Paths that stand for a descriptor that the program was given: `/dev/stdout`, `/dev/fd/3`.
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

// The permissions of everybody but the owner.
unsigned others_of(int descriptor) noexcept
{
    struct stat s = {};
    return ::fstat(descriptor, &s) == 0 ? s.st_mode & 077U : 0;
}

// Whoever can open a file can lock it.
std::string locked_by_anybody(bool private_now)
{
    return std::string(
               "is locked by another process: another run, or a program of another user, for whom its "
               "mode let it be opened") +
           (private_now ? " (it has mode 0600 now)" : "") + "; end that process, or move the file away";
}

bool is_same(const struct stat& a, const struct stat& b) noexcept
{
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

} // namespace

output_file::output_file(std::string path, access a) : path_(std::move(path)), access_(a)
{
    try {
        open();
        check();
        if (regular_ && !given_) reopen_to_read();
    } catch (...) {
        close();
        throw;
    }
}

output_file::~output_file() { close(); }

void output_file::close() noexcept
{
    if (descriptor_ >= 0) ::close(descriptor_);
    if (to_read_ >= 0) ::close(to_read_);
}

void output_file::open()
{
    if (const auto number = given_descriptor(path_)) {
        given_ = true;
        const int flags = ::fcntl(*number, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) refuse("is not open for writing");
        descriptor_ = ::fcntl(*number, F_DUPFD_CLOEXEC, 0);
        if (descriptor_ < 0) fail("cannot be written");
        return;
    }
    // For writing only: so a pipe that nobody reads is refused at once.
    const int how = access_ == access::look ? O_RDONLY : O_WRONLY | O_CREAT;
    descriptor_ = ::open(path_.c_str(), how | safely, access_ == access::own ? 0600 : 0666);
    if (descriptor_ >= 0) return;
    if (errno == ELOOP) refuse("is a symbolic link, which is not followed");
    if (errno == ENXIO) refuse("is a pipe that no program reads, or a socket");
    fail(access_ == access::look ? "cannot be read" : "cannot be written");
}

void output_file::check()
{
    struct stat s = {};
    if (::fstat(descriptor_, &s) != 0) fail("cannot be examined");
    pipe_ = S_ISFIFO(s.st_mode);
    regular_ = S_ISREG(s.st_mode);
    if (given_) return;
    if (!regular_ && !pipe_ && !S_ISCHR(s.st_mode)) refuse("is not a regular file");
    if (!S_ISCHR(s.st_mode) && s.st_uid != ::geteuid()) refuse("belongs to another user");
    if (regular_ && s.st_nlink > 1) refuse("has another name as well (a hard link)");
    if (regular_ && s.st_nlink == 0) refuse("was removed while it was opened");

    // Opening must not wait, but writing may.
    const int flags = ::fcntl(descriptor_, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor_, F_SETFL, flags & ~O_NONBLOCK) != 0) fail("cannot be written");
}

void output_file::reopen_to_read()
{
    struct stat ours = {};
    struct stat theirs = {};
    to_read_ = ::open(path_.c_str(), O_RDONLY | safely);
    if (to_read_ < 0 || ::fstat(to_read_, &theirs) != 0 || ::fstat(descriptor_, &ours) != 0)
        fail("cannot be read, to see what it holds");
    if (!is_same(ours, theirs)) refuse("was replaced while it was opened");
}

bool output_file::is_same_as(const std::string& path) const
{
    struct stat ours = {};
    struct stat theirs = {};
    if (::fstat(descriptor_, &ours) != 0) fail("cannot be examined");
    const int known = path == "-" ? ::fstat(STDIN_FILENO, &theirs) : ::stat(path.c_str(), &theirs);
    return known == 0 && is_same(ours, theirs);
}

void output_file::claim(std::string_view start, std::string_view what)
{
    require_start(start, what); // the mode of a file that holds something else stays as it is
    const unsigned others = make_private();
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) fail("cannot be locked");
        refuse(others == 0 ? "is in use by another run" : locked_by_anybody(others_of(descriptor_) == 0));
    }
    require_start(start, what); // the run that held the lock until now may have written it
}

// Refused by file systems without modes, which do not need it.
unsigned output_file::make_private()
{
    const unsigned others = others_of(descriptor_);
    static_cast<void>(::fchmod(descriptor_, 0600));
    return others;
}

std::uint64_t output_file::size() const
{
    struct stat s = {};
    if (::fstat(descriptor_, &s) != 0) fail("cannot be examined");
    return static_cast<std::uint64_t>(s.st_size);
}

void output_file::require_start(std::string_view start, std::string_view what) const
{
    if (size() == 0) return;
    std::array<char, 64> buffer{};
    const std::size_t n = read_at(0, buffer.data(), std::min(start.size(), buffer.size()));
    if (std::string_view(buffer.data(), n) == start.substr(0, buffer.size())) return;
    refuse("holds something other than " + std::string(what) + ", and is not replaced");
}

std::size_t output_file::read_at(std::uint64_t offset, char* to, std::size_t size) const
{
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::pread(to_read_, to + done, size - done, static_cast<off_t>(offset + done));
        if (n == 0) break;
        if (n > 0)
            done += static_cast<std::size_t>(n);
        else if (errno != EINTR)
            fail("cannot be read, to see what it holds");
    }
    return done;
}

void output_file::cut(std::uint64_t size)
{
    const auto end = static_cast<off_t>(size);
    if (::ftruncate(descriptor_, end) != 0 || ::lseek(descriptor_, end, SEEK_SET) < 0)
        fail("cannot be written");
}

void output_file::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
        if (n >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail("not everything could be written");
    }
}

void output_file::sync()
{
    while (::fdatasync(descriptor_) != 0)
        if (errno != EINTR) fail("could not be brought to the disk");
}

void output_file::refuse(const std::string& why) const { throw std::runtime_error(path_ + ": " + why); }

void output_file::fail(const std::string& what) const
{
    const int cause = errno;
    throw std::runtime_error(path_ + ": " + what + ": " + std::strerror(cause));
}

} // namespace roomctl
