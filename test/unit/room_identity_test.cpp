// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/room_identity.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using watchers::rooms::detail::names_other_room;

namespace {

struct pair_of_ids
{
    const char* what;
    std::string_view asked;
    std::string_view told;
    bool other;
};

} // namespace

TEST_CASE("fault_86_room_identity_of_two_ids")
{
    const pair_of_ids rows[] = {
        {"the same", "match-1", "match-1", false},
        {"another number", "match-1", "match-2", true},
        {"another word", "match", "room", true},
        {"longer", "match-1", "match-11", true},
        {"shorter", "match-11", "match-1", true},
        {"nothing in common", "a", "b", true},
        {"a mark more", "a-b", "a--b", true},
        {"another mark", "brand:match", "brand/match", true},

        {"case", "Match-1", "mATCH-1", false},
        {"case and number", "Match-1", "match-2", true},
        {"not a letter's case", "a[", "a{", true},
        {"not a letter's case either", "a@", "a`", true},
        {"case in Cyrillic", "\xD0\x9C\xD0\xB0\xD1\x82\xD1\x87", "\xD0\xBC\xD0\x90\xD0\xA2\xD0\xA7", false},
        {"another word in Cyrillic", "\xD0\x9C\xD0\xB0\xD1\x82\xD1\x87", "\xD0\x97\xD0\xB0\xD0\xBB", true},
        {"Cyrillic for Latin", "a", "\xD0\xB0", true},

        {"blanks around", " match-1\t", "match-1", false},
        {"blanks within", "match 1", "match  1", false},
        {"blanks left out", "match 1", "match1", false},
        {"no-break and wide spaces", "a b",
         "a\xC2\xA0\xE3\x80\x80"
         "b",
         false},
        {"zero-width characters", "ab",
         "a\xE2\x80\x8B"
         "b\xEF\xBB\xBF",
         false},
        {"blanks and another number", "match 1", "match 2", true},
        {"blanks alone", "match", "  ", true},

        {"NFC, NFD", "caf\xC3\xA9", "cafe\xCC\x81", false},
        {"NFD, NFC, more behind", "cafe\xCC\x81-1", "caf\xC3\xA9-1", false},
        {"NFC, NFD, another number", "caf\xC3\xA9-1", "cafe\xCC\x81-2", true},
        {"marks in another order", "e\xCC\xA3\xCC\x81", "e\xCC\x81\xCC\xA3", false},
        {"the Cyrillic short I", "\xD0\xB9-7", "\xD0\xB8\xCC\x86-7", false},
        {"the Cyrillic short I, another number", "\xD0\xB9-7", "\xD0\xB8\xCC\x86-8", true},
        {"Hangul", "\xEA\xB0\x80", "\xE1\x84\x80\xE1\x85\xA1", false},
        {"the Kelvin sign", "k-1", "\xE2\x84\xAA-1", false},
        {"an Angstrom sign", "\xE2\x84\xAB", "\xC3\xA5", false},
        {"the sharp s",
         "stra\xC3\x9F"
         "e",
         "STRASSE", false},
        {"a dotted I", "\xC4\xB0", "i\xCC\x87", false},
        {"a ligature", "\xEF\xAC\x81nal", "final", false},
        {"wide letters and digits", "a1", "\xEF\xBD\x81\xEF\xBC\x91", false},
        {"a raised two: in doubt the same", "a2", "a\xC2\xB2", false},
        {"the Greek question mark", "a;", "a\xCD\xBE", false},
        {"other accents", "\xC3\xA4", "\xC3\xB6", true},
        {"the same accents around another word", "\xC3\xA4-north-\xC3\xA4", "\xC3\xA4-south-\xC3\xA4", true},
        {"ideographs", "\xE6\xAF\x94\xE8\xB5\x9B", "\xE6\xAF\x94\xE8\xB5\x9B", false},
        {"other ideographs", "\xE6\xAF\x94\xE8\xB5\x9B", "\xE6\xAF\x94\xE6\xAD\xA6", true},
        {"a compatibility ideograph", "\xE8\xB1\x88", "\xEF\xA4\x80", false},
        {"other emoji", "\xF0\x9F\x8F\x86", "\xF0\x9F\x98\x80", true},
        {"emoji and another number in front", "1\xF0\x9F\x8F\x86", "2\xF0\x9F\x8F\x86", true},
    };
    for (const pair_of_ids& row : rows) {
        INFO("Row 86: ", row.what);
        CHECK(names_other_room(row.asked, row.told) == row.other);
        CHECK(names_other_room(row.told, row.asked) == row.other);
    }
}

TEST_CASE("fault_86_ids_beyond_ascii_that_differ_are_of_two_rooms")
{
    const std::string_view rows[][2] = {
        {"カ", "キ"},         {"ルーム1", "victim"}, {"서울", "부산"},
        {"서울", "서운"},     {"😀", "victim-777"},  {"α", "admin"},
        {"Ωmega", "alpha"},   {"Zoë", "Zoé"},        {"Zoë", "Zoe"},
        {"Zoë", "Zoe\u0301"}, {"€1", "room9"},       {"€1", "£1"},
        {"か", "が"},         {"は\u3099", "ぱ"},    {"ул. Ёлка", "ул. Елка"},
        {"й", "и"},           {"łódź", "lodz"},      {"Đà Nẵng", "Đà Năng"},
        {"ß", "victim-777"},  {"ﬁnal", "finish"},    {"ﬁnal-1", "final-2"},
        {"①-a", "1-b"},       {"㌀", "victim-777"},  {"ա", "բ"},
        {"มังกร", "นางฟ้า"},    {"غرفة", "غرفه"},      {"a", "ａb"},
        {"\xFF\xFE", "ab"},
    };
    for (const auto& [asked, told] : rows) {
        INFO("Row 86: ", asked, " / ", told);
        CHECK(names_other_room(asked, told));
        CHECK(names_other_room(told, asked));
    }
}

TEST_CASE("fault_86_ids_beyond_ascii_that_are_of_one_room")
{
    const std::string_view rows[][2] = {
        {"Zoë", "Zoe\u0308"},
        {"ZOË", "zoe\u0308"},
        {"ガ", "カ\u3099"},
        {"ぱ", "は\u309A"},
        {"서울", "\u1109\u1165\u110B\u116E\u11AF"},
        {"가", "\u1100\u1161"},
        {"각", "가\u11A8"},
        {"Ωmega", "ωMEGA"},
        {"Ώ", "ω\u0301"},
        {"ΣΑΣ", "σας"},
        {"\u2126", "ω"},
        {"ЁЛКА", "е\u0308лка"},
        {"Їжак", "їЖАК"},
        {"ҒҮЛ", "ғүл"},
        {"ŁÓDŹ", "łódź"},
        {"Ž", "z\u030C"},
        {"Đà Nẵng", "đa\u0300 na\u0306\u0303ng"},
        {"ở", "o\u031B\u0309"},
        {"ὦ", "ω\u0313\u0342"},
        {"ԱԲ", "աբ"},
        {"ﬁnal", "final"},
        {"①-a", "1-a"},
        {"ｶﾞ", "ガ"},
        {"Ａ１", "a1"},
        {"क़", "क\u093C"},
        {"a\u0323\u0301", "a\u0301\u0323"},
        {"서 울", "서울"},
    };
    for (const auto& [asked, told] : rows) {
        INFO("Row 86: ", asked, " / ", told);
        CHECK_FALSE(names_other_room(asked, told));
        CHECK_FALSE(names_other_room(told, asked));
    }
}

TEST_CASE("fault_86_room_identity_of_long_ids")
{
    const std::string longest(1024, 'a');
    CHECK_FALSE(names_other_room(longest, std::string(1024, 'A')));
    CHECK(names_other_room(longest, longest + "b"));
    CHECK(names_other_room(longest, std::string(1'000'000, 'a')));
    CHECK(names_other_room("a", std::string(1'000'000, ' ') + "a"));

    std::string composed;
    std::string decomposed;
    for (int i = 0; i < 512; ++i) {
        composed += "\xC3\xA9";
        decomposed += "e\xCC\x81";
    }
    CHECK_FALSE(names_other_room(composed, decomposed));
}
