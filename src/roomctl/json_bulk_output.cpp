// SPDX-License-Identifier: BSL-1.0
#include "bulk_output.hpp"
#include "error_name.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace roomctl {

namespace json = boost::json;

namespace {

void print(const json::object& o, std::FILE* to = stdout)
{
    const std::string line = escape_json(json::serialize(o)) + '\n';
    std::fwrite(line.data(), 1, line.size(), to);
}

std::int64_t microseconds(std::chrono::nanoseconds d)
{
    return std::chrono::round<std::chrono::microseconds>(d).count();
}

json::value error_or_null(const rooms::error_code& ec)
{
    if (!ec) return nullptr;
    return json::value(error_name(ec));
}

json::array steps_of(plan_steps s)
{
    json::array steps;
    const auto add = [&](plan_step step, const char* name) {
        if (s.has(step)) steps.emplace_back(name);
    };
    add(plan_step::unread, "unread");
    add(plan_step::cannot, "cannot");
    add(plan_step::recreate, "recreate");
    add(plan_step::create, "create");
    add(plan_step::voice, "voice");
    add(plan_step::status, "status");
    return steps;
}

template <class Counts>
json::object by_kind(const Counts& counts)
{
    json::object o;
    for (const rooms::operation_kind k : all_kinds)
        if (const std::uint64_t n = counts[static_cast<std::size_t>(k)]; n != 0) o[name_of(k)] = n;
    return o;
}

void add_counts(json::object& o, const bulk_counts& c)
{
    o["operations"] = c.total();
    for (std::size_t i = 0; i < bulk_outcome_names.size(); ++i)
        o[bulk_outcome_names[i]] = c.by_outcome[i];
    o["retried"] = c.retried;
}

json::object latency_of(const latency_histogram& h)
{
    json::object o;
    o["calls"] = h.count();
    o["median_us"] = microseconds(h.percentile(50));
    o["p90_us"] = microseconds(h.percentile(90));
    o["p99_us"] = microseconds(h.percentile(99));
    o["p999_us"] = microseconds(h.percentile(99.9));
    o["max_us"] = microseconds(h.max());
    return o;
}

json::array failures_of(const bulk_report& report)
{
    json::array failures;
    for (const auto& [key, f] : report.failures()) {
        json::object o;
        o["op"] = name_of(key.first);
        o["error"] = error_name(static_cast<rooms::errc>(key.second));
        o["count"] = f.count;
        json::object first;
        first["room_id"] = f.room_id;
        first["line"] = f.line;
        if (f.http_status != 0) first["http_status"] = f.http_status;
        first["message"] = f.message;
        o["first"] = std::move(first);
        failures.push_back(std::move(o));
    }
    return failures;
}

class json_bulk_output : public bulk_output
{
public:
    void faults(std::string_view command, const std::string& file, const manifest& m, bool refused) override
    {
        // What export prints on standard output are rooms, and nothing else.
        std::FILE* const to = command == "export" ? stderr : stdout;
        for (const manifest_fault& f : m.faults().first()) {
            json::object o;
            o["command"] = command;
            o["error"] = "invalid_manifest";
            o["file"] = file;
            o["line"] = f.at.line;
            o["column"] = f.at.column;
            o["field"] = f.field;
            o["rule"] = f.rule;
            print(o, to);
        }
        if (!refused) return;
        json::object o;
        o["command"] = command;
        o["error"] = "invalid_manifest";
        o["effect"] = rooms::to_string(rooms::effect::none);
        o["http_status"] = nullptr;
        o["message"] = "the manifest is invalid; nothing was sent";
        o["faults"] = m.faults().count();
        o["invalid"] = m.invalid();
        o["entries"] = m.size();
        o["exit_code"] = static_cast<int>(exit_code::usage);
        print(o, to);
    }

    void planned(const planned_room& r) override
    {
        json::object o;
        o["command"] = "plan";
        o["room_id"] = r.room_id;
        o["line"] = r.line;
        o["steps"] = steps_of(r.plan.steps);
        json::array changes;
        for (const plan_change& c : r.plan.changes) {
            json::object change;
            change["member"] = name_of(c.what);
            change["from"] = c.from;
            change["to"] = c.to;
            change["possible"] = c.possible;
            changes.push_back(std::move(change));
        }
        o["changes"] = std::move(changes);
        if (r.plan.deleted_earlier) o["deleted_earlier"] = true;
        if (r.plan.whole) {
            json::object kept;
            for (const kept_member& k : r.plan.kept)
                kept[name_of(k.what)] = k.value;
            o["kept"] = std::move(kept);
            o["live"] = r.plan.live;
        }
        if (!r.plan.obstacle.empty()) o["obstacle"] = r.plan.obstacle;
        if (r.error) {
            o["error"] = error_name(r.error);
            o["message"] = r.diagnostics.message().empty() ? r.error.message() : r.diagnostics.message();
        }
        print(o);
    }

    void plan_done(const plan_summary& s) override
    {
        json::object o;
        o["command"] = "plan";
        o["file"] = s.file;
        o["rooms"] = s.rooms;
        o["create"] = s.create;
        if (s.deleted_earlier != 0) o["deleted_earlier"] = s.deleted_earlier;
        o["recreate"] = s.recreate;
        o["voice"] = s.voice;
        o["status"] = s.status;
        o["cannot"] = s.cannot;
        o["unread"] = s.unread;
        o["unchanged"] = s.unchanged;
        o["operations"] = by_kind(s.operations);
        o["left_out"] = s.left_out;
        o["stopped_by"] = error_or_null(s.stopped_by);
        if (!s.stop_reason.empty()) o["stop_reason"] = s.stop_reason;
        if (!s.kept.empty()) o["kept"] = s.kept;
        o["unproven"] = s.unproven;
        o["exit_code"] = static_cast<int>(s.code);
        print(o);
    }

    void dry_run_done(const dry_run_summary& s) override
    {
        json::object o;
        o["command"] = "apply";
        o["dry_run"] = true;
        o["file"] = s.file;
        o["entries"] = s.entries;
        o["left_out"] = s.left_out;
        o["operations"] = by_kind(s.operations);
        o["exit_code"] = static_cast<int>(s.code);
        print(o);
    }

    void apply_done(const apply_summary& s) override
    {
        json::object o;
        o["command"] = "apply";
        o["file"] = s.file;
        add_counts(o, s.report.total());
        o["left_out"] = s.left_out;
        o["cannot"] = s.cannot;
        o["unread"] = s.unread;
        if (s.journal_cut != 0) o["journal_cut"] = s.journal_cut;
        json::object kinds;
        json::object latencies;
        for (const rooms::operation_kind k : all_kinds) {
            if (const bulk_counts& c = s.report.of(k); c.total() != 0) {
                json::object of_kind;
                add_counts(of_kind, c);
                kinds[name_of(k)] = std::move(of_kind);
            }
            if (const latency_histogram& h = s.latencies.of(k); h.count() != 0)
                latencies[name_of(k)] = latency_of(h);
        }
        o["by_operation"] = std::move(kinds);
        o["failures"] = failures_of(s.report);
        o["latency"] = std::move(latencies);
        o["elapsed_us"] = microseconds(s.elapsed);
        o["operations_per_s"] = std::llround(s.operations_per_second());
        o["stopped_by"] = error_or_null(s.stopped_by);
        if (!s.stop_reason.empty()) o["stop_reason"] = s.stop_reason;
        if (!s.deleted.empty()) o["deleted"] = json::array(s.deleted.begin(), s.deleted.end());
        if (!s.unclear.empty()) o["unclear"] = json::array(s.unclear.begin(), s.unclear.end());
        if (!s.kept.empty()) o["kept"] = s.kept;
        if (!s.go_on.empty()) o["go_on"] = s.go_on;
        o["exit_code"] = static_cast<int>(s.code);
        print(o);
    }
};

} // namespace

std::unique_ptr<bulk_output> make_json_bulk_output() { return std::make_unique<json_bulk_output>(); }

} // namespace roomctl
