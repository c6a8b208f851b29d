// SPDX-License-Identifier: BSL-1.0
#include "credentials_file.hpp"

#include "invocation.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why)
{
    throw usage_error("credentials file " + path + ": " + why);
}

class descriptor
{
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

// The file's text: of a fixed size, so that it is never copied, and wiped at the end.
class contents
{
public:
    contents() = default;
    contents(const contents&) = delete;
    contents& operator=(const contents&) = delete;
    ~contents() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

    void read(int fd, const std::string& path)
    {
        while (true) {
            if (size_ == bytes_.size()) refuse(path, "larger than 16 KiB");
            const ssize_t n = ::read(fd, bytes_.data() + size_, bytes_.size() - size_);
            if (n == 0) return;
            if (n > 0)
                size_ += static_cast<std::size_t>(n);
            else if (errno != EINTR)
                refuse(path, std::strerror(errno));
        }
    }

    std::string_view text() const noexcept { return {bytes_.data(), size_}; }

private:
    std::array<char, 16 * 1024 + 1> bytes_{};
    std::size_t size_ = 0;
};

// Asked of the open file, not of its name, so that nobody can change it in between.
void check_guarded(int fd, const std::string& path)
{
    struct stat s{};
    if (::fstat(fd, &s) != 0) refuse(path, std::strerror(errno));
    if (!S_ISREG(s.st_mode)) refuse(path, "not a regular file");
    if (s.st_uid != ::geteuid()) refuse(path, "owned by another user");
    if ((s.st_mode & 077U) != 0)
        refuse(path, "its group or others have access to it; run: chmod 600 " + path);
}

std::string_view trimmed(std::string_view line) noexcept
{
    constexpr std::string_view blank = " \t\r";
    const auto begin = line.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return line.substr(begin, line.find_last_not_of(blank) - begin + 1);
}

} // namespace

watchers::rooms::credentials read_credentials_file(const std::string& path)
{
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0) refuse(path, std::strerror(errno));
    check_guarded(file.get(), path);
    contents all;
    all.read(file.get(), path);

    std::optional<std::string_view> api_key;
    std::optional<std::string_view> bearer_token;
    std::string_view rest = all.text();
    for (int number = 1; !rest.empty(); ++number) {
        const auto end = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.empty() || line.front() == '#') continue;

        const std::string where = "line " + std::to_string(number) + ": ";
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) refuse(path, where + "not of the form KEY=VALUE");
        const std::string_view key = line.substr(0, equals);
        const std::string_view value = line.substr(equals + 1);
        auto* const target = key == "WATCHERS_API_KEY"        ? &api_key
                             : key == "WATCHERS_BEARER_TOKEN" ? &bearer_token
                                                              : nullptr;
        // The key is not repeated to the user: a stray line may well be a secret.
        if (target == nullptr) refuse(path, where + "neither WATCHERS_API_KEY= nor WATCHERS_BEARER_TOKEN=");
        if (*target) refuse(path, where + "a second value for the same key");
        if (value.empty()) refuse(path, where + "the value is empty");
        if (value.front() == '"' || value.front() == '\'')
            refuse(path, where + "values are written without quotes");
        *target = value;
    }
    if (!api_key) refuse(path, "WATCHERS_API_KEY= is missing");
    if (!bearer_token) refuse(path, "WATCHERS_BEARER_TOKEN= is missing");
    return {*api_key, *bearer_token};
}

} // namespace roomctl
