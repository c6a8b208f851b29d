// SPDX-License-Identifier: BSL-1.0
#include "support/colliding_ids.hpp"

#include <watchers/rooms/impl/io/random_key.hpp>
#include <watchers/rooms/impl/sansio/hash_marks.hpp>
#include <watchers/rooms/impl/sansio/room_order.hpp>
#include <watchers/rooms/impl/sansio/sip_hash.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace watchers::rooms;
using detail::hash_marks;
using detail::room_order;
using detail::sip_digest;
using detail::sip_hash;
using detail::sip_key;

namespace {

// The authors' vectors: key 00 01 .. 0F, texts 00 01 .. (length - 1).
const sip_key vector_key(0x0706050403020100U, 0x0F0E0D0C0B0A0908U);

std::string counting(std::size_t size)
{
    std::string text;
    for (std::size_t i = 0; i < size; ++i)
        text += static_cast<char>(i);
    return text;
}

const sip_key key(0x1122334455667788U, 0x99AABBCCDDEEFF00U);

// Counts how often its room is looked at.
class counted_change final : public room_order::change
{
public:
    counted_change(std::string room, std::size_t& looks) : room_(std::move(room)), looks_(looks) {}

private:
    std::string_view ordered_room() const noexcept override
    {
        ++looks_;
        return room_;
    }

    std::string room_;
    std::size_t& looks_;
};

} // namespace

TEST_CASE("sip_hash the_authors_vectors_of_64_bits")
{
    const std::vector<std::pair<std::size_t, std::uint64_t>> vectors{
        {0, 0x726FDB47DD0E0E31U}, {1, 0x74F839C593DC67FDU},  {2, 0x0D6C8009D9A94F5AU},
        {3, 0x85676696D7FB7E2DU}, {7, 0xAB0200F58B01D137U},  {8, 0x93F5F5799A932462U},
        {9, 0x9E0082DF0BA9E4B0U}, {15, 0xA129CA6149BE45E5U},
    };
    for (const auto& [size, hash] : vectors) {
        CAPTURE(size);
        CHECK(sip_hash::of(vector_key, counting(size)) == hash);
    }
}

TEST_CASE("sip_hash the_authors_vectors_of_128_bits")
{
    const auto check = [](std::size_t size, std::uint64_t low, std::uint64_t high) {
        CAPTURE(size);
        const sip_digest d = sip_hash::digest_of(vector_key, counting(size));
        CHECK(d.low == low);
        CHECK(d.high == high);
    };
    // As bytes: A3 81 7F 04 BA 25 A8 E6 6D F6 72 14 C7 55 02 93, and DA 87 C1 D8 6B 99 AF 44 34 76 59 11 9B
    // 22 FC 45
    check(0, 0xE6A825BA047F81A3U, 0x930255C71472F66DU);
    check(1, 0x44AF996BD8C187DAU, 0x45FC229B11597634U);
}

TEST_CASE("fault_92 another_key_makes_other_hashes")
{
    const sip_key other(key.k0, key.k1 + 1);
    CHECK(sip_hash::of(key, "room") != sip_hash::of(other, "room"));
    CHECK(sip_hash::digest_of(key, "room") != sip_hash::digest_of(other, "room"));
    // Zero is what a key is that nobody made.
    CHECK((detail::random_key().k0 | detail::random_key().k1) != 0);
    CHECK(detail::random_key().k0 != detail::random_key().k1);
}

TEST_CASE("fault_92 a_set_knows_ids_that_were_made_to_collide_apart")
{
    // Setup
    const auto ids = test::colliding_ids(3000);
#ifdef __GLIBCXX__
    REQUIRE(std::hash<std::string>()(ids[0]) == std::hash<std::string>()(ids[2999]));
#endif
    hash_marks marks(key);

    // Run
    for (std::size_t i = 0; i < ids.size(); i += 2)
        marks.insert(ids[i]);

    // Check
    CHECK(marks.size() == 1500);
    for (std::size_t i = 0; i < ids.size(); ++i)
        REQUIRE(marks.contains(ids[i]) == (i % 2 == 0));
    CHECK(marks.longest_run() < 100); // all 1500 in one run, if they met
}

TEST_CASE("fault_92 turns_of_rooms_whose_ids_were_made_to_collide_cost_no_more_than_others")
{
    // Setup
    const auto ids = test::colliding_ids(2000);
    std::size_t looks = 0;
    std::vector<std::unique_ptr<counted_change>> all;
    for (const std::string& id : ids)
        all.push_back(std::make_unique<counted_change>(id, looks));
    room_order order(key);

    // Run
    for (const auto& c : all)
        REQUIRE(order.enter(*c));
    for (const auto& c : all)
        REQUIRE(order.leave(*c) == nullptr);

    // Check: one look at each to enter; to leave, one more and one to compare. Else two millions.
    CHECK(looks <= 4 * ids.size());
}

TEST_CASE("hash_marks holds_what_was_put_in")
{
    hash_marks marks(key);
    CHECK(marks.empty());
    CHECK_FALSE(marks.contains(""));
    std::set<std::string> put;
    std::uint64_t x = 1;
    for (int i = 0; i < 5000; ++i) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        const std::string text = std::to_string(x >> 51U);
        marks.insert(text);
        marks.insert(text);
        put.insert(text);
        REQUIRE(marks.contains(text));
    }
    CHECK(marks.size() == put.size());
    for (int i = 0; i < 10'000; ++i)
        REQUIRE(marks.contains(std::to_string(i)) == put.contains(std::to_string(i)));
}
