// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest.hpp"
#include "plan_rules.hpp"

#include <watchers/rooms/operation.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace roomctl {

// The operations that a manifest stands for, one after the other: always the same ones in the same order.
class operation_source
{
public:
    // @param decisions of a plan; null without a plan: then every room is
    // created, and its status set if there is one. Must outlive this.
    operation_source(const manifest& m, const plan_decisions* decisions)
        : entries_(m.read())
        , decisions_(decisions)
    {}

    std::optional<rooms::operation> next()
    {
        while (next_ == size_) {
            if (!advance()) return std::nullopt;
        }
        return std::exchange(pending_[next_++], std::nullopt);
    }

    // The next operation of the current entry; nothing at its end. Reads no further in the manifest.
    std::optional<rooms::operation> rest_of_entry()
    {
        if (next_ == size_) return std::nullopt;
        return std::exchange(pending_[next_++], std::nullopt);
    }

    // Of the operation that was returned last; 0 for a room that is not in the manifest.
    std::uint64_t line() const noexcept { return line_; }

private:
    bool advance()
    {
        next_ = size_ = 0;
        std::optional<manifest_entry> e = entries_.next();
        if (!e) return advance_beyond();
        line_ = e->at.line;
        if (auto* const op = std::get_if<rooms::operation>(&e->content)) {
            add(std::move(*op));
            return true;
        }
        expand(std::move(std::get<desired_room>(e->content)));
        return true;
    }

    // Goes on with rooms that an earlier run kept and that are not in the manifest.
    bool advance_beyond()
    {
        line_ = 0;
        if (decisions_ == nullptr || other_ == decisions_->others.size()) return false;
        const plan_decisions::kept_room& k = decisions_->others[other_++];
        expand(k.steps, k.room);
        return true;
    }

    void expand(desired_room wanted)
    {
        plan_steps steps;
        if (decisions_ != nullptr) {
            if (entry_ < decisions_->steps.size())
                steps = decisions_->steps[entry_]; // else it was not compared
            if (const auto i = decisions_->whole.find(entry_); i != decisions_->whole.end())
                wanted = i->second;
            ++entry_;
        } else {
            steps.add(plan_step::create);
            if (wanted.status) steps.add(plan_step::status);
        }
        expand(steps, std::move(wanted));
    }

    void expand(plan_steps steps, desired_room wanted)
    {
        const std::string id = wanted.room.id();
        const bool voice = wanted.room.voice();
        if (steps.has(plan_step::recreate)) add(rooms::operation::erase(id));
        if (steps.has(plan_step::create) || steps.has(plan_step::recreate))
            add(rooms::operation::create(std::move(wanted.room)));
        if (steps.has(plan_step::voice)) add(rooms::operation::set_voice(id, voice));
        if (steps.has(plan_step::status) && wanted.status)
            add(rooms::operation::set_status(id, *wanted.status));
    }

    void add(rooms::operation op) { pending_[size_++] = std::move(op); }

    manifest::reader entries_;
    const plan_decisions* decisions_;
    std::array<std::optional<rooms::operation>, 4> pending_; // of one entry
    std::size_t next_ = 0;
    std::size_t size_ = 0;
    std::size_t entry_ = 0;
    std::size_t other_ = 0;
    std::uint64_t line_ = 0;
};

// By kind: the value of rooms::operation_kind is the index.
using kind_totals = std::array<std::uint64_t, 5>;

// Of all operations of a manifest that is applied without a plan.
inline kind_totals count_operations(const manifest& m)
{
    kind_totals totals{};
    operation_source source(m, nullptr);
    while (const auto op = source.next())
        ++totals[static_cast<std::size_t>(op->kind())];
    return totals;
}

inline std::uint64_t sum_of(const kind_totals& totals) noexcept
{
    return std::accumulate(totals.begin(), totals.end(), std::uint64_t(0));
}

// Remembers the lines of the operations that are under way.
class line_book
{
public:
    void enter(std::uint64_t line) { lines_.emplace(next_++, line); }

    std::uint64_t take(std::uint64_t index)
    {
        const auto node = lines_.extract(index);
        return node.empty() ? 0 : node.mapped();
    }

    std::uint64_t entered() const noexcept { return next_; }

private:
    std::unordered_map<std::uint64_t, std::uint64_t> lines_;
    std::uint64_t next_ = 0;
};

} // namespace roomctl
