// SPDX-License-Identifier: BSL-1.0
#include "manifest_file.hpp"

#include "../../src/roomctl/manifest/duplicate_finder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace roomctl;

namespace {

std::string rooms(int count)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += R"({"roomId":"match-)" + std::to_string(i) + R"(","name":"n","about":"b"})" + "\n";
    return text;
}

std::string hex(const digest& d)
{
    std::string text;
    for (const unsigned char c : d) {
        char digits[3] = {};
        std::snprintf(digits, sizeof digits, "%02x", c);
        text += digits;
    }
    return text;
}

// Standard input from a file or a pipe, until the end.
class redirected_input
{
public:
    explicit redirected_input(int descriptor) : former_(::dup(STDIN_FILENO))
    {
        ::dup2(descriptor, STDIN_FILENO);
        ::close(descriptor);
    }
    redirected_input(const redirected_input&) = delete;
    redirected_input& operator=(const redirected_input&) = delete;
    ~redirected_input()
    {
        ::dup2(former_, STDIN_FILENO);
        ::close(former_);
    }

private:
    int former_;
};

int pipe_with(const std::string& text)
{
    int ends[2] = {};
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    return ends[0];
}

} // namespace

TEST_CASE("shard_key_never_changes")
{
    // As of `printf %s match-321 | sha256sum`
    room_hash hash;
    CHECK(hash("match-321") == room_key{0x70c8727dff9a776fU, 0x168d25eec141f800U});
    CHECK(hash("") == room_key{0xe3b0c44298fc1c14U, 0x9afbf4c8996fb924U});
    CHECK(hash("abc") == room_key{0xba7816bf8f01cfeaU, 0x414140de5dae2223U});
    CHECK(hash("abc") == room_key{0xba7816bf8f01cfeaU, 0x414140de5dae2223U});
    CHECK(shard{10, 12}.holds(hash("abc")) == (0xba7816bf8f01cfeaU % 12 == 10));
}

TEST_CASE("shard_is_read_strictly")
{
    const std::pair<const char*, std::optional<shard>> rows[] = {
        {"0/1", shard{0, 1}},           {"2/3", shard{2, 3}},   {"999999/1000000", shard{999'999, 1'000'000}},
        {"3/3", std::nullopt},          {"0/0", std::nullopt},  {"0/1000001", std::nullopt},
        {"-1/3", std::nullopt},         {"1", std::nullopt},    {"1/", std::nullopt},
        {"/3", std::nullopt},           {"", std::nullopt},     {"1/3 ", std::nullopt},
        {"+1/3", std::nullopt},         {" 1/3", std::nullopt}, {"1/3/5", std::nullopt},
        {"1/4294967297", std::nullopt}, {"00/8", std::nullopt}, {"01/8", std::nullopt},
        {"0/08", std::nullopt},
    };
    for (const auto& [text, expected] : rows) {
        CAPTURE(text);
        CHECK(parse_shard(text) == expected);
    }
}

TEST_CASE("shards_hold_every_room_once_and_keep_its_index")
{
    // Setup
    const manifest_file f(rooms(1000));
    const std::uint32_t count = 7;

    // Run
    std::map<std::uint64_t, std::string> found;
    std::uint64_t selected = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const manifest m = f.read({{}, {i, count}, false});
        const auto entries = entries_of(m);
        CHECK(m.size() == 1000);
        CHECK(m.selected() == entries.size());
        CHECK(entries.size() > 100);
        CHECK(entries.size() < 186);
        selected += m.selected();
        for (const auto& e : entries)
            found.emplace(e.index, id_of(e));
    }

    // Check
    CHECK(selected == 1000);
    REQUIRE(found.size() == 1000);
    for (const auto& [index, id] : found)
        CHECK(id == "match-" + std::to_string(index));
}

TEST_CASE("shards_agree_on_faults_and_count_what_is_left_out")
{
    // Setup
    const manifest_file f(rooms(100) + rooms(50));

    // Run and check
    std::uint64_t selected = 0;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const manifest m = f.read({{}, {i, 3}, true});
        CHECK(m.faults().count() == 50);
        CHECK(m.invalid() == 50);
        CHECK(entries_of(m).size() == m.selected());
        selected += m.selected();
    }
    CHECK(selected == 100);
}

TEST_CASE("manifest_digests_tell_what_differs")
{
    // Setup
    const manifest_file f("{\"op\":\"get\",\"roomId\":\"a\"}\n");
    const manifest_file other("{\"op\":\"get\",\"roomId\":\"a\"}");
    const manifest_file marked("\xEF\xBB\xBF{\"op\":\"get\",\"roomId\":\"a\"}\n");

    // Run
    const manifest m = f.read();
    const std::set<digest> distinct{
        m.journal_digest(),
        m.journal_digest("plan"),
        other.read().journal_digest(),
        marked.read().journal_digest(),
        f.read({{}, {}, true}).journal_digest(),
        f.read({{}, {0, 2}, false}).journal_digest(),
        f.read({{}, {1, 2}, false}).journal_digest(),
        f.read({manifest_format::csv, {}, false}).journal_digest(),
    };

    // Check
    CHECK(hex(m.content_digest()) == "89dacc97f0752dd03e63d01b0bd4b8b57e384ff49257d25698cf5f14169ec5c0");
    CHECK(distinct.size() == 8);
    CHECK(m.journal_digest() == f.read({manifest_format::json_lines, {}, false}).journal_digest());
}

TEST_CASE("manifest_that_changes_while_it_is_read_is_an_error")
{
    const std::string before = rooms(3);
    const struct
    {
        const char* name;
        std::string after;
    } rows[] = {
        {"another text of the same size",
         [&] {
             auto t = before;
             t[before.find("match-1")] = 'M';
             return t;
         }()},
        {"an entry more", rooms(4)},
        {"an entry less", rooms(2)},
        {"an empty line", before + "\n"},
        {"nothing", ""},
        {"a fault", before.substr(0, before.size() - 3)},
        {"operations", "{\"op\":\"get\",\"roomId\":\"a\"}\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const manifest_file f(before);
        const manifest m = f.read();
        f.write(row.after);
        CHECK_THROWS_WITH_AS(entries_of(m), (f.path() + ": changed while it was read").c_str(),
                             manifest_error);
    }
}

TEST_CASE("manifest_is_read_as_often_as_asked_for")
{
    const manifest_file f(rooms(5));
    const manifest m = f.read();
    auto first = m.read();
    first.next();
    auto second = m.read();
    CHECK(second.next()->index == 0);
    CHECK(first.next()->index == 1);
    CHECK(entries_of(m).size() == 5);
}

TEST_CASE("manifest_comes_from_standard_input")
{
    const struct
    {
        std::string text;
        manifest_format format;
    } rows[] = {
        {rooms(200), manifest_format::json_lines},
        {"\xEF\xBB\xBF \n" + rooms(200), manifest_format::json_lines},
        {"roomId,name,about\na,b,c\n", manifest_format::csv},
        {"\xEF\xBB\xBFroomId,name,about\na,b,c\n", manifest_format::csv},
    };
    for (const auto& row : rows) {
        const redirected_input input(pipe_with(row.text));
        const manifest m("-", {});
        CHECK(m.faults().to_text() == "");
        CHECK(m.format() == row.format);
        CHECK(entries_of(m).size() == m.size());
        CHECK(m.size() == (row.format == manifest_format::csv ? 1 : 200));
    }
}

TEST_CASE("manifest_from_standard_input_begins_where_that_is")
{
    const manifest_file f("not for us\n" + rooms(2));
    const int descriptor = ::open(f.path().c_str(), O_RDONLY);
    REQUIRE(::lseek(descriptor, 11, SEEK_SET) == 11);
    const redirected_input input(descriptor);
    CHECK(ids_of(manifest("-", {})) == "match-0 match-1 ");
}

TEST_CASE("manifest_format_follows_the_name_the_option_and_the_first_byte")
{
    const std::string csv = "roomId,name,about\na,b,c\n";
    const struct
    {
        const char* name;
        std::string text;
        std::optional<manifest_format> asked;
        manifest_format expected;
    } rows[] = {
        {"a.csv", csv, {}, manifest_format::csv},
        {"a.CSV", csv, {}, manifest_format::csv},
        {"a.csv", rooms(1), {}, manifest_format::csv},
        {"a.jsonl", csv, {}, manifest_format::json_lines},
        {"a.ndjson", csv, {}, manifest_format::json_lines},
        {"a.json", csv, {}, manifest_format::json_lines},
        {"a.txt", csv, {}, manifest_format::csv},
        {"rooms", rooms(1), {}, manifest_format::json_lines},
        {"a.json", csv, manifest_format::csv, manifest_format::csv},
        {"a.csv", rooms(1), manifest_format::json_lines, manifest_format::json_lines},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const manifest_file f(row.text, row.name);
        CHECK(f.read({row.asked, {}, false}).format() == row.expected);
    }
}

TEST_CASE("manifest_that_cannot_be_opened_is_an_error")
{
    CHECK_THROWS_WITH_AS(manifest("/nonexistent/rooms.csv", {}),
                         "/nonexistent/rooms.csv: cannot be opened: No such file or directory",
                         manifest_error);
    CHECK_THROWS_WITH_AS(manifest("/tmp", {}), "/tmp: cannot be read: Is a directory", manifest_error);
}

TEST_CASE("temporary_file_is_of_this_user_alone")
{
    // Setup: the descriptor is the lowest free one
    const int free = ::dup(STDIN_FILENO);
    ::close(free);
    const auto f = file::temporary();
    struct stat s{};

    // Run
    REQUIRE(::fstat(free, &s) == 0);

    // Check
    CHECK(S_ISREG(s.st_mode));
    CHECK((s.st_mode & 0777U) == 0600U);
    CHECK(s.st_nlink == 0);
}

TEST_CASE("duplicates_are_found_in_and_across_stored_runs")
{
    for (const std::size_t run_size : {1U, 2U, 3U, 7U, 200U, 1000U}) {
        CAPTURE(run_size);
        // Setup: rooms 0 to 299, of which each third comes again, and each ninth once more
        duplicate_finder finder(run_size);
        std::vector<std::uint64_t> ids;
        for (std::uint64_t i = 0; i < 300; ++i)
            ids.push_back(i * 7919 % 300);
        for (std::uint64_t i = 0; i < 300; i += 3)
            ids.push_back(i);
        for (std::uint64_t i = 0; i < 300; i += 9)
            ids.push_back(i);
        for (std::uint64_t i = 0; i < ids.size(); ++i)
            finder.add({{ids[i], 0}, {i + 1, 1}, i, true});

        // Run
        std::vector<std::uint64_t> found;
        finder.finish([&](const duplicate_finder::sighting& later, const duplicate_finder::sighting& first) {
            found.push_back(later.index);
            CHECK(later.key == first.key);
            CHECK(first.index < 300);
        });

        // Check
        std::sort(found.begin(), found.end());
        REQUIRE(found.size() == 134);
        for (std::size_t i = 0; i < found.size(); ++i)
            CHECK(found[i] == 300 + i);
    }
}
