// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/crc32c.hpp>
#include <watchers/rooms/impl/sansio/journal_format.hpp>
#include <watchers/rooms/impl/sansio/nibbles.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::detail;

namespace {

using records = std::vector<journal_record>;
constexpr std::size_t whole = std::numeric_limits<std::size_t>::max();

journal_digest digest_of(unsigned char c)
{
    journal_digest d;
    d.fill(c);
    return d;
}

const journal_digest manifest = digest_of(7);

// A file, and what a reader of its first n frames would have got.
class sample_file
{
public:
    explicit sample_file(std::uint64_t id = 0x0123456789ABCDEF) : bytes(encode_journal_header(id, manifest))
    {
        seed = journal_seed(bytes);
    }

    sample_file& frame(const records& rs)
    {
        std::string payload;
        for (const journal_record& r : rs)
            append_journal_record(payload, r);
        return payload_of(payload, rs);
    }
    sample_file& payload_of(std::string_view payload, const records& rs = {})
    {
        starts.push_back(bytes.size());
        bytes += encode_journal_frame(seed, bytes.size(), payload);
        frames.push_back(rs);
        return *this;
    }
    records first(std::size_t n) const
    {
        records all;
        for (std::size_t i = 0; i != n; ++i)
            all.insert(all.end(), frames[i].begin(), frames[i].end());
        return all;
    }
    // Whole frames within the first bytes.
    std::size_t frames_within(std::size_t size) const
    {
        std::size_t n = 0;
        while (n != starts.size() && (n + 1 == starts.size() ? bytes.size() : starts[n + 1]) <= size)
            ++n;
        return n;
    }

    std::string bytes;
    std::uint32_t seed = 0;
    std::vector<std::size_t> starts;
    std::vector<records> frames;
};

sample_file three_frames()
{
    sample_file f;
    f.frame({journal_record::begun(0), journal_record::begun(1), journal_record::begun(300)});
    f.frame({journal_record::ended(0, 0, effect::applied, false),
             journal_record::ended(300, 4000, effect::unknown, false), journal_record::begun(2)});
    f.frame({journal_record::ended(1, 0, effect::applied, true),
             journal_record::ended(2, 17, effect::none, false)});
    return f;
}

class reading
{
public:
    journal_verdict verdict = journal_verdict::clean;
    std::uint64_t offset = 0;
    std::string rule;
    records got;
    bool sealed = false;
    bool any = false;
};

reading read(std::string_view bytes, std::size_t piece = whole, const journal_digest& d = manifest)
{
    reading r;
    journal_reader reader(d, [&](const journal_record& record) { r.got.push_back(record); });
    while (!bytes.empty()) {
        const bool more = reader.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        if (!more) break;
    }
    r.verdict = reader.finish();
    r.offset = reader.offset();
    r.rule = reader.rule();
    r.sealed = reader.sealed();
    r.any = reader.any_record();
    return r;
}

} // namespace

TEST_CASE("nibbles keep_their_neighbours")
{
    nibbles n;
    CHECK(n.get(0) == 0);
    CHECK(n.get(1'000'000) == 0);
    n.set(5, 0xF);
    n.set(4, 0x3);
    n.set(5, 0x8);
    CHECK(n.size() == 6);
    CHECK(n.get(3) == 0);
    CHECK(n.get(4) == 0x3);
    CHECK(n.get(5) == 0x8);
    CHECK(n.get(6) == 0);
}

TEST_CASE("journal_format records_come_back_in_pieces_of_any_size")
{
    sample_file f = three_frames();
    const std::uint64_t last = journal_max_operations - 1;
    f.frame({journal_record::begun(last), journal_record::begun(127), journal_record::begun(128),
             journal_record::ended(last, 0xFFFFFFFF, effect::unknown, true)});
    records many;
    for (std::uint64_t i = 0; i != 5000; ++i)
        many.push_back(journal_record::ended(i * i, static_cast<std::uint32_t>(i), effect::none, false));
    f.frame(many);

    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{15}, std::size_t{16},
                                    std::size_t{57}, std::size_t{4096}, whole}) {
        CAPTURE(piece);
        const reading r = read(f.bytes, piece);
        CHECK(r.verdict == journal_verdict::clean);
        CHECK(r.offset == f.bytes.size());
        CHECK(r.got == f.first(5));
        CHECK(r.any);
        CHECK_FALSE(r.sealed);
    }
}

TEST_CASE("journal_format layout_is_as_documented")
{
    journal_digest d;
    for (std::size_t i = 0; i != d.size(); ++i)
        d[i] = static_cast<unsigned char>(i + 0xA0);
    const std::string header = encode_journal_header(0x0807060504030201, d);
    std::string expected("\x89WRJ\r\n\x1A\n\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08", 20);
    for (const unsigned char c : d)
        expected += static_cast<char>(c);
    REQUIRE(header.size() == journal_header_size);
    CHECK(header.substr(0, 52) == expected);

    std::string payload;
    append_journal_record(payload, journal_record::begun(300));
    append_journal_record(payload, journal_record::ended(1, 200, effect::unknown, true));
    CHECK(payload == std::string("\x01\xAC\x02\x02\x01\x06\xC8\x01", 8));

    const std::string frame = encode_journal_frame(journal_seed(header), 56, payload);
    CHECK(frame.substr(0, 8) == std::string("\xF7WRF\x08\0\0\0", 8));
    CHECK(frame.substr(journal_head_size) == payload);
    CHECK(frame.size() == journal_head_size + payload.size());
}

TEST_CASE("journal_format cut_anywhere_keeps_exactly_the_whole_frames")
{
    sample_file f = three_frames();
    f.payload_of("");
    for (std::size_t size = 0; size <= f.bytes.size(); ++size) {
        for (const std::size_t piece : {std::size_t{1}, whole}) {
            CAPTURE(size);
            CAPTURE(piece);
            const std::size_t n = f.frames_within(size);
            const std::size_t kept = n == f.starts.size() ? f.bytes.size() : f.starts[n];

            const reading r = read(f.bytes.substr(0, size), piece);

            REQUIRE(r.got == f.first(n));
            REQUIRE(r.offset == (size < journal_header_size ? 0 : kept));
            REQUIRE(r.verdict == (size == kept ? journal_verdict::clean : journal_verdict::torn));
            REQUIRE(r.sealed == (n == 0 || n == 4));
        }
    }
}

TEST_CASE("journal_format tail_that_reached_the_disk_in_part_is_torn")
{
    const sample_file f = three_frames();
    const std::size_t last = f.starts[2];
    const std::size_t size = f.bytes.size() - last;

    for (std::size_t n = 0; n != size; ++n) {
        CAPTURE(n);
        std::string zeros_behind = f.bytes;
        zeros_behind.replace(last + n, size - n, size - n, '\0');
        std::string zeros_before = f.bytes;
        zeros_before.replace(last, n + 1, n + 1, '\0');
        for (const std::string& bytes : {zeros_behind, zeros_before}) {
            if (bytes == f.bytes) continue;
            const reading r = read(bytes);
            REQUIRE(r.verdict == journal_verdict::torn);
            REQUIRE(r.offset == last);
            REQUIRE(r.got == f.first(2));
        }
    }
}

TEST_CASE("journal_format every_flipped_bit_is_found")
{
    const sample_file f = three_frames();
    for (std::size_t i = 0; i != f.bytes.size(); ++i) {
        for (unsigned bit = 0; bit != 8; ++bit) {
            CAPTURE(i);
            CAPTURE(bit);
            std::string bytes = f.bytes;
            bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ (1U << bit));

            const reading r = read(bytes);

            if (i < journal_header_size) {
                REQUIRE(r.verdict == (i < 8    ? journal_verdict::foreign
                                      : i < 12 ? journal_verdict::unknown_version
                                               : journal_verdict::damaged));
                REQUIRE(r.got.empty());
                continue;
            }
            const std::size_t frame = i < f.starts[1] ? 0U : i < f.starts[2] ? 1U : 2U;
            REQUIRE(r.got == f.first(frame));
            REQUIRE(r.offset == f.starts[frame]);
            REQUIRE(r.verdict == (frame == 2 ? journal_verdict::torn : journal_verdict::damaged));
            REQUIRE(r.rule.empty() == (frame == 2));
        }
    }
}

TEST_CASE("journal_format flipped_bit_before_a_seal_is_damage")
{
    sample_file f = three_frames();
    f.payload_of("");
    for (std::size_t i = f.starts[2]; i != f.starts[3]; ++i) {
        CAPTURE(i);
        std::string bytes = f.bytes;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        const reading r = read(bytes, 3);
        REQUIRE(r.verdict == journal_verdict::damaged);
        REQUIRE(r.offset == f.starts[2]);
    }
}

TEST_CASE("journal_format flipped_bit_in_a_header_without_frames_is_no_torn_creation")
{
    const std::string header = sample_file().bytes;
    for (std::size_t i = 0; i != header.size(); ++i) {
        CAPTURE(i);
        std::string bytes = header;
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
        const reading r = read(bytes);
        CHECK(r.verdict != journal_verdict::clean);
        CHECK(r.verdict != journal_verdict::torn);
    }
}

TEST_CASE("journal_format damage_in_the_middle_is_found_though_the_tail_is_torn_too")
{
    const sample_file f = three_frames();
    for (std::size_t size = f.starts[2] + journal_head_size; size != f.bytes.size(); ++size) {
        CAPTURE(size);
        std::string bytes = f.bytes.substr(0, size);
        bytes[f.starts[1] + 5] = 'x'; // its length
        const reading r = read(bytes, 1);
        REQUIRE(r.verdict == journal_verdict::damaged);
        REQUIRE(r.offset == f.starts[1]);
        REQUIRE(r.got == f.first(1));
    }
}

TEST_CASE("journal_format missing_moved_and_foreign_frames_are_not_taken")
{
    const sample_file f = three_frames();
    const auto frame = [&](std::size_t i) {
        return f.bytes.substr(f.starts[i], (i == 2 ? f.bytes.size() : f.starts[i + 1]) - f.starts[i]);
    };
    const std::string header = f.bytes.substr(0, journal_header_size);

    SUBCASE("middle frame missing")
    {
        const reading r = read(header + frame(0) + frame(2));
        CHECK(r.got == f.first(1));
        CHECK(r.offset == f.starts[1]);
    }
    SUBCASE("frame repeated")
    {
        const reading r = read(f.bytes + frame(2));
        CHECK(r.got == f.first(3));
        CHECK(r.offset == f.bytes.size());
    }
    SUBCASE("frame of another journal of the same manifest")
    {
        const sample_file other = sample_file(99).frame(f.frames[0]);
        const reading r = read(header + other.bytes.substr(journal_header_size) + frame(1));
        CHECK(r.got.empty());
        CHECK(r.verdict == journal_verdict::damaged); // the second one stands where it belongs
        CHECK(r.offset == journal_header_size);
    }
}

TEST_CASE("journal_format more_garbage_than_a_frame_holds_is_damage")
{
    const sample_file f = three_frames();
    const std::size_t longest = journal_head_size + journal_max_payload;
    for (const std::size_t piece : {std::size_t{1000}, whole}) {
        CAPTURE(piece);
        const reading torn = read(f.bytes + std::string(longest, 'x'), piece);
        CHECK(torn.verdict == journal_verdict::torn);
        CHECK(torn.offset == f.bytes.size());

        const reading damaged = read(f.bytes + std::string(longest + 1, 'x'), piece);
        CHECK(damaged.verdict == journal_verdict::damaged);
        CHECK(damaged.offset == f.bytes.size());
        CHECK(damaged.got == f.first(3));
    }
}

TEST_CASE("journal_format longest_frame_is_read")
{
    sample_file f;
    std::string payload;
    while (payload.size() + 2 <= journal_max_payload)
        append_journal_record(payload, journal_record::begun(payload.size() % 100));
    REQUIRE(payload.size() == journal_max_payload);
    f.payload_of(payload);
    f.frame({journal_record::begun(1)});
    const reading r = read(f.bytes, 65'536);
    CHECK(r.verdict == journal_verdict::clean);
    CHECK(r.got.size() == journal_max_payload / 2 + 1);
}

TEST_CASE("journal_format malformed_records_are_damage_even_at_the_end")
{
    class bad
    {
    public:
        std::string what;
        std::string payload;
        std::size_t at; // of the record at fault
    };
    using namespace std::string_literals;
    const std::vector<bad> table{
        {"type 0", "\0"s, 0},
        {"type 3", "\x01\x05\x03\x05"s, 2},
        {"no index", "\x01"s, 0},
        {"index cut off", "\x01\x80"s, 0},
        {"index too long a form", "\x01\x80\x00"s, 0},
        {"index of 33 bits", "\x01\x80\x80\x80\x80\x10"s, 0},
        {"index of six bytes", "\x01\xFF\xFF\xFF\xFF\xFF\x01"s, 0},
        {"no flags", "\x02\x05"s, 0},
        {"effect 3", "\x02\x05\x03\x00"s, 0},
        {"flags unknown", "\x02\x05\x08\x00"s, 0},
        {"no error", "\x01\x01\x02\x05\x01"s, 2},
        {"error of 33 bits", "\x02\x05\x01\xFF\xFF\xFF\xFF\x1F"s, 0},
    };
    for (const bad& b : table) {
        CAPTURE(b.what);
        const reading r = read(sample_file().payload_of(b.payload).bytes);
        CHECK(r.verdict == journal_verdict::damaged);
        CHECK(r.offset == journal_header_size + journal_head_size + b.at);
        CHECK_FALSE(r.rule.empty());
    }
}

TEST_CASE("journal_format header_verdicts")
{
    const std::string good = three_frames().bytes;
    std::string version_2 = good;
    version_2[8] = 2;
    const std::string checksum = encode_journal_frame(0, 0, std::string_view(version_2).substr(0, 52));
    version_2.replace(52, 4, checksum, 8, 4); // so that nothing but the version is at fault

    CHECK(read(version_2).verdict == journal_verdict::unknown_version);
    CHECK(read(good, whole, digest_of(8)).verdict == journal_verdict::other_manifest);
    CHECK(read(good.substr(0, journal_header_size), whole, digest_of(8)).verdict ==
          journal_verdict::other_manifest);
    CHECK(read("{\"op\":\"create\"}\n").verdict == journal_verdict::foreign);
    CHECK(read(std::string(journal_header_size, 'x')).verdict == journal_verdict::foreign);
    CHECK(read(std::string(journal_header_size + 1, '\0')).verdict == journal_verdict::foreign);

    // Whatever a crash leaves of creating one
    CHECK(read("").verdict == journal_verdict::torn);
    CHECK(read(std::string(journal_header_size, '\0')).verdict == journal_verdict::torn);
    CHECK(read(std::string(10, '\0')).verdict == journal_verdict::torn);
}
