// SPDX-License-Identifier: BSL-1.0
#include "room_line.hpp"

#include "manifest/entry.hpp"
#include "manifest/json_record.hpp"
#include "manifest/member.hpp"
#include "room_json.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace roomctl {

namespace json = boost::json;
namespace rooms = watchers::rooms;

std::string to_manifest_line(std::string_view room_id, const rooms::room& r, std::string& fault)
{
    json::object o;
    if (!r.name() || !r.about()) {
        fault = "the answer lacks " + std::string(name_of(r.about() ? member::name : member::about)) +
                ", which a manifest cannot do without";
        return {};
    }

    o[name_of(member::room_id)] = room_id;
    o[name_of(member::name)] = *r.name();
    o[name_of(member::about)] = *r.about();
    if (const auto on = r.voice()) o[name_of(member::voice)] = *on;
    // The status of a scheduled room is the moment's: to set it later would undo what the schedule did.
    const bool scheduled = r.starts_at() || r.ends_at();
    if (const auto s = r.status(); s && (!scheduled || *s == rooms::room_status::disabled))
        o[name_of(member::status)] = rooms::to_string(*s);
    add_times_and_urls(o, r);
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
