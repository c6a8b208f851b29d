// SPDX-License-Identifier: BSL-1.0
#include "bulk_output.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

namespace roomctl {

namespace {

constexpr std::size_t label_width = 15;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void error(const std::string& text)
{
    flush_output(); // what was said before comes first, where both streams are one terminal
    const std::string whole = "roomctl: " + text + '\n';
    std::fwrite(whole.data(), 1, whole.size(), stderr);
}

void line(std::string_view label, const std::string& value)
{
    print(std::string(label) + std::string(label_width - label.size(), ' ') + value + '\n');
}

std::string counted(std::uint64_t n, std::string_view what)
{
    return with_thousands(n) + ' ' + std::string(what) + (n == 1 ? "" : "s");
}

// For one line of a terminal.
std::string quoted(std::string_view text)
{
    constexpr std::size_t max_size = 60;
    if (text.size() <= max_size) return '\'' + escape(text) + '\'';
    std::size_t size = max_size;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U)
        --size;
    return '\'' + escape(text.substr(0, size)) + "'...";
}

std::string reason(const rooms::error_code& ec, unsigned http_status, const std::string& message)
{
    std::string text = escape(ec.message());
    if (http_status != 0) text += " (HTTP " + std::to_string(http_status) + ')';
    if (!message.empty()) text += ": " + message; // escaped by the library
    return text;
}

std::string change_text(const plan_change& c)
{
    std::string text(name_of(c.what));
    const bool plain = c.what == member::voice || c.what == member::status;
    const auto value = [&](const std::string& v) { return plain ? escape(v) : quoted(v); };
    return text + ' ' + (plain && c.from.empty() ? "?" : value(c.from)) + " -> " + value(c.to);
}

std::string changes_text(const room_plan& p, bool possible)
{
    std::string text;
    for (const plan_change& c : p.changes)
        if (c.possible == possible) text += (text.empty() ? "" : ", ") + change_text(c);
    return text;
}

// The members that are taken over from the room that was there before.
std::string kept_text(const room_plan& p)
{
    std::string text;
    const char* before = "; kept: ";
    for (const kept_member& k : p.kept) {
        const bool plain = k.what == member::voice || k.what == member::status;
        text += std::exchange(before, ", ") + std::string(name_of(k.what)) + ' ' +
                (plain ? k.value : quoted(k.value));
    }
    return text;
}

std::string recreation_text(const room_plan& p)
{
    std::string text = p.live ? "delete, although it is LIVE, and create: " : "delete and create: ";
    text += changes_text(p, false);
    if (const std::string others = changes_text(p, true); !others.empty()) text += ", " + others;
    return text + kept_text(p);
}

std::string creation_text(const planned_room& r)
{
    const room_plan& p = r.plan;
    std::string text = "create";
    if (p.deleted_earlier) text += " again, since an earlier run deleted it";
    if (p.deleted_earlier && r.line == 0) text += " (it is not in the manifest any more)";
    if (p.steps.has(plan_step::status)) text += ", then set its status";
    text += kept_text(p);
    if (!p.obstacle.empty()) text += "; this will fail: " + escape(p.obstacle);
    return text;
}

// `create 10, status 5`
template <class Counts>
std::string by_kind(const Counts& counts)
{
    std::string text;
    for (const rooms::operation_kind k : all_kinds)
        if (const std::uint64_t n = counts[static_cast<std::size_t>(k)]; n != 0)
            text += (text.empty() ? "" : ", ") + std::string(name_of(k)) + ' ' + with_thousands(n);
    return text.empty() ? "nothing" : text;
}

std::string why(const rooms::error_code& stopped_by, const std::string& reason)
{
    if (!reason.empty()) return escape(reason);
    if (stopped_by == rooms::errc::stopped) return "after a failure (--on-failure stop)";
    if (stopped_by == rooms::errc::cancelled) return "interrupted";
    if (stopped_by == rooms::errc::callback_failed) return "something failed on this machine";
    return escape(stopped_by.message());
}

// The columns of the summary that have anything to tell.
std::vector<std::vector<std::string>> table_of(const bulk_report& report)
{
    const bulk_counts all = report.total();
    std::vector<std::vector<std::string>> rows(1, {"", "operations"});
    std::vector<bulk_outcome> columns;
    for (std::size_t i = 0; i < bulk_outcome_names.size(); ++i) {
        const auto o = static_cast<bulk_outcome>(i);
        if (o != bulk_outcome::done && all.of(o) == 0) continue;
        columns.push_back(o);
        rows.front().emplace_back(o == bulk_outcome::stopped ? "not begun" : name_of(o));
    }
    if (all.retried != 0) rows.front().emplace_back("retried");

    const auto add = [&](std::string_view name, const bulk_counts& c) {
        std::vector<std::string> row{std::string(name), with_thousands(c.total())};
        for (const bulk_outcome o : columns)
            row.push_back(with_thousands(c.of(o)));
        if (all.retried != 0) row.push_back(with_thousands(c.retried));
        rows.push_back(std::move(row));
    };
    for (const rooms::operation_kind k : all_kinds)
        if (report.of(k).total() != 0) add(name_of(k), report.of(k));
    if (rows.size() != 2) add("all", all);
    return rows;
}

void print_table(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows) {
        std::string text = row[0] + std::string(label_width - row[0].size(), ' ');
        for (std::size_t i = 1; i < row.size(); ++i)
            text += std::string(i > 1 ? 2 : 0, ' ') + std::string(widths[i] - row[i].size(), ' ') + row[i];
        print(text + '\n');
    }
}

class human_bulk_output : public bulk_output
{
public:
    void faults(std::string_view, const std::string& file, const manifest& m, bool refused) override
    {
        const std::string name = file == "-" ? "standard input" : escape(file);
        const fault_list& all = m.faults();
        for (const manifest_fault& f : all.first())
            error(name + ": " + to_text(f));
        if (all.count() > all.first().size())
            error(name + ": and " + counted(all.count() - all.first().size(), "fault") + " more");
        std::string text = name + ": " + counted(all.count(), "fault") + ", " + with_thousands(m.invalid()) +
                           " of " + with_thousands(m.size()) + " entries invalid; ";
        text += refused ? "nothing was sent" : "these are left out";
        if (refused && !all.any_of_whole_file()) text += " (--skip-invalid leaves out what is invalid)";
        error(text);
    }

    void planned(const planned_room& r) override
    {
        const std::string id = ' ' + escape(r.room_id) + ": ";
        const room_plan& p = r.plan;
        if (p.steps.has(plan_step::unread)) {
            print("?  " + id + "could not be read: " +
                  reason(r.error, r.diagnostics.http_status(), r.diagnostics.message()) + '\n');
        } else if (p.steps.has(plan_step::create)) {
            print("+  " + id + creation_text(r) + '\n');
        } else if (p.steps.has(plan_step::recreate)) {
            print("-/+" + id + recreation_text(p) + '\n');
        } else {
            if (p.steps.has(plan_step::cannot))
                print("!  " + id + "cannot be changed: " + changes_text(p, false) +
                      (p.obstacle.empty() ? " (--recreate deletes the room and creates it again)"
                                          : " (nor deleted and created again: " + escape(p.obstacle) + ')') +
                      '\n');
            if (const std::string text = changes_text(p, true); !text.empty())
                print("~  " + id + text + '\n');
        }
    }

    void plan_done(const plan_summary& s) override
    {
        std::string text = counted(s.rooms, "room") + ": ";
        text += with_thousands(s.create) + " to create";
        if (s.deleted_earlier != 0)
            text += " (" + with_thousands(s.deleted_earlier) + " of them deleted by an earlier run)";
        if (s.recreate != 0) text += ", " + with_thousands(s.recreate) + " to delete and create";
        text += ", voice of " + with_thousands(s.voice) + ", status of " + with_thousands(s.status) +
                " to set, " + with_thousands(s.unchanged) + " unchanged";
        if (s.cannot != 0) text += ", " + with_thousands(s.cannot) + " that cannot be changed";
        if (s.unread != 0) text += ", " + with_thousands(s.unread) + " that could not be read";
        print(text + ".\n");
        if (!s.kept.empty()) print("Rooms that an earlier run deleted are kept in " + escape(s.kept) + ".\n");
        if (s.left_out != 0 && s.command == "plan") tell_left_out(s.left_out);
        if (s.stopped_by) error(s.command + ": stopped before the end: " + why(s.stopped_by, s.stop_reason));
        if (s.unproven && !s.stopped_by)
            error(s.command +
                  ": every response was a 404 without the form of the Room API's (a JSON object with "
                  "`message` or `error`): check --base-url; if it is right, no room exists yet");
    }

    void dry_run_done(const dry_run_summary& s) override
    {
        print("Would send: " + by_kind(s.operations) + "  (" + with_thousands(s.entries) +
              (s.entries == 1 ? " entry" : " entries") + ")\n");
        if (s.left_out != 0) tell_left_out(s.left_out);
    }

    void apply_done(const apply_summary& s) override
    {
        print_table(table_of(s.report));
        print_failures(s.report);
        const char* label = "latency";
        for (const rooms::operation_kind k : all_kinds) {
            const latency_histogram& h = s.latencies.of(k);
            if (h.count() == 0) continue;
            std::string name(name_of(k));
            name.resize(8, ' ');
            line(std::exchange(label, ""),
                 name + to_text(h.percentile(50)) + " median, " + to_text(h.percentile(90)) + " 90 %, " +
                     to_text(h.percentile(99)) + " 99 %, " + to_text(h.max()) + " at most");
        }
        if (s.ended > 0)
            line("throughput", with_thousands(static_cast<std::uint64_t>(s.operations_per_second() + 0.5)) +
                                   " operations/s");
        line("time", to_text(s.elapsed));
        tell_what_is_left(s);
    }

private:
    static void tell_left_out(std::uint64_t n)
    {
        error(with_thousands(n) + (n == 1 ? " entry was" : " entries were") + " left out");
    }

    static void print_failures(const bulk_report& report)
    {
        const char* label = "failures";
        for (const auto& [key, f] : report.failures()) {
            const rooms::error_code ec = static_cast<rooms::errc>(key.second);
            line(std::exchange(label, ""), with_thousands(f.count) + " x " + std::string(name_of(key.first)) +
                                               ": " + reason(ec, f.http_status, f.message) + "; the first: " +
                                               escape(f.room_id) + ", line " + with_thousands(f.line));
        }
    }

    static void tell_rooms(const std::vector<std::string>& ids, std::string_view what)
    {
        constexpr std::size_t most = 20;
        if (ids.empty()) return;
        std::string text = counted(ids.size(), "room") + ' ' + std::string(what);
        const char* before = ": ";
        for (std::size_t i = 0; i < ids.size() && i < most; ++i)
            text += std::exchange(before, ", ") + escape(ids[i]);
        if (ids.size() > most) text += " and " + with_thousands(ids.size() - most) + " more";
        error(text);
    }

    static void tell_what_is_left(const apply_summary& s)
    {
        const bulk_counts all = s.report.total();
        if (s.left_out != 0) tell_left_out(s.left_out);
        if (s.cannot != 0) error(counted(s.cannot, "room") + " cannot be changed as asked (see --recreate)");
        if (s.unread != 0)
            error(counted(s.unread, "room") + " could not be read, and nothing was done about them");
        if (s.stopped_by) error("stopped before the end: " + why(s.stopped_by, s.stop_reason));
        if (s.journal_cut != 0)
            error("the journal ended with " + counted(s.journal_cut, "byte") +
                  " that an earlier run had not written to the end; they were cut off");
        if (all.of(bulk_outcome::unknown) != 0)
            error(counted(all.of(bulk_outcome::unknown), "operation") +
                  " may have been carried out or not: look before repeating them");
        tell_rooms(s.deleted, "deleted and not created again");
        tell_rooms(s.unclear, "perhaps deleted and not created again");
        if (!s.kept.empty()) error("the rooms to be created again are kept in " + escape(s.kept));
        if (!s.go_on.empty())
            error("to go on: " + s.go_on +
                  (s.file == "-" ? "   (with the same manifest on standard input)" : ""));
    }
};

} // namespace

void warn_of_nothing(const std::string& file)
{
    error((file == "-" ? "standard input" : escape(file)) + ": holds no entries");
}

void warn(const std::string& text) { error("warning: " + text); }

std::unique_ptr<bulk_output> make_human_bulk_output() { return std::make_unique<human_bulk_output>(); }

} // namespace roomctl
