// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/sansio/journal_format.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// The system calls, virtual so that tests can make them fail and see their order. Each returns -1 and sets
// errno if it fails.
class journal_disk
{
public:
    virtual ~journal_disk() = default;

    virtual int open(const char* path); // creates the file
    virtual int lock(int file);
    virtual int set_mode(int file);
    virtual int cut(int file, std::uint64_t size);
    virtual std::ptrdiff_t read(int file, char* bytes, std::size_t count, std::uint64_t offset);
    virtual std::ptrdiff_t write(int file, const char* bytes, std::size_t count, std::uint64_t offset);
    virtual int sync(int file);     // its data
    virtual int sync_all(int file); // its metadata as well
    virtual int open_folder(const char* path);
    virtual int sync_folder(int folder);
};

// A file's descriptor, and the lock that goes with it.
class journal_descriptor
{
public:
    explicit journal_descriptor(int fd) noexcept : fd_(fd) {}
    journal_descriptor(const journal_descriptor&) = delete;
    journal_descriptor& operator=(const journal_descriptor&) = delete;
    ~journal_descriptor() { reset(); }

    int get() const noexcept { return fd_; }
    void reset() noexcept;

private:
    int fd_;
};

// The journal's file: opened, locked, recovered, and written by a thread of its own. One thread calls the
// public functions; failure() may be called from any.
class journal_file
{
public:
    using handler = std::function<void(error_code)>;

    // The sink gets the records that the file holds, before the constructor returns.
    journal_file(std::string path, const journal_digest&, journal_reader::sink,
                 std::unique_ptr<journal_disk> = std::make_unique<journal_disk>());
    ~journal_file();

    const std::string& path() const noexcept { return path_; }
    bool resumed() const noexcept { return resumed_; }
    std::uint64_t cut() const noexcept { return cut_; } // bytes of a torn tail
    bool was_closed() const noexcept { return was_closed_; }
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    void append(const journal_record&);
    void commit(handler);
    void close();
    rooms::diagnostics failure() const;

private:
    int open() const noexcept;
    void claim();
    void make_private();
    bool recover(const journal_digest&, journal_reader::sink, std::uint64_t& last_frame);
    void rewrite(std::uint64_t offset);
    void create(const journal_digest&);
    void sync_folder();
    void warn(const std::string& what, int number);
    void start();
    void stop() noexcept;
    void run() noexcept;
    void write_frame(std::string_view payload);
    void write_all(std::string_view bytes, std::uint64_t offset);
    [[noreturn]] void fail(const std::string& what) const;
    [[noreturn]] void fail_by_system(const std::string& what) const;
    [[noreturn]] void fail_by_lock(unsigned others) const;
    rooms::diagnostics told(const std::string& what, error_code cause = {}) const;
    void add(std::string&& payload, std::vector<std::string>& to);

    std::string path_;
    std::unique_ptr<journal_disk> disk_;
    journal_descriptor file_;
    bool resumed_ = false;
    std::uint64_t cut_ = 0;
    bool was_closed_ = true;
    std::vector<std::string> warnings_;

    // Of the thread that uses it
    std::vector<std::string> buffered_; // payloads of frames, each within the limit

    // Of the writer
    std::uint64_t end_ = 0;
    std::uint32_t seed_ = 0;
    bool sealed_ = true;

    mutable std::mutex mutex_; // guards what follows
    std::condition_variable work_;
    std::vector<std::string> due_;
    std::vector<handler> waiting_;
    bool failed_ = false;
    rooms::diagnostics failure_;
    bool stopping_ = false;

    std::thread writer_;
};

} // namespace watchers::rooms::detail
