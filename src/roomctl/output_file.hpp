// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace roomctl {

// A file that roomctl writes, named by the user. roomctl opens such files only by this class.
//
// The path is opened once, without following a symbolic link and without waiting. Opening changes nothing.
// All checks are of the open file, so that nobody can exchange it between check and use. A regular file must
// be the user's own and have no other name (hard link), so that nothing elsewhere is overwritten. A pipe must
// have a reader. A character device (`/dev/null`, a terminal) is accepted. Everything else is refused.
// `/dev/stdout`,
// `/dev/stderr` and `/dev/fd/N` are descriptors that the caller has opened; they are not checked.
//
// All members throw std::runtime_error, which names the path and the cause.
class output_file
{
public:
    enum class access
    {
        own,  // mode 0600, also of an existing file after claim(): other users could lock a file that they
              // can read
        all,  // a new file can be read by others, as the umask allows
        look, // read only, to see what a run would find; the file must exist
    };

    output_file(std::string path, access);
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file();

    int descriptor() const noexcept { return descriptor_; }
    bool given() const noexcept { return given_; } // opened by the caller
    bool is_regular() const noexcept { return regular_; }
    bool is_pipe() const noexcept { return pipe_; }

    // Whether the path leads to this file; `-` is standard input.
    bool is_same_as(const std::string& path) const;

    // The following members are only for regular files that are not given.

    // Takes the file for this run: its mode is 0600 from here on, and it is locked. Refuses a file that holds
    // something and does not begin with `start` (see require_start()), or that another process has locked.
    void claim(std::string_view start, std::string_view what);

    std::uint64_t size() const;

    // Refuses a file that holds something and does not begin with `start`; `what` names what it should hold.
    void require_start(std::string_view start, std::string_view what) const;

    // @returns the number of bytes; fewer than `size` only at the end of the file.
    std::size_t read_at(std::uint64_t offset, char* to, std::size_t size) const;

    // Cuts the file to this size. The next byte is written there.
    void cut(std::uint64_t size);

    void write(std::string_view bytes);

    // Returns when all written bytes are on the disk.
    void sync();

    [[noreturn]] void fail(const std::string& what) const; // with the cause, errno
    [[noreturn]] void refuse(const std::string& why) const;

private:
    void open();
    void check();
    void reopen_to_read();
    unsigned make_private(); // @returns the permissions that others had
    void close() noexcept;

    std::string path_;
    access access_;
    int descriptor_ = -1;
    int to_read_ = -1;
    bool given_ = false;
    bool regular_ = false;
    bool pipe_ = false;
};

} // namespace roomctl
