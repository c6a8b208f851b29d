// SPDX-License-Identifier: BSL-1.0

// Calls that the operating system or the file system refuses to the journal, and the errors of the journal.

#include "journal_files.hpp"

#include <watchers/rooms/impl/journal_file.hpp>
#include <watchers/rooms/impl/sansio/journal_format.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

using namespace watchers::rooms;
using namespace journal_files;
using detail::journal_file;
using detail::journal_record;

namespace {

using state = journal::state;

// Fails one chosen call, and logs all of them: O open, L lock, M mode, C cut, R read, W
// write, S sync of the data, A sync of everything, f open the folder, F sync the folder.
class failing_disk final : public detail::journal_disk
{
public:
    class script
    {
    public:
        char failing = 0;
        int number = 0;
        std::string log;
        std::optional<struct stat> synced_folder;
    };

    explicit failing_disk(script& s) : script_(s) {}

    int open(const char* path) override { return fails('O') ? -1 : journal_disk::open(path); }
    int lock(int file) override { return fails('L') ? -1 : journal_disk::lock(file); }
    int set_mode(int file) override { return fails('M') ? -1 : journal_disk::set_mode(file); }
    int cut(int file, std::uint64_t size) override { return fails('C') ? -1 : journal_disk::cut(file, size); }
    std::ptrdiff_t read(int file, char* bytes, std::size_t n, std::uint64_t offset) override
    {
        return fails('R') ? -1 : journal_disk::read(file, bytes, n, offset);
    }
    std::ptrdiff_t write(int file, const char* bytes, std::size_t n, std::uint64_t offset) override
    {
        return fails('W') ? -1 : journal_disk::write(file, bytes, n, offset);
    }
    int sync(int file) override { return fails('S') ? -1 : journal_disk::sync(file); }
    int sync_all(int file) override { return fails('A') ? -1 : journal_disk::sync_all(file); }
    int open_folder(const char* path) override { return fails('f') ? -1 : journal_disk::open_folder(path); }
    int sync_folder(int folder) override
    {
        struct stat s = {};
        if (::fstat(folder, &s) == 0) script_.synced_folder = s;
        return fails('F') ? -1 : journal_disk::sync_folder(folder);
    }

private:
    bool fails(char call)
    {
        script_.log += call;
        if (script_.failing != call) return false;
        errno = script_.number;
        return true;
    }

    script& script_;
};

std::unique_ptr<journal_file> open_with(
    const std::string& path, failing_disk::script& s,
    const detail::journal_reader::sink& sink = [](const auto&) {})
{
    return std::make_unique<journal_file>(path, manifest, sink, std::make_unique<failing_disk>(s));
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("fault_78 what_the_file_system_cannot_do_and_is_not_needed_is_a_warning")
{
    struct refused
    {
        char call;
        int number;
        const char* warning;
    };
    for (const refused& r : {refused{'M', EPERM, "cannot be given mode 0600"},
                             refused{'M', EOPNOTSUPP, "cannot be given mode 0600"},
                             refused{'M', ENOSYS, "cannot be given mode 0600"},
                             refused{'F', EINVAL, "may be missing after a loss of power"},
                             refused{'F', EOPNOTSUPP, "may be missing after a loss of power"},
                             refused{'F', EBADF, "may be missing after a loss of power"},
                             refused{'f', EACCES, "may be missing after a loss of power"}}) {
        CAPTURE(r.call);
        CAPTURE(r.number);
        const temporary_folder folder;
        failing_disk::script script;
        script.failing = r.call;
        script.number = r.number;
        {
            const auto file = open_with(folder.path(), script);
            REQUIRE(file->warnings().size() == 1);
            const std::string& warning = file->warnings().front();
            CHECK(holds(warning, r.warning));
            CHECK(holds(warning, folder.path()));
            CHECK(warning.ends_with(std::strerror(r.number)));
            file->append(journal_record::begun(3));
            CHECK_FALSE(commit_and_wait(*file));
            file->close();
        }
        std::size_t found = 0;
        const auto again =
            open_with(folder.path(), script, [&](const journal_record& x) { found += x.index; });
        CHECK(again->was_closed());
        CHECK(found == 3);
        CHECK(again->warnings().size() == 1);
    }
}

TEST_CASE("fault_78 a_warning_tells_whether_others_may_get_at_the_file")
{
    const temporary_folder folder;
    failing_disk::script script;
    script.failing = 'M';
    script.number = EPERM;
    CHECK(holds(open_with(folder.path(), script)->warnings().front(), "its owner's alone"));
    REQUIRE(::chmod(folder.path().c_str(), 0640) == 0);
    CHECK(holds(open_with(folder.path(), script)->warnings().front(), "other users may be able to"));
    script.failing = 0;
    CHECK(open_with(folder.path(), script)->warnings().empty());
}

TEST_CASE("fault_78 what_fails_and_is_needed_is_refused")
{
    for (const char call : {'O', 'L', 'M', 'R', 'W', 'A', 'f', 'F'}) {
        CAPTURE(call);
        const temporary_folder folder;
        failing_disk::script script;
        script.failing = call;
        script.number = EIO;
        const auto told = refusal([&] { open_with(folder.path(), script); });
        REQUIRE(told);
        CHECK(told->cause() == boost::system::errc::io_error);
        CHECK(told->message().ends_with(std::strerror(EIO)));
    }
}

TEST_CASE("fault_78 a_file_system_that_cannot_lock_is_told_from_a_journal_in_use")
{
    struct refused
    {
        int number;
        const char* rule;
    };
    for (const refused& r :
         {refused{ENOLCK, "does not lock files"}, refused{EOPNOTSUPP, "does not lock files"},
          refused{ENOSYS, "does not lock files"}, refused{EINVAL, "does not lock files"},
          refused{EWOULDBLOCK, "is in use by another run"}, refused{EBADF, "cannot be locked: "}}) {
        CAPTURE(r.number);
        const temporary_folder folder;
        failing_disk::script script;
        script.failing = 'L';
        script.number = r.number;
        const auto told = refusal([&] { open_with(folder.path(), script); });
        REQUIRE(told);
        CHECK(holds(told->message(), r.rule));
        CHECK(holds(told->message(), "in use") == (r.number == EWOULDBLOCK));
        CHECK(told->cause() == error_code(r.number, boost::system::system_category()));
        CHECK(told->message().ends_with(std::strerror(r.number)));
    }
}

TEST_CASE("fault_78 why_a_journal_cannot_be_opened_is_told")
{
    for (const int number : {ENOENT, EACCES, ENOSPC, EROFS, ENOTDIR, ELOOP, EMFILE, EDQUOT, ENAMETOOLONG}) {
        CAPTURE(number);
        const temporary_folder folder;
        failing_disk::script script;
        script.failing = 'O';
        script.number = number;
        const auto told = refusal([&] { open_with(folder.path(), script); });
        REQUIRE(told);
        CHECK(told->cause() == error_code(number, boost::system::system_category()));
        CHECK(told->message().ends_with(std::string(": ") + std::strerror(number)));
        CHECK(holds(told->message(), folder.path()));

        const std::string line = told->to_string(); // tells it once
        CHECK(line.find(std::strerror(number)) == line.rfind(std::strerror(number)));
    }
}

TEST_CASE("journal new_one_is_brought_to_the_disk_with_its_folder")
{
    // Setup
    const temporary_folder folder;
    failing_disk::script script;

    // Run
    open_with(folder.path(), script)->close();

    // Check: the header, then the file, then the entry in its folder.
    CHECK(script.log == "OLRCMWAfF");
    REQUIRE(script.synced_folder);
    struct stat expected = {};
    REQUIRE(::stat(std::filesystem::path(folder.path()).parent_path().c_str(), &expected) == 0);
    CHECK(script.synced_folder->st_ino == expected.st_ino);
    CHECK(script.synced_folder->st_dev == expected.st_dev);
}

TEST_CASE("journal of_a_path_without_a_folder_is_brought_to_the_disk_with_the_current_one")
{
    const temporary_folder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(std::filesystem::path(folder.path()).parent_path());
    failing_disk::script script;
    open_with("journal", script)->close();
    std::filesystem::current_path(before);

    struct stat expected = {};
    REQUIRE(::stat(std::filesystem::path(folder.path()).parent_path().c_str(), &expected) == 0);
    REQUIRE(script.synced_folder);
    CHECK(script.synced_folder->st_ino == expected.st_ino);
}

TEST_CASE("journal half_a_group_behind_a_seal_was_not_closed")
{
    // Setup: closed once; then a run was killed in the middle of its first group.
    const temporary_folder folder;
    {
        journal j(folder.path(), manifest);
        j.begin(0);
        j.end(0, success);
        j.close();
    }
    const std::string sealed = content(folder.path());
    {
        journal j(folder.path(), manifest);
        CHECK(j.was_closed());
        j.begin(1);
        REQUIRE_FALSE(commit_and_wait(j));
    }
    const std::string whole = content(folder.path());
    REQUIRE(whole.size() > sealed.size() + 8);

    for (const std::size_t more : {std::size_t(1), std::size_t(8), detail::journal_head_size + 1}) {
        CAPTURE(more);
        write(folder.path(), whole.substr(0, sealed.size() + more));

        // Run
        const journal j(folder.path(), manifest);

        // Check
        CHECK(j.cut() == more);
        CHECK_FALSE(j.was_closed());
    }
}

TEST_CASE("journal what_was_stopped_before_it_was_sent_is_fresh_again")
{
    const temporary_folder folder;
    const auto check = [](const journal& j) {
        CHECK(j.count(state::failed) == 1);
        CHECK(j.count(state::unknown) == 1);
        CHECK(j.count(state::in_flight) == 0);
        CHECK(j.count(state::done) == 1);
        CHECK(j.count(state::fresh) == 2);
        CHECK(j.state_of(0) == state::fresh);
        CHECK(j.state_of(1) == state::fresh);
        CHECK(j.state_of(2) == state::unknown);
        CHECK(j.state_of(3) == state::failed);
    };
    {
        journal j(folder.path(), manifest);
        for (const std::uint64_t i : {0U, 1U, 2U, 3U, 4U})
            j.begin(i);
        j.end(0, journal::outcome(static_cast<int>(errc::stopped), effect::none));
        j.end(1, journal::outcome(static_cast<int>(errc::skipped_after_failure), effect::none));
        j.end(2, journal::outcome(static_cast<int>(errc::stopped), effect::unknown)); // by an earlier run
        j.end(3, journal::outcome(static_cast<int>(errc::cancelled), effect::none));
        j.end(4, success);
        check(j);
        j.close();
    }
    const journal j(folder.path(), manifest);
    CHECK(j.resumed());
    check(j);
}
