// SPDX-License-Identifier: BSL-1.0
#include "journal_files.hpp"

#include <watchers/rooms/impl/journal_file.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

using namespace watchers::rooms;
using namespace journal_files;
using detail::journal_file;
using detail::journal_record;

namespace {

using state = journal::state;

// Does to system calls what it is told to, and remembers them: W a whole write, w a part of one, S a sync,
// i an interruption, E an error.
class scripted_disk final : public detail::journal_disk
{
public:
    class script
    {
    public:
        std::size_t most = std::numeric_limits<std::size_t>::max(); // bytes that one write takes
        int interruptions = 0;                                      // before each call that gets through
        int write_error = 0;
        int sync_error = 0;
        std::string log;
        std::uint64_t last_offset = 0; // written to
    };

    explicit scripted_disk(script& s) : script_(s) {}

    std::ptrdiff_t write(int file, const char* bytes, std::size_t count, std::uint64_t offset) override
    {
        if (interrupted()) return -1;
        if (script_.write_error != 0) return fail(script_.write_error);
        const std::size_t taken = std::min(count, script_.most);
        script_.last_offset = offset;
        script_.log += taken == count ? 'W' : 'w';
        return journal_disk::write(file, bytes, taken, offset);
    }

    int sync(int file) override
    {
        if (interrupted()) return -1;
        if (script_.sync_error != 0) return fail(script_.sync_error);
        script_.log += 'S';
        return journal_disk::sync(file);
    }

private:
    bool interrupted()
    {
        if (interrupted_ == script_.interruptions) return interrupted_ = 0, false;
        ++interrupted_;
        script_.log += 'i';
        errno = EINTR;
        return true;
    }
    int fail(int number)
    {
        script_.log += 'E';
        errno = number;
        return -1;
    }

    script& script_;
    int interrupted_ = 0;
};

// Of a test that does not look at what the file holds.
void ignore(const journal_record&) {}

} // namespace

TEST_CASE("journal one_group_serves_all_that_wait")
{
    const temporary_folder folder;
    scripted_disk::script script;
    journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
    script.log.clear(); // of the header's writing

    // The writer is kept in the first commit's function while others queue up.
    std::promise<void> entered;
    std::promise<void> go_on;
    file.append(journal_record::begun(0));
    file.commit([&](error_code) {
        entered.set_value();
        go_on.get_future().wait();
    });
    entered.get_future().wait();
    std::vector<int> served;
    for (int i = 1; i != 101; ++i) {
        file.append(journal_record::begun(static_cast<std::uint64_t>(i)));
        file.commit([&served, i](error_code ec) {
            if (!ec) served.push_back(i);
        });
    }
    go_on.set_value();
    CHECK_FALSE(commit_and_wait(file));

    CHECK(script.log == "WSWS"); // the last commit found nothing left to write
    REQUIRE(served.size() == 100);
    CHECK(std::is_sorted(served.begin(), served.end()));
    file.close();
    CHECK(journal(folder.path(), manifest).count(state::in_flight) == 101);
}

TEST_CASE("journal large_group_is_split_into_frames_each_brought_to_the_disk")
{
    const temporary_folder folder;
    scripted_disk::script script;
    constexpr std::uint64_t count = 600'000;
    {
        journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
        script.log.clear();
        for (std::uint64_t i = 0; i != count; ++i)
            file.append(journal_record::begun(i));
        CHECK_FALSE(commit_and_wait(file));
        CHECK(script.log == "WSWSWS");
    }
    CHECK(journal(folder.path(), manifest).count(state::in_flight) == count);
}

TEST_CASE("journal interrupted_and_partial_system_calls_are_gone_on_with")
{
    const temporary_folder folder;
    scripted_disk::script script;
    script.most = 9;
    script.interruptions = 2;
    {
        journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
        script.log.clear();
        for (std::uint64_t i = 0; i != 4; ++i)
            file.append(journal_record::begun(i));
        CHECK_FALSE(commit_and_wait(file));
        CHECK(script.log == "iiwiiwiiWiiS"); // 24 bytes
        file.close();
    }
    CHECK(journal(folder.path(), manifest).count(state::in_flight) == 4);
}

TEST_CASE("journal failure_is_final_for_every_commit")
{
    const temporary_folder folder;
    scripted_disk::script script;
    journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
    script.log.clear();
    file.append(journal_record::begun(0));
    REQUIRE_FALSE(commit_and_wait(file));

    std::string what;
    SUBCASE("disk full")
    {
        script.write_error = ENOSPC;
        what = "cannot be written at offset 74";
    }
    SUBCASE("sync fails")
    {
        script.sync_error = EIO;
        what = "cannot be brought to the disk";
    }
    SUBCASE("disk takes nothing")
    {
        script.most = 0;
        script.sync_error = EIO; // the cause given for it
        what = "cannot be written at offset 74";
    }
    const error_code expected(script.write_error != 0 ? script.write_error : script.sync_error,
                              boost::system::system_category());
    file.append(journal_record::begun(1));
    std::vector<error_code> told;
    for (int i = 0; i != 3; ++i)
        file.commit([&](error_code ec) { told.push_back(ec); });
    CHECK(commit_and_wait(file) == expected);
    CHECK(told == std::vector<error_code>(3, expected));

    // Not even if the disk has recovered: nobody knows what it holds.
    script.write_error = 0;
    script.sync_error = 0;
    const std::string log = script.log;
    file.append(journal_record::begun(2));
    CHECK(commit_and_wait(file) == expected);
    CHECK(file.failure().message().find(folder.path()) != std::string::npos);
    CHECK(file.failure().message().find(what) != std::string::npos);
    const auto closing = refusal([&] { file.close(); });
    REQUIRE(closing);
    CHECK(closing->cause() == expected);
    CHECK(script.log == log);

    const journal j(folder.path(), manifest);
    CHECK(j.state_of(0) == state::in_flight);
    CHECK(j.state_of(2) == state::fresh);
}

TEST_CASE("journal writes_its_last_group_again_when_it_is_opened")
{
    // For the kernel takes pages for written once fdatasync() has failed with them.
    const temporary_folder folder;
    scripted_disk::script script;
    {
        journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
        file.append(journal_record::begun(0));
        REQUIRE_FALSE(commit_and_wait(file));
        script.sync_error = EIO;
        file.append(journal_record::begun(1));
        REQUIRE(commit_and_wait(file));
    }
    script = {};
    const std::string before = content(folder.path());
    {
        const journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
        CHECK(script.log == "W");
        CHECK(script.last_offset == detail::journal_header_size + detail::journal_head_size + 2);
        CHECK(content(folder.path()) == before);
    }
    write(folder.path(), before.substr(0, detail::journal_header_size));
    script = {};
    const journal_file file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script));
    CHECK(script.log == "W");
    CHECK(script.last_offset == 0);
}

// Row 84.
TEST_CASE("journal limit_on_file_size_fails_commits_and_ends_no_process")
{
    const temporary_folder folder;
    journal j(folder.path(), manifest);
    j.begin(0);
    REQUIRE_FALSE(commit_and_wait(j));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit tight = before;
    tight.rlim_cur = content(folder.path()).size() + 30; // a part of the next frame
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);

    for (std::uint64_t i = 1; i != 100; ++i)
        j.begin(i);
    const error_code ec = commit_and_wait(j);
    const error_code again = commit_and_wait(j);

    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(ec == boost::system::errc::file_too_large);
    CHECK(again == ec);
    CHECK(j.failure().cause() == ec);
    CHECK(content(folder.path()).size() == tight.rlim_cur);
    CHECK(refusal([&] { j.close(); }));

    journal next(folder.path(), manifest);
    CHECK(next.count(state::in_flight) == 1);
    next.begin(1);
    CHECK_FALSE(commit_and_wait(next));
}

// Row 84.
TEST_CASE("journal full_disk_when_it_is_created_is_an_error_and_no_obstacle_later")
{
    const temporary_folder folder;
    scripted_disk::script script;
    script.write_error = ENOSPC;
    const auto told = refusal(
        [&] { journal_file(folder.path(), manifest, ignore, std::make_unique<scripted_disk>(script)); });
    REQUIRE(told);
    CHECK(told->cause() == boost::system::errc::no_space_on_device);
    CHECK_FALSE(journal(folder.path(), manifest).resumed());
}

TEST_CASE("journal closed_or_out_of_range_is_refused")
{
    const temporary_folder folder;
    journal j(folder.path(), manifest);
    const std::uint64_t too_great = std::uint64_t{1} << 32;
    CHECK(refusal([&] { j.begin(too_great); }));
    CHECK(refusal([&] { j.end(too_great, success); }));
    CHECK(j.count(state::fresh) == 0);
    j.commit({});
    j.close();
    j.close();
    CHECK(refusal([&] { j.begin(0); }));
    CHECK(refusal([&] { j.end(0, success); }));
    CHECK(refusal([&] { j.commit({}); }));
    CHECK(j.state_of(0) == state::fresh);
}

TEST_CASE("journal close_ends_after_every_commits_function")
{
    const temporary_folder folder;
    std::atomic<int> called = 0;
    journal j(folder.path(), manifest);
    for (std::uint64_t i = 0; i != 50; ++i) {
        j.begin(i);
        j.commit([&](error_code ec) { called += ec ? 0 : 1; });
    }
    j.close();
    CHECK(called == 50);
}

TEST_CASE("journal killed_while_writing_keeps_what_it_reported")
{
    const temporary_folder folder;
    const std::string path = folder.path();
    std::uint64_t next = 0; // every run goes on where the last one was known to be

    for (const std::uint64_t kill_after : {1U, 2U, 7U, 50U, 51U, 300U}) {
        CAPTURE(kill_after);
        child_process child([&](int pipe) {
            std::atomic<std::uint64_t> served = next;
            journal j(path, manifest);
            for (std::uint64_t i = next;; ++i) {
                j.begin(i);
                if (i != next) j.end(i - 1, success);
                j.commit([pipe, &served, i](error_code ec) {
                    if (ec || ::write(pipe, &i, sizeof i) != sizeof i) ::_exit(2);
                    served = i + 1;
                    served.notify_one();
                });
                for (auto s = served.load(); s + 64 <= i; s = served.load())
                    served.wait(s);
            }
        });
        std::uint64_t reported = 0;
        std::uint64_t reports = 0;
        for (std::uint64_t i = 0; child.read(i); ++reports) {
            reported = i;
            if (reports == kill_after) child.send_kill();
        }
        CHECK(child.kill());
        CHECK(reports >= kill_after);

        const journal j(path, manifest);
        for (std::uint64_t i = next; i != reported; ++i)
            REQUIRE(j.state_of(i) == state::done);
        REQUIRE(j.state_of(reported) != state::fresh);
        REQUIRE(j.count(state::failed) + j.count(state::unknown) == 0);
        // One was under way in each run; what follows was begun, and in this order.
        next = reported + 1;
        while (j.state_of(next) != state::fresh)
            ++next;
        REQUIRE(j.count(state::fresh) == 0);
    }
}
