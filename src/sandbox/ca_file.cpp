// SPDX-License-Identifier: BSL-1.0
#include "ca_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace watchers::rooms::sandbox::detail {
namespace {

constexpr std::string_view certificate_start = "-----BEGIN CERTIFICATE-----";

/// An open file. Every check is of the descriptor: nobody can exchange the file between check and use.
class ca_file
{
public:
    explicit ca_file(const std::string& path) : path_(path)
    {
        constexpr int safely = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
        descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | safely, 0666);
        if (descriptor_ < 0 && errno == ELOOP) refuse("is a symbolic link, which is not followed");
        if (descriptor_ < 0) fail();
    }
    ca_file(const ca_file&) = delete;
    ca_file& operator=(const ca_file&) = delete;
    ~ca_file() { ::close(descriptor_); }

    void check() const
    {
        struct stat s = {};
        if (::fstat(descriptor_, &s) != 0) fail();
        if (!S_ISREG(s.st_mode)) refuse("is not a regular file");
        if (s.st_uid != ::geteuid()) refuse("belongs to another user");
        if (s.st_nlink > 1) refuse("has another name as well (a hard link)");
        std::array<char, certificate_start.size()> start{};
        const ssize_t n = ::pread(descriptor_, start.data(), start.size(), 0);
        if (n < 0) fail();
        if (n > 0 && std::string_view(start.data(), static_cast<std::size_t>(n)) != certificate_start)
            refuse("holds something other than a certificate, and is not replaced");
    }

    void replace(std::string_view content) const
    {
        if (::ftruncate(descriptor_, 0) != 0) fail();
        while (!content.empty()) {
            const ssize_t n = ::write(descriptor_, content.data(), content.size());
            if (n < 0 && errno != EINTR) fail();
            if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
        }
    }

private:
    [[noreturn]] void refuse(const char* why) const { throw std::runtime_error(path_ + ": " + why); }

    [[noreturn]] void fail() const
    {
        const int cause = errno;
        throw std::runtime_error(path_ + ": cannot be written: " + std::strerror(cause));
    }

    const std::string& path_;
    int descriptor_ = -1;
};

} // namespace

void write_ca_file(const std::string& path, const std::string& pem)
{
    const ca_file file(path);
    file.check();
    file.replace(pem);
}

} // namespace watchers::rooms::sandbox::detail
