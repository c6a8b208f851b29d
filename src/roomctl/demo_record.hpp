// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "output.hpp"

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/room.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace roomctl {

// The state of a room that a response must agree with. The response to a change may hold only a part of it.
struct expectation
{
    expectation(std::string room_id, std::string room_name)
        : id(std::move(room_id))
        , name(std::move(room_name))
    {}

    bool met_by(const rooms::room& r) const
    {
        return r.id() == id && r.name().value_or(name) == name && r.voice().value_or(voice) == voice &&
               r.status().value_or(status) == status;
    }

    std::string id;
    std::string name;
    bool voice = false;
    rooms::room_status status = rooms::room_status::live;
};

// How the demo's operations went.
class demo_record
{
public:
    using nanoseconds = std::chrono::nanoseconds;

    explicit demo_record(std::size_t expected) { latencies_.reserve(expected); }

    void answered(nanoseconds took) { latencies_.push_back(took); }

    void answered(nanoseconds took, const expectation& expected, const rooms::room& answer)
    {
        latencies_.push_back(took);
        if (!expected.met_by(answer)) fail("the answer tells of another state than was set");
    }

    void failed(nanoseconds took, const rooms::error& e)
    {
        latencies_.push_back(took);
        fail(std::string(rooms::to_string(e.diagnostics().operation())) + ": " + e.code().message());
    }

    std::size_t operations() const noexcept { return latencies_.size(); }
    std::size_t failures() const noexcept { return failures_; }

    void summarise(demo_summary& s)
    {
        s.operations = operations();
        s.failures = failures_;
        s.reasons.assign(reasons_.begin(), reasons_.end());
        s.median = percentile(50);
        s.percentile_99 = percentile(99);
    }

private:
    void fail(const std::string& reason)
    {
        ++failures_;
        ++reasons_[reason];
    }

    // By the nearest rank.
    nanoseconds percentile(std::size_t p)
    {
        if (latencies_.empty()) return nanoseconds(0);
        const std::size_t rank = (latencies_.size() * p + 99) / 100;
        const auto nth = latencies_.begin() + static_cast<std::ptrdiff_t>(rank - 1);
        std::nth_element(latencies_.begin(), nth, latencies_.end());
        return *nth;
    }

    std::vector<nanoseconds> latencies_;
    std::map<std::string, std::size_t> reasons_;
    std::size_t failures_ = 0;
};

} // namespace roomctl
