// SPDX-License-Identifier: BSL-1.0
#include "cli_bulk.hpp"

#include "values.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace roomctl {

namespace {

constexpr const char* accept_project_help = "The kept file is of this project: its API key was changed since";

// Strictly: for some 010 is eight, and for others ten.
template <class T>
std::optional<T> parse_decimal(std::string_view text)
{
    const bool odd_zero = text.size() > 1 && text[0] == '0' && text[1] != '.';
    if (odd_zero || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    T value{};
    const char* const end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, value);
    if (r.ec != std::errc() || r.ptr != end) return std::nullopt;
    return value;
}

std::size_t parse_count(const std::string& text)
{
    const auto n = parse_decimal<std::size_t>(text);
    if (!n || *n < 1 || *n > 4096)
        throw usage_error("--max-in-flight: '" + text + "' is not a number from 1 to 4096");
    return *n;
}

std::uint64_t parse_stop_unreachable(const std::string& text)
{
    const auto n = parse_decimal<std::uint64_t>(text);
    if (!n || *n > 1'000'000)
        throw usage_error("--stop-unreachable: '" + text + "' is not a number from 0 (never) to 1000000");
    return *n;
}

double parse_rate(const std::string& text)
{
    const auto n = parse_decimal<double>(text);
    if (!n || *n < 0.001 || *n > 1e6)
        throw usage_error("--rate: '" + text + "' is not a number from 0.001 to 1000000");
    return *n;
}

} // namespace

void bulk_arguments::add(const command_maker& make)
{
    add_apply(make);
    add_plan(make);
    add_export(make);
}

void bulk_arguments::add_apply(const command_maker& make)
{
    apply_ =
        make("apply", "Carry out a manifest: many rooms or operations",
             "  roomctl apply rooms.jsonl --journal rooms.journal --results results.jsonl\n"
             "  roomctl apply --plan rooms.csv\n"
             "  roomctl apply rooms.csv --shard $JOB_COMPLETION_INDEX/8\n\n"
             "FILE is JSON Lines or CSV (the header row names the columns) of rooms:\n"
             "  {\"roomId\": \"match-1\", \"name\": \"Final\", \"about\": \"\", \"status\": \"LIVE\"}\n"
             "or of operations (create, get, voice, status, delete):\n"
             "  {\"op\": \"status\", \"roomId\": \"match-1\", \"status\": \"ENDED\"}\n"
             "Rooms have roomId, name and about, and may have isSpeak, status (LIVE, SOON, ENDED,\n"
             "DISABLED), startTime, endTime, pic, streamUrl, sourceUrl, streamStartTime, streamEndTime;\n"
             "an op voice has roomId and isSpeak, status roomId and status, get and delete roomId.\n"
             "Rooms are created, and their status is set if there is one. All of the manifest is\n"
             "checked before anything is sent.\n\n"
             "Operations that fail for a reason that may pass are tried up to 20 times, up to 30s apart\n"
             "and within --timeout (5m for each), so that a restart of the service is outlasted;\n"
             "--no-retry tries once. An operation that fails in the end is reported, and the run goes on.\n"
             "After 20 operations in a row that did not reach the service (--stop-unreachable) the run\n"
             "stops, with exit code 4, and prints the command that goes on.\n\n"
             "With a journal the same command goes on where the run was stopped, by Ctrl-C or a crash,\n"
             "and repeats operations that failed. --results then appends to the lines of the earlier run;\n"
             "otherwise it replaces them. It replaces no other file than the results of a run.\n\n"
             "The first Ctrl-C (SIGTERM, SIGHUP) lets the operations that are under way end. A second one,\n"
             "or the end of --grace, cancels them. The third one ends the program at once.\n\n"
             "--recreate keeps the members of a room that the manifest leaves out: voice, status, times,\n"
             "URLs. It asks before it deletes; if nobody can be asked, it needs --yes. Delete, create and\n"
             "status are one unit, which the first Ctrl-C lets end within --grace. Before a delete is sent,\n"
             "the whole room is in the kept file: FILE.kept (FILE.I-of-N.kept of a shard, roomctl.kept for\n"
             "standard input). A room that was deleted and not created again is named, with exit code 5.\n"
             "The same command creates it with the kept members, or with those that the manifest gives by\n"
             "then. The kept file is removed when no room needs it.\n");
    add_file(apply_);
    add_format(apply_);
    add_shard_and_skip(apply_);
    add_pace(apply_);
    auto* const journal =
        apply_->add_option("--journal", journal_, "Makes the run resumable")->type_name("PATH");
    apply_->add_option("--results", results_, "Write a line of JSON for each operation")->type_name("PATH");
    apply_->add_option("--on-failure", on_failure_, "continue (default), or stop at the first failure")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"stop", "continue"}));
    apply_->add_flag("--dry-run", apply_values_.dry_run, "Check and count only; with --plan, compare");
    auto* const plan = apply_->add_flag("--plan", apply_values_.plan, "Apply only the differences");
    plan->excludes(journal);
    apply_
        ->add_flag("--recreate", apply_values_.recreate,
                   "With --plan: delete and create what cannot be changed")
        ->needs(plan);
    auto* const recreate = apply_->get_option("--recreate");
    apply_->add_flag("--yes", apply_values_.yes, "With --recreate: do not ask before rooms are deleted")
        ->needs(recreate);
    apply_->add_option("--kept", kept_, "With --plan: the kept file, in place of FILE.kept")
        ->type_name("PATH")
        ->needs(plan);
    apply_->add_flag("--accept-project", apply_values_.accept_project, accept_project_help)->needs(plan);
}

void bulk_arguments::add_plan(const command_maker& make)
{
    plan_ = make("plan", "Show the differences between a manifest and the service",
                 "  roomctl plan rooms.csv\n  roomctl --json plan rooms.jsonl | jq 'select(.steps)'\n\n"
                 "  +    would be created            ~    voice or status would be set\n"
                 "  -/+  would be deleted, created   !    cannot be changed      ?    could not be read\n\n"
                 "Nothing is changed; `roomctl apply --plan` applies the differences. Members that are\n"
                 "absent from the manifest or the response are not compared, nor is sourceUrl, which the\n"
                 "service rewrites. Rooms that an interrupted apply --recreate deleted are shown as they\n"
                 "will be created, with the members in FILE.kept.\n"
                 "The exit code is 3 if a room cannot be changed as asked or an entry is left out.\n");
    add_file(plan_);
    add_format(plan_);
    add_shard_and_skip(plan_);
    add_pace(plan_);
    plan_->add_flag("--recreate", apply_values_.recreate, "Plan to delete and create what cannot be changed");
    plan_->add_option("--kept", kept_, "The kept file of apply --plan, in place of FILE.kept")
        ->type_name("PATH");
    plan_->add_flag("--accept-project", apply_values_.accept_project, accept_project_help);
}

void bulk_arguments::add_export(const command_maker& make)
{
    export_ = make("export", "Print rooms as a manifest",
                   "  roomctl export match-321 match-322 > rooms.jsonl\n"
                   "  roomctl export ids.txt | roomctl plan -\n\n"
                   "Errors, with --json too, are told on standard error. A room that a manifest cannot hold\n"
                   "is an error, and is not printed.\n");
    export_->add_option("IDS", export_values_.rooms, "Rooms' ids; or one FILE of ids, or a manifest; or -")
        ->required()
        ->type_name("");
    export_->add_flag("--ids", export_values_.ids, "Ids only, even if one is the name of a file");
    add_format(export_);
    add_pace(export_);
}

void bulk_arguments::add_file(CLI::App* c)
{
    c->add_option("FILE", file_, "The manifest; - for standard input")->required()->type_name("");
}

void bulk_arguments::add_format(CLI::App* c)
{
    c->add_option("--format", format_, "jsonl or csv, if the file does not tell")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"jsonl", "csv"}));
}

void bulk_arguments::add_shard_and_skip(CLI::App* c)
{
    c->add_option("--shard", shard_, "Only the I-th of N parts of all rooms, I from 0")->type_name("I/N");
    c->add_flag("--skip-invalid", skip_invalid_, "Leave out invalid entries and go on");
}

void bulk_arguments::add_pace(CLI::App* c)
{
    c->add_option("--max-in-flight", max_in_flight_, "Operations, and connections, at a time (default 32)")
        ->type_name("N");
    c->add_option("--rate", rate_, "Requests per second at most")->type_name("N");
    c->add_option("--stop-unreachable", stop_unreachable_,
                  "Stop when N in a row did not reach the service (default 20; 0: never)")
        ->type_name("N");
    c->add_option("--grace", grace_, "After Ctrl-C, for what is under way (default 20s)")
        ->type_name("DURATION");
}

std::optional<manifest_format> bulk_arguments::take_format() const
{
    if (format_.empty()) return std::nullopt;
    return format_ == "csv" ? manifest_format::csv : manifest_format::json_lines;
}

manifest_options bulk_arguments::take_input() const
{
    manifest_options o;
    o.format = take_format();
    o.skip_invalid = skip_invalid_;
    if (!shard_) return o;
    const auto part = parse_shard(*shard_);
    if (!part) throw usage_error("--shard: '" + *shard_ + "' is not I/N with I from 0 to N - 1");
    o.part = *part;
    return o;
}

pace bulk_arguments::take_pace() const
{
    pace p;
    if (max_in_flight_) p.max_in_flight = parse_count(*max_in_flight_);
    if (rate_) p.rate = parse_rate(*rate_);
    if (stop_unreachable_) p.stop_unreachable = parse_stop_unreachable(*stop_unreachable_);
    if (!grace_) return p;
    const auto grace = parse_duration(*grace_);
    if (!grace) throw usage_error("--grace: '" + *grace_ + "' is not a duration (examples: 500ms, 5s, 2m)");
    p.grace = *grace;
    return p;
}

apply_command bulk_arguments::take_apply() const
{
    apply_command c = apply_values_;
    c.file = file_;
    c.input = take_input();
    c.pace = take_pace();
    c.stop_on_failure = on_failure_ == "stop";
    if (apply_->count("--journal") != 0) c.journal = journal_;
    if (apply_->count("--kept") != 0) c.kept = kept_;
    if (apply_->count("--results") != 0) c.results = results_;
    return c;
}

std::optional<any_command> bulk_arguments::take() const
{
    if (apply_->parsed()) return take_apply();
    if (plan_->parsed()) {
        plan_command p{file_,        take_input(),
                       take_pace(),  apply_values_.recreate,
                       std::nullopt, apply_values_.accept_project};
        if (plan_->count("--kept") != 0) p.kept = kept_;
        return p;
    }
    if (!export_->parsed()) return std::nullopt;
    export_command c = export_values_;
    c.format = take_format();
    c.pace = take_pace();
    return c;
}

} // namespace roomctl
