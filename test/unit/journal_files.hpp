// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/journal.hpp>

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// What the tests of the journal's file share.
namespace journal_files {

namespace fs = std::filesystem;
namespace rooms = watchers::rooms;

inline const rooms::journal::digest manifest = rooms::manifest_digest().update("a manifest").finish();
inline const rooms::journal::outcome success(0, rooms::effect::applied);

class temporary_folder
{
public:
    temporary_folder()
    {
        std::string name = (fs::temp_directory_path() / "journal_test_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
    }
    ~temporary_folder()
    {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    std::string path(const char* name = "journal") const { return (folder_ / name).string(); }

private:
    fs::path folder_;
};

inline std::string content(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const std::string& path, std::string_view bytes)
{
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The diagnostics of the journal_failed that a function throws.
inline std::optional<rooms::diagnostics> refusal(const std::function<void()>& f)
{
    try {
        f();
    } catch (const rooms::error& e) {
        CHECK(e.code() == rooms::errc::journal_failed);
        return e.diagnostics();
    }
    return std::nullopt;
}

template <class Journal>
rooms::error_code commit_and_wait(Journal& j)
{
    std::promise<rooms::error_code> done;
    j.commit([&](rooms::error_code ec) { done.set_value(ec); });
    return done.get_future().get();
}

// A process of its own, killed at the latest with this object, and a pipe from it.
class child_process
{
public:
    // The work gets the pipe's end to write to; the process ends when it returns.
    explicit child_process(const std::function<void(int)>& work)
    {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        id_ = ::fork();
        REQUIRE(id_ != -1);
        if (id_ == 0) {
            ::close(ends[0]);
            try {
                work(ends[1]);
            } catch (const std::exception&) { // the parent sees that nothing is written
            }
            ::_exit(1);
        }
        ::close(ends[1]);
        pipe_ = ends[0];
    }
    ~child_process()
    {
        kill();
        ::close(pipe_);
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    template <class T>
    bool read(T& value)
    {
        return ::read(pipe_, &value, sizeof value) == sizeof value;
    }
    void send_kill() const { ::kill(id_, SIGKILL); }

    // True if that ended it.
    bool kill()
    {
        if (id_ == -1) return false;
        send_kill();
        int status = 0;
        ::waitpid(std::exchange(id_, -1), &status, 0);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }

private:
    pid_t id_ = -1;
    int pipe_ = -1;
};

} // namespace journal_files
