// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest/member.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>

namespace roomctl {

// Adds the times and addresses that a room has, as a manifest holds them.
// @param r a rooms::room, or a rooms::new_room.
template <class Room>
void add_times_and_urls(boost::json::object& o, const Room& r)
{
    const auto text = [&](member m, std::optional<std::string_view> v) {
        if (v) o[name_of(m)] = *v;
    };
    const auto time = [&](member m, std::optional<watchers::rooms::time_point> v) {
        if (v) o[name_of(m)] = to_iso_text(*v);
    };
    time(member::starts_at, r.starts_at());
    time(member::ends_at, r.ends_at());
    text(member::picture_url, r.picture_url());
    text(member::stream_url, r.stream_url());
    text(member::source_url, r.source_url());
    time(member::stream_starts_at, r.stream_starts_at());
    time(member::stream_ends_at, r.stream_ends_at());
}

} // namespace roomctl
