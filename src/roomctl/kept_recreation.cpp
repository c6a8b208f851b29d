// SPDX-License-Identifier: BSL-1.0
#include "kept_recreation.hpp"

#include "confirmation.hpp"
#include "text.hpp"

#include <optional>
#include <utility>

namespace roomctl {

namespace {

// A run that could not reach the service, or found out that it must not go on, would fail again.
bool can_go_on(const bulk_end& end)
{
    return !end.why || end.why == rooms::errc::cancelled || end.why == rooms::errc::stopped ||
           end.why == rooms::errc::callback_failed;
}

} // namespace

kept_recreation::kept_recreation(std::string path, kept_service service, std::vector<std::string> spared)
    : file_(std::move(path), std::move(service), std::move(spared))
{}

void kept_recreation::add_planned(const planned_room& r)
{
    if (r.plan.steps.has(plan_step::recreate) && planned_.size() <= names_asked)
        planned_.push_back(r.room_id);
}

bool kept_recreation::confirm(std::uint64_t rooms) const
{
    std::string question = "roomctl: " + with_thousands(rooms) + (rooms == 1 ? " room" : " rooms") +
                           " will be deleted and created again: ";
    std::size_t named = 0;
    for (const std::string& id : planned_) {
        question += (named == 0 ? "" : ", ") + escape(id);
        if (++named == names_asked) break;
    }
    if (planned_.size() > named) question += ", ...";
    return ask(question + ". Go on?");
}

void kept_recreation::begin(const plan_decisions& all)
{
    for (const std::string& id : all.settled)
        file_.settle(id);
    for (const std::string& id : all.waiting)
        units_.add_unread(id);
    std::vector<const desired_room*> kept;
    for (std::size_t i = 0; i < all.steps.size(); ++i) {
        const auto whole = all.whole.find(i);
        if (whole == all.whole.end()) continue;
        if (all.steps[i].has(plan_step::recreate)) kept.push_back(&whole->second);
        follow(all.steps[i], whole->second);
    }
    for (const plan_decisions::kept_room& k : all.others)
        follow(k.steps, k.room);
    file_.add(kept);
}

void kept_recreation::follow(plan_steps steps, const desired_room& room)
{
    const bool deletes = steps.has(plan_step::recreate);
    if (deletes || steps.has(plan_step::create))
        units_.add(room.room.id(), !deletes, steps.has(plan_step::status));
    else if (steps.has(plan_step::status))
        units_.add_created(room.room.id());
}

std::uint64_t kept_recreation::complete(bulk_session& session, bulk_end& end, const result_sink& sink,
                                        std::function<void()> tick)
{
    auto [begun, rest] = units_.release();
    std::uint64_t ended = 0;
    std::vector<bool> delivered(begun.size());
    if (can_go_on(end) && !begun.empty()) {
        std::size_t next = 0;
        bulk_job job;
        job.name = "apply";
        job.completes = true;
        job.source = [&]() -> std::optional<rooms::operation> {
            if (next == begun.size()) return std::nullopt;
            return begun[next++].result.operation;
        };
        job.sink = [&](rooms::bulk_result&& r) {
            const auto i = static_cast<std::size_t>(r.index);
            r.index = begun[i].result.index;
            delivered[i] = true;
            take(r, begun[i].line);
            sink(r, begun[i].line);
        };
        job.tick = std::move(tick);
        job.options.total = begun.size();
        const bulk_end completed = session.run(std::move(job));
        if (completed.thrown && !end.thrown) end.thrown = completed.thrown;
        ended = completed.carried_out();
    }
    for (std::size_t i = 0; i < begun.size(); ++i)
        if (!delivered[i]) sink(begun[i].result, begun[i].line);
    for (const recreation::held& h : rest)
        sink(h.result, h.line);
    return ended;
}

void kept_recreation::finish()
{
    units_.each([this](const std::string& id, room_fate f) {
        if (is_settled(f)) file_.settle(id);
        if (f == room_fate::deleted) deleted_.push_back(id);
        if (f == room_fate::unclear) unclear_.push_back(id);
    });
    file_.finish();
}

} // namespace roomctl
