// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using watchers::rooms::detail::clock;
using watchers::rooms::detail::deadline;
using watchers::rooms::detail::deadline_queue;

clock::time_point at(std::int64_t seconds) { return clock::time_point(std::chrono::seconds(seconds)); }

class marker final : public deadline
{
public:
    void on_deadline(clock::time_point) override {}
};

// All that have expired, in the order in which they come.
std::vector<deadline*> expired(deadline_queue& q, clock::time_point now)
{
    std::vector<deadline*> all;
    while (deadline* d = q.pop_expired(now))
        all.push_back(d);
    return all;
}

} // namespace

TEST_CASE("deadline_queue empty")
{
    deadline_queue q;
    CHECK(q.empty());
    CHECK_FALSE(q.earliest().has_value());
    CHECK(q.pop_expired(clock::time_point::max()) == nullptr);
}

TEST_CASE("deadline_queue earliest_comes_first_and_only_when_its_moment_has_come")
{
    deadline_queue q;
    marker a, b, c;
    q.set(b, at(20));
    q.set(c, at(30));
    q.set(a, at(10));

    CHECK(q.earliest() == at(10));
    CHECK(q.pop_expired(at(9)) == nullptr);
    CHECK(expired(q, at(20)) == std::vector<deadline*>{&a, &b});
    CHECK_FALSE(a.armed());
    CHECK(c.armed());
    CHECK(q.earliest() == at(30));
}

TEST_CASE("deadline_queue set_moves_an_armed_one_both_ways")
{
    deadline_queue q;
    marker a, b, c;
    q.set(a, at(10));
    q.set(b, at(20));
    q.set(c, at(30));

    q.set(a, at(40));
    CHECK(q.earliest() == at(20));
    q.set(c, at(5));
    CHECK(expired(q, at(100)) == std::vector<deadline*>{&c, &b, &a});
}

TEST_CASE("deadline_queue cancel_of_any_position")
{
    for (std::size_t which = 0; which < 7; ++which) {
        CAPTURE(which);
        deadline_queue q;
        std::vector<marker> all(7);
        const std::vector<int> moments{1, 10, 2, 11, 12, 3, 4}; // the last one has to rise when it is moved
        for (std::size_t i = 0; i < all.size(); ++i)
            q.set(all[i], at(moments[i]));

        q.cancel(all[which]);
        q.cancel(all[which]); // a second time is nothing

        CHECK_FALSE(all[which].armed());
        const auto out = expired(q, at(100));
        CHECK(out.size() == 6);
        CHECK(std::find(out.begin(), out.end(), &all[which]) == out.end());
        std::vector<int> order;
        for (deadline* d : out)
            order.push_back(moments[static_cast<std::size_t>(static_cast<marker*>(d) - all.data())]);
        CHECK(std::is_sorted(order.begin(), order.end()));
    }
}

TEST_CASE("deadline_queue deadline_leaves_when_it_dies")
{
    deadline_queue q;
    marker stays;
    q.set(stays, at(2));
    {
        marker goes;
        q.set(goes, at(1));
    }
    CHECK(q.earliest() == at(2));
}

TEST_CASE("deadline_queue dies_before_its_deadlines")
{
    marker a;
    {
        deadline_queue q;
        q.set(a, at(1));
        CHECK(a.armed());
    }
    CHECK_FALSE(a.armed());
}

TEST_CASE("deadline_queue agrees_with_a_naive_model")
{
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        std::vector<std::unique_ptr<marker>> all(40);
        for (auto& m : all)
            m = std::make_unique<marker>();
        deadline_queue q;
        std::map<deadline*, std::int64_t> model;
        std::int64_t now = 0;

        for (int step = 0; step < 3000; ++step) {
            auto& m = all[random() % all.size()];
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const auto when = now + static_cast<std::int64_t>(random() % 50);
                q.set(*m, at(when));
                model[m.get()] = when;
                break;
            }
            case 4:
            case 5:
                q.cancel(*m);
                model.erase(m.get());
                break;
            case 6:
                model.erase(m.get());
                m = std::make_unique<marker>(); // the former one dies after this one is made
                break;
            default:
                now += static_cast<std::int64_t>(random() % 10);
                std::int64_t last = 0;
                while (deadline* d = q.pop_expired(at(now))) {
                    REQUIRE(model.count(d) == 1);
                    REQUIRE(model[d] <= now);
                    REQUIRE(model[d] >= last);
                    last = model[d];
                    model.erase(d);
                }
                for (const auto& [d, when] : model)
                    REQUIRE(when > now);
                break;
            }
            REQUIRE(q.empty() == model.empty());
            std::optional<clock::time_point> earliest;
            for (const auto& [d, when] : model)
                if (!earliest || at(when) < *earliest) earliest = at(when);
            REQUIRE(q.earliest() == earliest);
            for (const auto& d : all)
                REQUIRE(d->armed() == (model.count(d.get()) == 1));
        }
    }
}
