// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bulk_outcome.hpp"
#include "exit_code.hpp"
#include "latency_observer.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace roomctl {

// Operations of one kind, by what became of them.
struct bulk_counts
{
    std::array<std::uint64_t, bulk_outcome_names.size()> by_outcome{};
    std::uint64_t retried = 0;

    std::uint64_t of(bulk_outcome o) const noexcept { return by_outcome[static_cast<std::size_t>(o)]; }

    std::uint64_t total() const noexcept
    {
        std::uint64_t sum = 0;
        for (const std::uint64_t n : by_outcome)
            sum += n;
        return sum;
    }

    std::uint64_t succeeded() const noexcept
    {
        return of(bulk_outcome::done) + of(bulk_outcome::confirmed) + of(bulk_outcome::journaled);
    }

    bulk_counts& operator+=(const bulk_counts& other) noexcept
    {
        for (std::size_t i = 0; i < by_outcome.size(); ++i)
            by_outcome[i] += other.by_outcome[i];
        retried += other.retried;
        return *this;
    }
};

// Operations of one kind that ended with the same error, and the first of them.
struct bulk_failure
{
    std::uint64_t count = 0;
    std::uint64_t line = 0; // in the manifest
    std::string room_id;
    unsigned http_status = 0;
    std::string message;
};

// What became of all operations of a run, in memory that does not grow with their number.
class bulk_report
{
public:
    static constexpr std::size_t kinds = 5;

    using failure_key = std::pair<rooms::operation_kind, int>; // and the value of its errc
    using failure_map = std::map<failure_key, bulk_failure>;

    void add(const rooms::bulk_result& r, std::uint64_t line)
    {
        bulk_counts& counts = counts_[static_cast<std::size_t>(r.operation.kind())];
        const bulk_outcome what = outcome_of(r);
        ++counts.by_outcome[static_cast<std::size_t>(what)];
        if (r.diagnostics.attempts() > 1) ++counts.retried;
        if (!r.error || what == bulk_outcome::skipped || r.error == rooms::errc::stopped) return;
        note(exit_code_of(r.error, r.diagnostics.effect()));

        bulk_failure& f = failures_[{r.operation.kind(), r.error.value()}];
        if (++f.count != 1) return;
        f.line = line;
        f.room_id = r.operation.room_id();
        f.http_status = r.diagnostics.http_status();
        f.message = r.diagnostics.message();
    }

    // A failure elsewhere has a say in the exit code as well.
    void note(exit_code c) noexcept { seen_ |= bit(c); }

    const bulk_counts& of(rooms::operation_kind k) const noexcept
    {
        return counts_[static_cast<std::size_t>(k)];
    }
    const failure_map& failures() const noexcept { return failures_; }

    bulk_counts total() const noexcept
    {
        bulk_counts sum;
        for (const bulk_counts& c : counts_)
            sum += c;
        return sum;
    }

    // The gravest of all that happened.
    exit_code code() const noexcept
    {
        const bulk_counts all = total();
        if (has(exit_code::unknown) || all.of(bulk_outcome::unknown) != 0) return exit_code::unknown;
        if (has(exit_code::failed)) return exit_code::failed;
        if (has(exit_code::rejected) || has(exit_code::usage)) return exit_code::rejected;
        if (has(exit_code::not_reached) || all.succeeded() != all.total()) return exit_code::not_reached;
        return exit_code::done;
    }

private:
    static constexpr unsigned bit(exit_code c) noexcept { return 1U << static_cast<unsigned>(c); }
    bool has(exit_code c) const noexcept { return (seen_ & bit(c)) != 0; }

    std::array<bulk_counts, kinds> counts_{};
    failure_map failures_;
    unsigned seen_ = 0;
};

} // namespace roomctl
