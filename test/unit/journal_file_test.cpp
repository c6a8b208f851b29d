// SPDX-License-Identifier: BSL-1.0
#include "journal_files.hpp"

#include <watchers/rooms/impl/sansio/journal_format.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace watchers::rooms;
using namespace journal_files;

namespace {

using state = journal::state;

unsigned mode_of(const std::string& path)
{
    struct stat s = {};
    REQUIRE(::lstat(path.c_str(), &s) == 0);
    return s.st_mode & 07777U;
}

void check_refused(const std::string& path, std::string_view rule, const journal::digest& d = manifest)
{
    CAPTURE(rule);
    const auto told = refusal([&] { journal(path, d); });
    REQUIRE(told);
    CAPTURE(told->message());
    CHECK(told->message().find(path) != std::string::npos);
    CHECK(told->message().find(rule) != std::string::npos);
}

std::size_t frames_in(const std::string& bytes)
{
    std::size_t n = 0;
    for (auto at = bytes.find("\xF7WRF"); at != std::string::npos; at = bytes.find("\xF7WRF", at + 1))
        ++n;
    return n;
}

} // namespace

TEST_CASE("journal states_follow_the_records_and_come_back")
{
    const temporary_folder folder;
    const auto check = [](const journal& j) {
        CHECK(j.state_of(0) == state::done);
        CHECK(j.state_of(1) == state::in_flight);
        CHECK(j.state_of(2) == state::failed);
        CHECK(j.state_of(3) == state::unknown);
        CHECK(j.state_of(4) == state::done);
        CHECK(j.state_of(5) == state::fresh);
        CHECK(j.state_of(6) == state::done);
        CHECK(j.state_of(7) == state::in_flight);
        CHECK(j.state_of(std::numeric_limits<std::uint64_t>::max()) == state::fresh);
        CHECK(j.confirmed(4));
        CHECK_FALSE(j.confirmed(0));
        CHECK_FALSE(j.confirmed(7));
        CHECK(j.count(state::fresh) == 1);
        CHECK(j.count(state::in_flight) == 2);
        CHECK(j.count(state::done) == 3);
        CHECK(j.count(state::failed) == 1);
        CHECK(j.count(state::unknown) == 1);
    };
    {
        journal j(folder.path(), manifest);
        CHECK_FALSE(j.resumed());
        for (const std::uint64_t i : {0U, 1U, 2U, 3U, 4U, 6U, 7U})
            j.begin(i);
        const int lost = static_cast<int>(errc::connection_lost);
        j.end(0, success);
        j.end(2, journal::outcome(static_cast<int>(errc::bad_request), effect::none));
        j.end(3, journal::outcome(lost, effect::unknown));
        j.end(4, journal::outcome(0, effect::applied, true));
        j.end(6, journal::outcome(lost, effect::applied)); // must not be sent again
        j.end(7, journal::outcome(0, effect::applied, true));
        j.begin(7);
        check(j);
        j.close();
        check(j);
    }
    const journal j(folder.path(), manifest);
    CHECK(j.resumed());
    check(j);
}

TEST_CASE("journal is_flushed_by_its_destructor_and_by_an_assignment")
{
    const temporary_folder folder;
    {
        journal first(folder.path("a"), manifest);
        first.begin(1);
        journal second(folder.path("b"), manifest);
        second.begin(2);
        first = std::move(second);
        first.begin(3);
        CHECK(journal(folder.path("a"), manifest).state_of(1) == state::in_flight);
    }
    const journal j(folder.path("b"), manifest);
    CHECK(j.state_of(2) == state::in_flight);
    CHECK(j.state_of(3) == state::in_flight);
}

TEST_CASE("journal without_records_is_not_resumed")
{
    const temporary_folder folder;
    for (int i = 0; i != 3; ++i) {
        journal j(folder.path(), manifest);
        CHECK_FALSE(j.resumed());
        CHECK_FALSE(commit_and_wait(j));
        j.close();
    }
    CHECK(content(folder.path()).size() == detail::journal_header_size);
}

TEST_CASE("journal seals_once_per_run_that_wrote")
{
    const temporary_folder folder;
    for (const std::size_t frames : {2U, 4U}) {
        {
            journal j(folder.path(), manifest);
            j.begin(0);
        }
        CHECK(frames_in(content(folder.path())) == frames);
        journal(folder.path(), manifest).close();
        CHECK(frames_in(content(folder.path())) == frames);
    }
}

TEST_CASE("journal file_is_its_owners_alone")
{
    const temporary_folder folder;
    const auto mask = ::umask(0);
    journal(folder.path(), manifest).close();
    CHECK(mode_of(folder.path()) == 0600);
    ::chmod(folder.path().c_str(), 0644);
    journal(folder.path(), manifest).close();
    CHECK(mode_of(folder.path()) == 0600);
    ::umask(0777);
    journal(folder.path("new"), manifest).close();
    CHECK(mode_of(folder.path("new")) == 0600);
    ::umask(mask);
}

TEST_CASE("journal refuses_what_is_no_journal_and_leaves_it_alone")
{
    const temporary_folder folder;
    const std::string path = folder.path();

    SUBCASE("foreign content")
    {
        write(path, "match-1,Final\n");
        ::chmod(path.c_str(), 0644);
        check_refused(path, "is not a journal");
        CHECK(content(path) == "match-1,Final\n");
        CHECK(mode_of(path) == 0644);
    }
    SUBCASE("symbolic link")
    {
        write(folder.path("target"), "");
        fs::create_symlink(folder.path("target"), path);
        check_refused(path, "is a symbolic link");
        CHECK(content(folder.path("target")).empty());
    }
    SUBCASE("dangling symbolic link")
    {
        fs::create_symlink(folder.path("target"), path);
        check_refused(path, "is a symbolic link");
        CHECK_FALSE(fs::exists(folder.path("target")));
    }
    // Row 93: another name of a file that is precious, or empty, is not written through.
    SUBCASE("hard link")
    {
        for (const char* const text : {"", "match-1,Final\n"}) {
            write(folder.path("target"), text);
            fs::create_hard_link(folder.path("target"), path);
            check_refused(path, "has another name as well (a hard link)");
            CHECK(content(path) == text);
            fs::remove(path);
        }
        journal(folder.path("target-2"), manifest).close();
        fs::create_hard_link(folder.path("target-2"), path);
        check_refused(path, "has another name as well (a hard link)");
        fs::remove(path);
        journal(folder.path("target-2"), manifest).close();
    }
    SUBCASE("folder")
    {
        fs::create_directory(path);
        check_refused(path, "cannot be opened");
    }
    SUBCASE("pipe")
    {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        check_refused(path, "is not a regular file");
    }
    SUBCASE("device") { check_refused("/dev/null", "is not a regular file"); }
    SUBCASE("another user's file")
    {
        if (::geteuid() == 0) {
            write(path, "");
            REQUIRE(::chown(path.c_str(), 1, 1) == 0);
            check_refused(path, "belongs to another user");
        } else { // who cannot make one: root's, which only root may write
            check_refused("/etc/passwd", "cannot be opened");
        }
    }
    SUBCASE("path with a NUL")
    {
        const auto told = refusal([&] { journal(path + std::string(1, '\0') + "x", manifest); });
        REQUIRE(told);
        CHECK(told->cause() == boost::system::errc::invalid_argument);
        CHECK_FALSE(fs::exists(path));
    }
    SUBCASE("folder that is not there")
    {
        const auto told = refusal([&] { journal(folder.path("none/journal"), manifest); });
        REQUIRE(told);
        CHECK(told->cause() == boost::system::errc::no_such_file_or_directory);
    }
}

TEST_CASE("journal refuses_another_manifest_another_version_and_damage")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    {
        journal j(path, manifest);
        j.begin(0);
        REQUIRE_FALSE(commit_and_wait(j));
        j.begin(1);
    }
    const std::string good = content(path);
    const auto spoil = [&](std::size_t at) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(bytes[at] ^ 4);
        write(path, bytes);
        return bytes;
    };

    check_refused(path, "is of another manifest", manifest_digest().update("another").finish());

    spoil(8);
    check_refused(path, "unknown version");
    spoil(30);
    check_refused(path, "is damaged at offset 0: the checksum of the header is wrong");
    spoil(detail::journal_header_size + 1);
    check_refused(path, "is damaged at offset 56: the head of a frame is wrong");
    const std::string bytes = spoil(detail::journal_header_size + detail::journal_head_size + 1);
    check_refused(path, "is damaged at offset 56: the checksum of a frame's records is wrong");
    CHECK(content(path) == bytes);

    write(path, good);
    CHECK(journal(path, manifest).count(state::in_flight) == 2);
}

TEST_CASE("journal torn_tail_is_cut_and_written_over")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    std::size_t first = 0;
    {
        journal j(path, manifest);
        j.begin(0);
        REQUIRE_FALSE(commit_and_wait(j));
        first = content(path).size();
        j.begin(1);
        j.begin(2);
    }
    const std::string good = content(path);
    const std::size_t second = first + detail::journal_head_size + 4; // where the seal begins

    constexpr std::size_t header = detail::journal_header_size;
    const std::vector<std::size_t> sizes{0,          1,         20,         header - 1,     header,
                                         header + 1, first - 1, first,      first + 1,      first + 16,
                                         second - 1, second,    second + 1, good.size() - 1};
    for (const std::size_t size : sizes) {
        CAPTURE(size);
        write(path, good.substr(0, size));
        {
            journal j(path, manifest);
            REQUIRE(j.resumed() == (size >= first));
            REQUIRE(j.count(state::in_flight) == (size >= second ? 3 : size >= first ? 1 : 0));
            const std::size_t kept = size >= second ? second : size >= first ? first : header;
            REQUIRE(content(path).size() == kept);
            REQUIRE(j.cut() == (size >= header ? size - kept : 0));
            j.begin(9);
        }
        const journal j(path, manifest);
        REQUIRE(j.state_of(9) == state::in_flight);
        REQUIRE((j.state_of(0) == state::in_flight) == (size >= first));
    }
}

TEST_CASE("journal that_tells_of_more_operations_than_there_are_is_refused")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    {
        journal j(path, manifest, 10);
        j.begin(9);
        CHECK(refusal([&] { j.begin(10); })->message().find("operation 10, counted from 0, of 10") !=
              std::string::npos);
    }
    write(path, content(path).substr(0, content(path).size() - 1)); // with a torn tail
    const std::string before = content(path);
    const auto told = refusal([&] { journal(path, manifest, 9); });
    REQUIRE(told);
    CHECK(told->message() == "journal " + path + " tells of operation 9, counted from 0, of 9");
    CHECK(content(path) == before);
    CHECK(journal(path, manifest, 10).state_of(9) == state::in_flight);
}

TEST_CASE("journal serves_one_bulk_run_at_a_time")
{
    const temporary_folder folder;
    journal j(folder.path(), manifest);
    auto run = j.begin_run();
    CHECK(run != nullptr);
    CHECK(j.begin_run() == nullptr);
    run.reset();
    CHECK(j.begin_run() != nullptr);
}

TEST_CASE("journal lock_keeps_out_a_second_one")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    journal j(path, manifest);
    j.begin(0);

    // In the same process
    const auto told = refusal([&] { journal(path, manifest); });
    REQUIRE(told);
    CHECK(told->message().find("is in use by another run") != std::string::npos);
    CHECK(told->cause() == boost::system::errc::operation_would_block);

    // After it was closed
    j.close();
    CHECK(journal(path, manifest).state_of(0) == state::in_flight);
}

// Row 93
TEST_CASE("fault_93 journal_that_others_could_lock_is_not_told_to_be_in_use_by_a_run")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    journal(folder.path("sound"), manifest).close();
    const std::string sound = content(folder.path("sound"));
    struct row
    {
        std::string text;
        unsigned mode;
        unsigned mode_after;
        const char* told;
    };
    for (const row& r :
         {row{sound, 0600, 0600, "is in use by another run"},
          row{sound, 0644, 0600, "(it has mode 0600 now)"}, row{"", 0604, 0600, "a program of another user"},
          row{sound, 0640, 0600, "a program of another user"},
          row{"match-1,Final\n", 0644, 0644, "a program of another user"}}) {
        CAPTURE(r.mode);
        CAPTURE(r.text.size());
        write(path, r.text);
        REQUIRE(::chmod(path.c_str(), r.mode) == 0);
        const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        REQUIRE(::flock(other, LOCK_SH) == 0);
        check_refused(path, r.told);
        CHECK(mode_of(path) == r.mode_after);
        CHECK(content(path) == r.text);
        ::close(other);
    }
}

TEST_CASE("journal lock_of_another_process_lasts_until_it_is_killed")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    child_process child([&](int pipe) {
        journal j(path, manifest);
        j.begin(5);
        if (!commit_and_wait(j) && ::write(pipe, "x", 1) == 1)
            for (;;)
                ::pause();
    });
    char ready = 0;
    REQUIRE(child.read(ready));

    check_refused(path, "is in use by another run");

    CHECK(child.kill());
    CHECK(journal(path, manifest).state_of(5) == state::in_flight);
}

TEST_CASE("manifest_digest pieces_make_no_difference")
{
    const auto hex = [](const journal::digest& d) {
        std::string s;
        for (const unsigned char c : d) {
            s += "0123456789abcdef"[c >> 4];
            s += "0123456789abcdef"[c & 15];
        }
        return s;
    };
    manifest_digest d;
    CHECK(hex(d.finish()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    CHECK(hex(d.update("abc").finish()) == abc);
    CHECK(hex(d.update("a").update("").update("bc").finish()) == abc);
}
