// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/resolution.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using watchers::rooms::detail::clock;
using watchers::rooms::detail::resolution;

enum class event
{
    need,
    gives_up,
    found,
    failed,
    discard,
    not_begun,
};

struct step
{
    std::chrono::milliseconds at;
    event what;
    std::string_view expected;
};

std::string run(resolution& r, const step& s)
{
    const auto now = clock::time_point(1000h) + s.at;
    switch (s.what) {
    case event::need: {
        const auto from = r.need(now);
        if (from == resolution::source::new_lookup) return "new";
        return from == resolution::source::running ? "joins" : "late";
    }
    case event::gives_up: r.gave_up(); break;
    case event::found: return r.ended(true, now) ? "kept" : "not kept";
    case event::failed: return r.ended(false, now) ? "kept" : "not kept";
    case event::discard: r.discard(); break;
    case event::not_begun: r.not_begun(); break;
    }
    return "";
}

} // namespace

TEST_CASE("fault_69_resolution_table")
{
    using e = event;
    const struct
    {
        std::string_view name;
        std::vector<step> steps;
    } table[] = {
        {"a result in time is not kept",
         {{0ms, e::need, "new"},
          {9ms, e::need, "joins"},
          {10ms, e::found, "not kept"},
          {10ms, e::need, "new"}}},
        {"attempts join one look-up as long as it goes on",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5100ms, e::need, "joins"},
          {10'100ms, e::gives_up, ""},
          {100'000ms, e::need, "joins"}}},
        {"a late result serves for 30 s",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5400ms, e::found, "kept"},
          {5400ms, e::need, "late"},
          {35'399ms, e::need, "late"},
          {35'400ms, e::need, "new"},
          {35'401ms, e::found, "not kept"},
          {35'402ms, e::need, "new"}}},
        {"one waits, another gave up: the result is late",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5100ms, e::need, "joins"},
          {5400ms, e::found, "kept"},
          {5500ms, e::need, "late"}}},
        {"a late failure is not kept",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5400ms, e::failed, "not kept"},
          {5400ms, e::need, "new"}}},
        {"addresses that cannot be connected to are given up",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5400ms, e::found, "kept"},
          {5500ms, e::need, "late"},
          {6000ms, e::discard, ""},
          {6000ms, e::need, "new"}}},
        {"giving up without a look-up says nothing of the next one",
         {{0ms, e::gives_up, ""}, {0ms, e::need, "new"}, {10ms, e::found, "not kept"}}},
        {"each look-up is late or not for itself",
         {{0ms, e::need, "new"},
          {5000ms, e::gives_up, ""},
          {5400ms, e::failed, "not kept"},
          {5500ms, e::need, "new"},
          {5501ms, e::found, "not kept"}}},
        {"a look-up that could not be begun",
         {{0ms, e::need, "new"}, {0ms, e::not_begun, ""}, {0ms, e::need, "new"}}},
    };
    for (const auto& row : table) {
        CAPTURE(row.name);
        resolution r;
        for (const step& s : row.steps) {
            CAPTURE(s.at.count());
            CHECK(run(r, s) == s.expected);
        }
    }
}
