// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest/entry.hpp"
#include "manifest/member.hpp"
#include "recreated_room.hpp"
#include "text.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace roomctl {

// The steps that bring a room to the manifest's state. A plan holds a set of them.
enum class plan_step : unsigned char
{
    create = 1,
    voice = 2,
    status = 4,
    recreate = 8, // delete, then create
    cannot = 16,  // members differ that cannot be changed
    unread = 32,  // the room could not be read
};

class plan_steps
{
public:
    constexpr plan_steps() noexcept = default;

    constexpr bool has(plan_step s) const noexcept { return (bits_ & static_cast<unsigned char>(s)) != 0; }
    constexpr plan_steps& add(plan_step s) noexcept
    {
        bits_ = static_cast<unsigned char>(bits_ | static_cast<unsigned char>(s));
        return *this;
    }
    constexpr bool empty() const noexcept { return bits_ == 0; }

    friend constexpr bool operator==(plan_steps, plan_steps) noexcept = default;

private:
    unsigned char bits_ = 0;
};

// A member that differs.
struct plan_change
{
    member what;
    std::string from; // empty if it is not in the response
    std::string to;
    bool possible; // by the API; otherwise the room has to be deleted and created again
};

struct room_plan
{
    plan_steps steps;
    std::vector<plan_change> changes;

    // Of a room that is deleted and created, by this run or partly by an earlier one: the whole room.
    std::optional<desired_room> whole;
    std::vector<kept_member> kept; // the members of it that the manifest leaves out
    bool deleted_earlier = false;  // an earlier run deleted it
    bool live = false;             // it is LIVE now
    std::string obstacle;          // why it cannot be created
};

// The plans of all rooms of a manifest.
struct plan_decisions
{
    std::vector<plan_steps> steps;                       // for each entry that was compared, in their order
    std::unordered_map<std::size_t, desired_room> whole; // of those that are deleted and created: usually few

    // Rooms that an earlier run kept, and that are not in the manifest.
    struct kept_room
    {
        plan_steps steps;
        desired_room room;
    };
    std::vector<kept_room> others;
    std::vector<std::string> settled; // kept rooms that are there: they are not needed in the file any more
    std::vector<std::string> waiting; // kept rooms that could not be read
};

namespace detail {

class plan_comparison
{
public:
    plan_comparison(const desired_room& wanted, const watchers::rooms::room& actual) noexcept
        : wanted_(wanted)
        , actual_(actual)
    {}

    std::vector<plan_change> take()
    {
        const watchers::rooms::new_room& r = wanted_.room;
        text(member::name, r.name(), actual_.name());
        text(member::about, r.about(), actual_.about());
        time(member::starts_at, r.starts_at(), actual_.starts_at());
        time(member::ends_at, r.ends_at(), actual_.ends_at());
        text(member::picture_url, r.picture_url(), actual_.picture_url());
        text(member::stream_url, r.stream_url(), actual_.stream_url());
        time(member::stream_starts_at, r.stream_starts_at(), actual_.stream_starts_at());
        time(member::stream_ends_at, r.stream_ends_at(), actual_.stream_ends_at());
        voice();
        status();
        return std::move(changes_);
    }

private:
    // Here and below, a member that is not in the response counts as equal: otherwise each run would delete
    // and create all rooms.
    void text(member m, const std::optional<std::string>& to, std::optional<std::string_view> from)
    {
        if (to && from && *to != *from) changes_.push_back({m, std::string(*from), *to, false});
    }

    // A format of the API knows whole seconds only.
    void time(member m, std::optional<watchers::rooms::time_point> to,
              std::optional<watchers::rooms::time_point> from)
    {
        using std::chrono::floor;
        using std::chrono::seconds;
        if (to && from && floor<seconds>(*to) != floor<seconds>(*from))
            changes_.push_back({m, to_iso_text(*from), to_iso_text(*to), false});
    }

    // To set these once more does no harm, so that they are where the service does not tell them.
    void voice()
    {
        const bool to = wanted_.room.voice();
        const auto from = actual_.voice();
        if (!wanted_.voice_given || from == to) return;
        const auto name = [](bool on) { return on ? "on" : "off"; };
        changes_.push_back({member::voice, from ? name(*from) : "", name(to), true});
    }

    void status()
    {
        const auto to = wanted_.status;
        const auto from = actual_.status();
        if (!to || from == to) return;
        changes_.push_back({member::status, std::string(from ? to_string(*from) : std::string_view()),
                            std::string(to_string(*to)), true});
    }

    const desired_room& wanted_;
    const watchers::rooms::room& actual_;
    std::vector<plan_change> changes_;
};

} // namespace detail

// Compares a room with the manifest. `sourceUrl` is not compared, since the service rewrites it.
// @param actual null if the room does not exist.
// @param recreate whether a room may be deleted and created again if members differ that cannot be changed.
// The members that the manifest leaves out are then kept.
inline room_plan make_plan(const desired_room& wanted, const watchers::rooms::room* actual, bool recreate)
{
    room_plan plan;
    if (actual == nullptr) {
        plan.steps.add(plan_step::create);
        if (wanted.status) plan.steps.add(plan_step::status);
        return plan;
    }
    plan.changes = detail::plan_comparison(wanted, *actual).take();
    for (const plan_change& c : plan.changes) {
        if (c.what == member::voice)
            plan.steps.add(plan_step::voice);
        else if (c.what == member::status)
            plan.steps.add(plan_step::status);
        else
            plan.steps.add(plan_step::cannot);
    }
    if (!recreate || !plan.steps.has(plan_step::cannot)) return plan;
    // Nothing is deleted because of a response that may be about another room.
    if (!actual->id()) {
        plan.obstacle = "the response does not name its room (roomId or externalRoomId)";
        return plan;
    }
    if (*actual->id() != wanted.room.id()) {
        plan.obstacle = "the response spells the room's id in another way";
        return plan;
    }

    recreated_room whole(wanted, *actual);
    plan.obstacle = whole.fault();
    if (!plan.obstacle.empty()) return plan;
    plan.steps = {};
    plan.steps.add(plan_step::recreate);
    plan.kept = whole.take_kept();
    plan.live = actual->status() == watchers::rooms::room_status::live;
    plan.whole = whole.take_room();
    if (plan.whole->status) plan.steps.add(plan_step::status);
    return plan;
}

} // namespace roomctl
