// SPDX-License-Identifier: BSL-1.0
#include "file.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// /dev/zero or a pipe without an end is not to fill the disk.
class copied_lines
{
public:
    explicit copied_lines(const copy_bounds& bounds) noexcept : bounds_(bounds) {}

    void add(std::string_view bytes)
    {
        size_ += bytes.size();
        const std::size_t end = bytes.find_last_of("\r\n");
        line_ = end == std::string_view::npos ? line_ + bytes.size() : bytes.size() - end - 1;
        errno = EFBIG;
        if (line_ > bounds_.line)
            fail(("a line of more than " + std::to_string(bounds_.line >> 20U) + " MiB").c_str());
        if (size_ > bounds_.size)
            fail(("more than " + std::to_string(bounds_.size >> 20U) +
                  " MiB, which can be read but once; a regular file may be larger")
                     .c_str());
    }

private:
    const copy_bounds& bounds_;
    std::uint64_t size_ = 0;
    std::size_t line_ = 0; // that has not ended
};

void copy_all(int from, file& to, const copy_bounds& bounds)
{
    std::vector<char> buffer(64 * 1024);
    copied_lines lines(bounds);
    while (true) {
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n == 0) return;
        if (n > 0) {
            const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
            lines.add(bytes);
            to.append(bytes);
        } else if (errno != EINTR) {
            fail("cannot be read");
        }
    }
}

bool is_regular(int descriptor)
{
    struct stat s{};
    if (::fstat(descriptor, &s) != 0) fail("cannot be examined");
    if (S_ISDIR(s.st_mode)) {
        errno = EISDIR;
        fail("cannot be read");
    }
    return S_ISREG(s.st_mode);
}

} // namespace

file::~file()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

file file::temporary()
{
    const char* const asked = std::getenv("TMPDIR");
    const std::string folder = asked != nullptr && *asked != '\0' ? asked : "/tmp";
    const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (unnamed >= 0) return file(unnamed);

    // Not every file system knows files without a name.
    std::string name = folder + "/roomctl-XXXXXX";
    const int named = ::mkostemp(name.data(), O_CLOEXEC);
    if (named < 0) fail("a temporary file cannot be made");
    ::unlink(name.c_str());
    return file(named);
}

file file::open_to_read_again(const std::string& path, const copy_bounds& bounds)
{
    const int descriptor = path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) fail("cannot be opened");
    file source(descriptor);
    // Standard input may have been read in part by whoever has it, too.
    if (is_regular(descriptor) && (path != "-" || ::lseek(descriptor, 0, SEEK_CUR) == 0)) return source;
    file copy = temporary();
    copy_all(descriptor, copy, bounds);
    return copy;
}

std::size_t file::read_at(std::uint64_t offset, char* to, std::size_t size) const
{
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
        if (n == 0) break;
        if (n > 0)
            done += static_cast<std::size_t>(n);
        else if (errno != EINTR)
            fail("cannot be read");
    }
    return done;
}

void file::append(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
        if (n >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail("a temporary file cannot be written");
    }
}

} // namespace roomctl
