// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/journal_file.hpp>
#include <watchers/rooms/impl/sansio/journal_format.ipp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <cerrno>
#include <csignal>
#include <exception>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace watchers::rooms::detail {

// Calls again while a signal's handler interrupts.
template <class Call>
auto uninterrupted(Call call)
{
    auto result = call();
    while (result == -1 && errno == EINTR)
        result = call();
    return result;
}

WATCHERS_ROOMS_DECL error_code journal_cause(int number) noexcept
{
    return {number, boost::system::system_category()};
}

WATCHERS_ROOMS_DECL int journal_disk::open(const char* path)
{
    // O_NONBLOCK: a pipe or a device is refused, and opening it must not wait for its other end.
    return ::open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
}

WATCHERS_ROOMS_DECL int journal_disk::lock(int file) { return ::flock(file, LOCK_EX | LOCK_NB); }

WATCHERS_ROOMS_DECL int journal_disk::set_mode(int file) { return ::fchmod(file, 0600); }

WATCHERS_ROOMS_DECL int journal_disk::cut(int file, std::uint64_t size)
{
    return ::ftruncate(file, static_cast<off_t>(size));
}

WATCHERS_ROOMS_DECL std::ptrdiff_t journal_disk::read(int file, char* bytes, std::size_t count,
                                                      std::uint64_t offset)
{
    return ::pread(file, bytes, count, static_cast<off_t>(offset));
}

WATCHERS_ROOMS_DECL std::ptrdiff_t journal_disk::write(int file, const char* bytes, std::size_t count,
                                                       std::uint64_t offset)
{
    return ::pwrite(file, bytes, count, static_cast<off_t>(offset));
}

WATCHERS_ROOMS_DECL int journal_disk::sync(int file) { return ::fdatasync(file); }

WATCHERS_ROOMS_DECL int journal_disk::sync_all(int file) { return ::fsync(file); }

WATCHERS_ROOMS_DECL int journal_disk::open_folder(const char* path)
{
    return ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

WATCHERS_ROOMS_DECL int journal_disk::sync_folder(int folder) { return ::fsync(folder); }

WATCHERS_ROOMS_DECL void journal_descriptor::reset() noexcept
{
    if (fd_ != -1) ::close(fd_);
    fd_ = -1;
}

WATCHERS_ROOMS_DECL int journal_file::open() const noexcept
{
    if (path_.find('\0') != path_.npos) return errno = EINVAL, -1;
    const int fd = uninterrupted([&] { return disk_->open(path_.c_str()); });
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    // The program was started with its standard streams closed: what it prints must not get into the file.
    const int higher = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int number = errno;
    ::close(fd);
    errno = number;
    return higher;
}

WATCHERS_ROOMS_DECL journal_file::journal_file(std::string path, const journal_digest& digest,
                                               journal_reader::sink sink, std::unique_ptr<journal_disk> disk)
    : path_(std::move(path))
    , disk_(std::move(disk))
    , file_(open())
{
    claim();
    std::uint64_t last_frame = 0;
    const bool valid = recover(digest, std::move(sink), last_frame);
    make_private(); // not before it is known to be a journal
    if (!valid) create(digest);
    // The bytes that were read may not be on the disk yet: a killed run leaves them in the page cache. After
    // a failed fdatasync() Linux treats the pages as written: those that may be affected are written again.
    if (valid) rewrite(last_frame);
    if (uninterrupted([&] { return disk_->sync_all(file_.get()); }) == -1)
        fail_by_system("cannot be brought to the disk");
    sync_folder();
    start();
}

// Whether only this process's user can access it.
WATCHERS_ROOMS_DECL void journal_file::claim()
{
    if (file_.get() == -1) {
        if (errno == ELOOP) fail_by_system("is a symbolic link, or behind a loop of them");
        fail_by_system("cannot be opened");
    }
    struct stat s = {};
    if (::fstat(file_.get(), &s) == -1) fail_by_system("cannot be examined");
    if (!S_ISREG(s.st_mode)) fail("is not a regular file");
    if (s.st_uid != ::geteuid()) fail("belongs to another user");
    if (s.st_nlink > 1) fail("has another name as well (a hard link)");
    if (s.st_nlink == 0) fail("was removed while it was opened");
    if (uninterrupted([&] { return disk_->lock(file_.get()); }) != -1) return;
    if (errno == EWOULDBLOCK) fail_by_lock(s.st_mode & 077U);
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
        fail_by_system("cannot be locked, and two runs could use it at once: its file system, or that one's "
                       "server, does not lock files (put the journal on a local file system)");
    fail_by_system("cannot be locked");
}

// Whoever can open a file can lock it: the mode tells whether that can be another user. It is changed only if
// the file is a journal, or empty.
WATCHERS_ROOMS_DECL void journal_file::fail_by_lock(unsigned others) const
{
    const int number = errno;
    std::string what = "is in use by another run";
    if (others != 0) {
        what =
            "is locked by another process: another run, or a program of another user, for whom its mode let "
            "it be opened";
        std::string start(journal_magic.size(), '\0');
        const auto n = uninterrupted([&] { return disk_->read(file_.get(), start.data(), start.size(), 0); });
        const bool is_own = n == 0 || (n > 0 && start == journal_magic);
        if (is_own && uninterrupted([&] { return disk_->set_mode(file_.get()); }) != -1)
            what += " (it has mode 0600 now)";
        what += "; end that process if it is no run";
    }
    errno = number;
    fail_by_system(what);
}

// Whether this error means that the file system does not support the operation, not that it failed.
inline bool tells_unsupported(int number) noexcept
{
    return number == EPERM || number == EACCES || number == EINVAL || number == EOPNOTSUPP ||
           number == ENOSYS || number == ENOTTY;
}

// Some file systems (FAT, many network ones) have one mode for all files.
WATCHERS_ROOMS_DECL void journal_file::make_private()
{
    if (uninterrupted([&] { return disk_->set_mode(file_.get()); }) != -1) return;
    const int number = errno;
    if (!tells_unsupported(number)) fail_by_system("cannot be given mode 0600");
    struct stat s = {};
    const bool is_private = ::fstat(file_.get(), &s) != -1 && (s.st_mode & 077U) == 0;
    warn(is_private ? "cannot be given mode 0600, but its file system reports it as its owner's alone"
                    : "cannot be given mode 0600: other users may be able to read or to change it",
         number);
}

// False if there is not even a header.
WATCHERS_ROOMS_DECL bool journal_file::recover(const journal_digest& digest, journal_reader::sink sink,
                                               std::uint64_t& last_frame)
{
    journal_reader reader(digest, std::move(sink));
    std::string chunk(64 * 1024, '\0');
    std::uint64_t offset = 0;
    bool more = true;
    while (more) {
        const auto n =
            uninterrupted([&] { return disk_->read(file_.get(), chunk.data(), chunk.size(), offset); });
        if (n == -1) fail_by_system("cannot be read at offset " + std::to_string(offset));
        offset += static_cast<std::uint64_t>(n);
        more = n != 0 && reader.feed({chunk.data(), static_cast<std::size_t>(n)});
    }

    const journal_verdict verdict = reader.finish();
    end_ = reader.offset();
    switch (verdict) {
    case journal_verdict::clean: break;
    case journal_verdict::torn:
        if (uninterrupted([&] { return disk_->cut(file_.get(), end_); }) == -1)
            fail_by_system("cannot be cut at offset " + std::to_string(end_));
        if (end_ != 0) cut_ = offset - end_;
        break;
    case journal_verdict::damaged:
        fail("is damaged at offset " + std::to_string(end_) + ": " + reader.rule());
    case journal_verdict::foreign: fail("is not a journal: it begins with other bytes");
    case journal_verdict::unknown_version:
        fail("is of an unknown version, or damaged at offset " + std::to_string(end_));
    case journal_verdict::other_manifest: fail("is of another manifest");
    }
    seed_ = reader.seed();
    sealed_ = reader.sealed();
    was_closed_ = sealed_ && cut_ == 0;
    resumed_ = reader.any_record();
    last_frame = reader.last_frame();
    return end_ != 0;
}

// From the offset to the end: at most one frame.
WATCHERS_ROOMS_DECL void journal_file::rewrite(std::uint64_t offset)
{
    std::string bytes(static_cast<std::size_t>(end_ - offset), '\0');
    for (std::size_t got = 0; got < bytes.size();) {
        const auto n = uninterrupted(
            [&] { return disk_->read(file_.get(), bytes.data() + got, bytes.size() - got, offset + got); });
        if (n == 0) errno = EIO; // it was just read
        if (n <= 0) fail_by_system("cannot be read at offset " + std::to_string(offset + got));
        got += static_cast<std::size_t>(n);
    }
    write_all(bytes, offset);
}

WATCHERS_ROOMS_DECL void journal_file::create(const journal_digest& digest)
{
    std::random_device random;
    const std::uint64_t id = (static_cast<std::uint64_t>(random()) << 32) | random();
    const std::string header = encode_journal_header(id, digest);
    write_all(header, 0);
    end_ = header.size();
    seed_ = journal_seed(header);
}

// Without it a new file may be missing after a loss of power. The content of the file is not affected.
WATCHERS_ROOMS_DECL void journal_file::sync_folder()
{
    const auto slash = path_.rfind('/');
    const std::string folder = slash == path_.npos ? "." : path_.substr(0, slash + 1);
    const journal_descriptor d(uninterrupted([&] { return disk_->open_folder(folder.c_str()); }));
    if (d.get() != -1 && uninterrupted([&] { return disk_->sync_folder(d.get()); }) != -1) return;
    const int number = errno;
    if (!tells_unsupported(number) && number != EBADF && number != EISDIR)
        fail_by_system("cannot be brought to the disk: its folder cannot be");
    warn("may be missing after a loss of power: its folder cannot be brought to the disk", number);
}

WATCHERS_ROOMS_DECL void journal_file::warn(const std::string& what, int number)
{
    warnings_.push_back(told(what, journal_cause(number)).message());
}

WATCHERS_ROOMS_DECL void journal_file::start()
{
    // The thread inherits this mask: no handler of the program's runs on it, and SIGXFSZ does not end the
    // program but leaves its write with EFBIG.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    error_code ec;
    try {
        writer_ = std::thread([this] { run(); });
    } catch (const std::system_error& e) {
        ec = journal_cause(e.code().value());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (ec) throw error(errc::journal_failed, told("cannot be written: no thread for it", ec));
}

WATCHERS_ROOMS_DECL journal_file::~journal_file()
{
    if (!writer_.joinable()) return;
    try {
        commit({});
    } catch (const std::exception&) { // out of memory: what was not committed is lost, as it may be
    }
    stop();
}

WATCHERS_ROOMS_DECL void journal_file::append(const journal_record& r)
{
    if (!writer_.joinable()) fail("is closed");
    if (r.index >= journal_max_operations)
        fail("holds at most " + std::to_string(journal_max_operations) + " operations");
    if (buffered_.empty() || buffered_.back().size() > journal_max_payload - journal_max_record)
        buffered_.emplace_back();
    append_journal_record(buffered_.back(), r);
}

WATCHERS_ROOMS_DECL void journal_file::add(std::string&& payload, std::vector<std::string>& to)
{
    if (!to.empty() && to.back().size() + payload.size() <= journal_max_payload)
        to.back() += payload;
    else
        to.push_back(std::move(payload));
}

WATCHERS_ROOMS_DECL void journal_file::commit(handler done)
{
    if (!writer_.joinable()) fail("is closed");
    {
        const std::lock_guard lock(mutex_);
        for (std::string& payload : buffered_)
            add(std::move(payload), due_);
        waiting_.push_back(std::move(done)); // last: it must not be served without its records
    }
    buffered_.clear();
    work_.notify_one();
}

WATCHERS_ROOMS_DECL void journal_file::close()
{
    if (!writer_.joinable()) return;
    commit({});
    stop();
    if (failed_) throw error(errc::journal_failed, failure_);
}

WATCHERS_ROOMS_DECL rooms::diagnostics journal_file::failure() const
{
    const std::lock_guard lock(mutex_);
    return failure_;
}

WATCHERS_ROOMS_DECL void journal_file::stop() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_.notify_one();
    writer_.join();
    file_.reset();
}

WATCHERS_ROOMS_DECL void journal_file::run() noexcept
{
    std::vector<std::string> payloads;
    std::vector<handler> served;
    error_code failed;
    const auto attempt = [&](auto&& write) {
        if (failed) return; // after a failed write or sync nobody knows what the disk holds
        rooms::diagnostics why;
        try {
            write();
            return;
        } catch (const error& e) {
            why = e.diagnostics();
        } catch (const std::exception&) {
            why.set_cause(journal_cause(ENOMEM));
        }
        failed = why.cause();
        const std::lock_guard lock(mutex_);
        failed_ = true;
        failure_ = std::move(why);
    };

    for (;;) {
        {
            std::unique_lock lock(mutex_);
            work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) break;
            payloads.swap(due_);
            served.swap(waiting_);
        }
        attempt([&] {
            for (const std::string& payload : payloads)
                write_frame(payload);
        });
        payloads.clear();
        for (handler& h : served)
            if (h) h(failed);
        served.clear();
    }
    attempt([&] {
        if (!sealed_) write_frame({});
    });
}

WATCHERS_ROOMS_DECL void journal_file::write_frame(std::string_view payload)
{
    const std::string frame = encode_journal_frame(seed_, end_, payload);
    write_all(frame, end_);
    if (uninterrupted([&] { return disk_->sync(file_.get()); }) == -1)
        fail_by_system("cannot be brought to the disk");
    end_ += frame.size();
    sealed_ = payload.empty();
}

WATCHERS_ROOMS_DECL void journal_file::write_all(std::string_view bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        const auto n =
            uninterrupted([&] { return disk_->write(file_.get(), bytes.data(), bytes.size(), offset); });
        if (n == 0) errno = EIO; // not in POSIX's book, and must not loop for ever
        if (n <= 0) fail_by_system("cannot be written at offset " + std::to_string(offset));
        bytes.remove_prefix(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

WATCHERS_ROOMS_DECL rooms::diagnostics journal_file::told(const std::string& what, error_code cause) const
{
    rooms::diagnostics d;
    std::string message = "journal " + printable(path_) + ' ' + what;
    if (cause) message += ": " + printable(cause.message());
    d.set_message(std::move(message)).set_cause(cause);
    return d;
}

WATCHERS_ROOMS_DECL void journal_file::fail(const std::string& what) const
{
    throw error(errc::journal_failed, told(what));
}

WATCHERS_ROOMS_DECL void journal_file::fail_by_system(const std::string& what) const
{
    const int number = errno;
    throw error(errc::journal_failed, told(what, journal_cause(number)));
}

} // namespace watchers::rooms::detail
