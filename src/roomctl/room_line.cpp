// SPDX-License-Identifier: BSL-1.0
#include "room_line.hpp"

#include "manifest/entry.hpp"
#include "manifest/json_record.hpp"
#include "manifest/member.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace roomctl {

namespace json = boost::json;
namespace rooms = watchers::rooms;

std::string to_manifest_line(std::string_view room_id, const rooms::room& r, std::string& fault)
{
    json::object o;
    const auto text = [&](member m, std::optional<std::string_view> v) {
        if (v) o[name_of(m)] = *v;
    };
    const auto time = [&](member m, std::optional<rooms::time_point> v) {
        if (v) o[name_of(m)] = to_iso_text(*v);
    };
    if (!r.name() || !r.about()) {
        fault = "the answer lacks " + std::string(name_of(r.about() ? member::name : member::about)) +
                ", which a manifest cannot do without";
        return {};
    }

    o[name_of(member::room_id)] = room_id;
    text(member::name, r.name());
    text(member::about, r.about());
    if (const auto on = r.voice()) o[name_of(member::voice)] = *on;
    // The status of a scheduled room is the moment's: to set it later would undo what the schedule did.
    const bool scheduled = r.starts_at() || r.ends_at();
    if (const auto s = r.status(); s && (!scheduled || *s == rooms::room_status::disabled))
        o[name_of(member::status)] = rooms::to_string(*s);
    time(member::starts_at, r.starts_at());
    time(member::ends_at, r.ends_at());
    text(member::picture_url, r.picture_url());
    text(member::stream_url, r.stream_url());
    text(member::source_url, r.source_url());
    time(member::stream_starts_at, r.stream_starts_at());
    time(member::stream_ends_at, r.stream_ends_at());
    const std::string line = escape_json(json::serialize(o));
    manifest_record record;
    record.clear();
    read_json_record(line, 1, record);
    if (record.readable && record.faults.empty()) read_entry(record);
    if (record.faults.empty()) return line + '\n';
    const manifest_fault& first = record.faults.front();
    fault = "a manifest cannot hold it: " + escape(first.field) + ": " + escape(first.rule);
    return {};
}

} // namespace roomctl
