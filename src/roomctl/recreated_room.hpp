// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest/entry.hpp"
#include "manifest/member.hpp"
#include "text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomctl {

// A member that the manifest leaves out, and that is taken over from the room that was there before.
struct kept_member
{
    member what;
    std::string value;
};

// The room to be created in place of one that is deleted: with the members of the manifest, and with those of
// the deleted room where the manifest leaves them out.
class recreated_room
{
public:
    // @param actual the room that will be deleted.
    recreated_room(const desired_room& wanted, const watchers::rooms::room& actual) : room_(wanted)
    {
        keep_voice(actual.voice().value_or(false));
        // A room is scheduled by its times, not by its status.
        if (actual.status() != watchers::rooms::room_status::soon) keep_status(actual.status());
        keep_texts_and_times(actual);
    }

    // @param kept the room that an earlier run deleted, perhaps.
    recreated_room(const desired_room& wanted, const desired_room& kept) : room_(wanted)
    {
        keep_voice(kept.room.voice());
        keep_status(kept.status);
        keep_texts_and_times(kept.room);
    }

    // Why the room cannot be created; empty if it can. Call it before the old room is deleted.
    std::string fault() const { return watchers::rooms::operation::create(room_.room).check(); }

    desired_room take_room() { return std::move(room_); }
    std::vector<kept_member> take_kept() { return std::move(kept_); }

private:
    void keep_voice(bool on)
    {
        if (!on || room_.voice_given) return;
        room_.room.voice(true);
        kept_.push_back({member::voice, "on"});
    }

    void keep_status(std::optional<watchers::rooms::room_status> status)
    {
        if (!status || room_.status) return;
        room_.status = status;
        kept_.push_back({member::status, std::string(to_string(*status))});
    }

    template <class Room>
    void keep_texts_and_times(const Room& actual)
    {
        watchers::rooms::new_room& r = room_.room;
        keep(member::starts_at, r.starts_at(), actual.starts_at(), [&](auto t) { r.starts_at(t); });
        keep(member::ends_at, r.ends_at(), actual.ends_at(), [&](auto t) { r.ends_at(t); });
        keep(member::picture_url, r.picture_url(), actual.picture_url(), [&](auto u) { r.picture_url(u); });
        keep(member::stream_url, r.stream_url(), actual.stream_url(), [&](auto u) { r.stream_url(u); });
        keep(member::source_url, r.source_url(), actual.source_url(), [&](auto u) { r.source_url(u); });
        keep(member::stream_starts_at, r.stream_starts_at(), actual.stream_starts_at(),
             [&](auto t) { r.stream_starts_at(t); });
        keep(member::stream_ends_at, r.stream_ends_at(), actual.stream_ends_at(),
             [&](auto t) { r.stream_ends_at(t); });
    }

    template <class Set>
    void keep(member m, const std::optional<std::string>& wanted, std::optional<std::string_view> actual,
              Set set)
    {
        if (wanted || !actual || actual->empty()) return;
        set(std::string(*actual));
        kept_.push_back({m, std::string(*actual)});
    }

    template <class Set>
    void keep(member m, std::optional<watchers::rooms::time_point> wanted,
              std::optional<watchers::rooms::time_point> actual, Set set)
    {
        if (wanted || !actual) return;
        set(*actual);
        kept_.push_back({m, to_iso_text(*actual)});
    }

    desired_room room_;
    std::vector<kept_member> kept_;
};

} // namespace roomctl
