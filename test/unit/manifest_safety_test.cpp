// SPDX-License-Identifier: BSL-1.0
#include "manifest_file.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <system_error>

#include <unistd.h>

using namespace roomctl;

namespace {

std::string rooms(int count, const std::string& about)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += R"({"roomId":"match-)" + std::to_string(i) + R"(","name":"n","about":")" + about + "\"}\n";
    return text;
}

// The entries read before the change is noticed.
std::uint64_t read_until_changed(const manifest& m)
{
    std::uint64_t count = 0;
    auto reader = m.read();
    try {
        while (reader.next())
            ++count;
    } catch (const manifest_error&) {
        return count;
    }
    FAIL("not noticed");
    return count;
}

} // namespace

TEST_CASE("manifest_changed_in_place_gives_no_entry_of_what_was_changed")
{
    // Setup
    const std::string before = rooms(3, "before");
    std::string after = before;
    after.replace(after.find("match-0"), 7, "other-0");
    const manifest_file f(before);
    const manifest m = f.read();

    // Run
    f.write(after);

    // Check
    CHECK(read_until_changed(m) == 0);
}

TEST_CASE("manifest_changed_in_its_middle_gives_the_entries_before_it")
{
    // Setup
    const std::string before = rooms(4000, "before"); // more than three blocks
    const std::size_t place = before.find("match-3000\"");
    REQUIRE(before.size() > 3 * 65536);
    std::string after = before;
    after.replace(place, 7, "other-3");
    const manifest_file f(before);
    const manifest m = f.read();

    // Run
    f.write(after);
    const std::uint64_t count = read_until_changed(m);

    // Check: whole blocks of those before it
    CHECK(count > 1000);
    CHECK(count <= 3000);
}

TEST_CASE("manifest_digest_tells_which_entries_are_left_out")
{
    // Setup: of the same bytes, but for what is wrong with them
    const manifest_file f(rooms(2, "x") + "{}\n");
    const manifest_file g(rooms(2, "x") + rooms(1, "x"));

    // Run
    const manifest one = f.read({{}, {}, true});
    const manifest two = g.read({{}, {}, true});

    // Check
    CHECK(one.invalid() == 1);
    CHECK(two.invalid() == 1);
    CHECK(one.journal_digest() != two.journal_digest());
    CHECK(one.journal_digest() == f.read({{}, {}, true}).journal_digest());
}

TEST_CASE("copy_of_a_pipe_is_bounded")
{
    // Setup
    const struct
    {
        std::string text;
        copy_bounds bounds;
        bool too_large;
    } rows[] = {
        {std::string(1000, 'x'), {1 << 20, 999}, true},
        {std::string(1000, 'x'), {1 << 20, 1000}, false},
        {std::string(600, 'x') + '\n' + std::string(600, 'x'), {1 << 20, 999}, false},
        {std::string(500, '\n'), {499, 999}, true},
        {std::string(500, '\n'), {500, 999}, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        int ends[2] = {};
        REQUIRE(::pipe(ends) == 0);
        const ssize_t written = ::write(ends[1], row.text.data(), row.text.size());
        ::close(ends[1]);

        // Run
        int error = 0;
        try {
            file::open_to_read_again("/dev/fd/" + std::to_string(ends[0]), row.bounds);
        } catch (const std::system_error& e) {
            error = e.code().value();
        }
        ::close(ends[0]);

        // Check
        CHECK(written == static_cast<ssize_t>(row.text.size()));
        CHECK(error == (row.too_large ? EFBIG : 0));
    }
}

TEST_CASE("csv_header_of_very_many_columns_is_one_fault")
{
    const manifest_file f(std::string(1'000'000, ',') + "\na\n", "rooms.csv");
    const manifest m = f.read();
    CHECK(m.faults().count() == 1);
    CHECK(m.faults().any_of_whole_file());
    CHECK(m.faults().to_text() == "line 1, column 1: a header row of more than 64 columns\n");
}

TEST_CASE("record_keeps_its_first_faults")
{
    std::string text = "{\"roomId\":\"a\",\"name\":\"n\",\"about\":\"b\"";
    for (int i = 0; i < 1000; ++i)
        text += ",\"" + std::to_string(i) + "\":1";
    const manifest_file f(text + "}\n");
    CHECK(f.read().faults().count() == manifest_record::max_faults);
}
