// SPDX-License-Identifier: BSL-1.0
#include "temporary_folder.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <stdlib.h> // mkdtemp
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

// Every version locks the folder that it uses: a folder that is not locked is not in use.
constexpr std::string_view prefix = "roomctl-sandbox-";
constexpr std::string_view pattern = "XXXXXX";

[[noreturn]] void fail()
{
    throw std::runtime_error("no temporary folder: " + std::string(std::strerror(errno)));
}

int open_folder(const std::string& path) noexcept
{
    return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// A folder that has just been made is empty and may not be locked yet: it is left alone.
void remove_if_left_over(const std::string& path) noexcept
{
    const int folder = open_folder(path);
    if (folder < 0) return;
    struct stat s = {};
    const std::string name(temporary_folder::content);
    const bool own = ::fstat(folder, &s) == 0 && s.st_uid == ::geteuid() && (s.st_mode & 07777U) == 0700U;
    if (own && ::faccessat(folder, name.c_str(), F_OK, 0) == 0 && ::flock(folder, LOCK_EX | LOCK_NB) == 0 &&
        ::unlinkat(folder, name.c_str(), 0) == 0)
        ::rmdir(path.c_str()); // not of a folder that holds anything else
    ::close(folder);
}

void remove_left_overs(const std::filesystem::path& parent)
{
    std::error_code ec;
    std::vector<std::string> found;
    for (std::filesystem::directory_iterator i(parent, ec), end; !ec && i != end; i.increment(ec)) {
        const std::string name = i->path().filename().string();
        if (name.size() == prefix.size() + pattern.size() && name.starts_with(prefix))
            found.push_back(i->path().string());
    }
    for (const std::string& path : found)
        remove_if_left_over(path);
}

} // namespace

temporary_folder::temporary_folder()
{
    std::error_code ec;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(ec);
    if (ec) throw std::runtime_error("no temporary folder: " + ec.message());
    remove_left_overs(parent);

    std::string name = (parent / (std::string(prefix) + std::string(pattern))).string();
    if (::mkdtemp(name.data()) == nullptr) fail();
    path_ = name;
    lock_ = open_folder(path_);
    // On a file system without locks other runs do not remove it either.
    if (lock_ >= 0) static_cast<void>(::flock(lock_, LOCK_EX | LOCK_NB));
}

temporary_folder::~temporary_folder()
{
    ::unlink((path_ + '/' + std::string(content)).c_str());
    ::rmdir(path_.c_str());
    if (lock_ >= 0) ::close(lock_);
}

} // namespace roomctl
