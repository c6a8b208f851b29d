// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/room_order.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using watchers::rooms::detail::room_order;

const watchers::rooms::detail::sip_key key(1, 2);

class change final : public room_order::change
{
public:
    explicit change(std::string room) : room_(std::move(room)) {}
    const std::string& room() const noexcept { return room_; }

private:
    std::string_view ordered_room() const noexcept override { return room_; }

    std::string room_;
};

// The same, by one queue per room.
class naive_order
{
public:
    bool enter(change& c)
    {
        auto& queue = rooms_[c.room()];
        queue.push_back(&c);
        return queue.size() == 1;
    }

    change* leave(change& c)
    {
        auto& queue = rooms_[c.room()];
        const bool was_first = queue.front() == &c;
        queue.erase(std::find(queue.begin(), queue.end(), &c));
        if (!queue.empty()) return was_first ? queue.front() : nullptr;
        rooms_.erase(c.room());
        return nullptr;
    }

    bool empty() const noexcept { return rooms_.empty(); }

private:
    std::map<std::string, std::deque<change*>> rooms_;
};

} // namespace

TEST_CASE("room_order_one_change_has_its_turn_at_once")
{
    room_order order(key);
    change a("x");
    CHECK(order.empty());
    CHECK_FALSE(a.entered());

    CHECK(order.enter(a));
    CHECK(a.entered());
    CHECK_FALSE(order.empty());

    CHECK(order.leave(a) == nullptr);
    CHECK_FALSE(a.entered());
    CHECK(order.empty());
}

TEST_CASE("room_order_changes_of_one_room_take_turns_in_order_of_arrival")
{
    room_order order(key);
    change a("x"), b("x"), c("x"), d("x");
    CHECK(order.enter(a));
    CHECK_FALSE(order.enter(b));
    CHECK_FALSE(order.enter(c));

    CHECK(order.leave(a) == &b);
    CHECK_FALSE(order.enter(d));
    CHECK(order.leave(b) == &c);
    CHECK(order.leave(c) == &d);
    CHECK(order.leave(d) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_rooms_know_nothing_of_each_other")
{
    room_order order(key);
    change a("x"), b("y"), c("x"), d("y"), e("");
    CHECK(order.enter(a));
    CHECK(order.enter(b));
    CHECK_FALSE(order.enter(c));
    CHECK_FALSE(order.enter(d));
    CHECK(order.enter(e));

    CHECK(order.leave(b) == &d);
    CHECK(order.leave(e) == nullptr);
    CHECK(order.leave(a) == &c);
    CHECK(order.leave(c) == nullptr);
    CHECK_FALSE(order.empty());
    CHECK(order.leave(d) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_one_that_gives_up_in_the_middle_is_passed_over")
{
    room_order order(key);
    change a("x"), b("x"), c("x"), d("x");
    for (change* each : {&a, &b, &c, &d})
        order.enter(*each);

    CHECK(order.leave(c) == nullptr);
    CHECK(order.leave(a) == &b);
    CHECK(order.leave(b) == &d);
    CHECK(order.leave(d) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_one_that_gives_up_at_the_end_leaves_its_place_to_the_next")
{
    room_order order(key);
    change a("x"), b("x"), c("x"), d("x");
    order.enter(a);
    order.enter(b);
    order.enter(c);

    CHECK(order.leave(c) == nullptr);
    CHECK(order.leave(b) == nullptr);
    CHECK_FALSE(order.enter(d));
    CHECK(order.leave(a) == &d);
    CHECK(order.leave(d) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_a_change_may_enter_again")
{
    room_order order(key);
    change a("x"), b("x");
    order.enter(a);
    order.enter(b);

    CHECK(order.leave(a) == &b);
    CHECK_FALSE(order.enter(a));
    CHECK(order.leave(b) == &a);
    CHECK_FALSE(order.enter(b));
    CHECK(order.leave(b) == nullptr);
    CHECK(order.leave(a) == nullptr);
    CHECK(order.enter(b));
    CHECK(order.leave(b) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_turns_survive_the_growth_of_the_table")
{
    room_order order(key);
    std::vector<std::unique_ptr<change>> first;
    std::vector<std::unique_ptr<change>> second;
    constexpr std::size_t rooms = 1000; // several times what the table begins with
    for (std::size_t i = 0; i < rooms; ++i) {
        first.push_back(std::make_unique<change>("room-" + std::to_string(i)));
        second.push_back(std::make_unique<change>("room-" + std::to_string(i)));
        REQUIRE(order.enter(*first.back()));
        if (i % 2 == 0) REQUIRE_FALSE(order.enter(*second.back()));
    }
    for (std::size_t i = 1; i < rooms; i += 2)
        REQUIRE_FALSE(order.enter(*second[i]));

    for (std::size_t i = 0; i < rooms; ++i)
        REQUIRE(order.leave(*first[i]) == second[i].get());
    for (std::size_t i = rooms; i-- > 0;)
        REQUIRE(order.leave(*second[i]) == nullptr);
    CHECK(order.empty());
}

TEST_CASE("room_order_random_steps_as_a_naive_model_does")
{
    std::mt19937 random(20'260'101);
    for (const std::size_t rooms : {std::size_t{1}, std::size_t{3}, std::size_t{40}, std::size_t{400}}) {
        CAPTURE(rooms);
        room_order order(key);
        naive_order model;
        std::vector<std::unique_ptr<change>> all;
        for (std::size_t i = 0; i < 4 * rooms + 4; ++i)
            all.push_back(std::make_unique<change>("r" + std::to_string(random() % rooms)));

        for (int step = 0; step < 20'000; ++step) {
            change& c = *all[random() % all.size()];
            if (c.entered())
                REQUIRE(order.leave(c) == model.leave(c));
            else
                REQUIRE(order.enter(c) == model.enter(c));
            REQUIRE(order.empty() == model.empty());
        }
        for (const auto& c : all)
            if (c->entered()) REQUIRE(order.leave(*c) == model.leave(*c));
        CHECK(order.empty());
    }
}
