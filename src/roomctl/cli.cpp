// SPDX-License-Identifier: BSL-1.0
#include "cli.hpp"

#include "cli_bulk.hpp"
#include "command_line.hpp"
#include "help.hpp"
#include "help_formatter.hpp"
#include "values.hpp"

#include <CLI/CLI.hpp>

#include <cctype>
#include <chrono>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>

namespace roomctl {

namespace {

using std::chrono::milliseconds;

milliseconds duration_of(const std::string& text, const char* option)
{
    const auto d = parse_duration(text);
    if (!d || d->count() == 0)
        throw usage_error(std::string(option) + ": '" + text +
                          "' is not a duration (examples: 500ms, 5s, 2m)");
    return *d;
}

rooms::time_point time_of(const std::string& text, const char* option)
{
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    const auto t = parse_time(text, now);
    if (!t)
        throw usage_error(std::string(option) + ": '" + text +
                          "' is not a time (examples: '2026-12-31 20:00', 2026-12-31T20:00:00Z, +30m)");
    return *t;
}

// CLI11 reads an argument `[a,b]` as a list if an option may have several values. A mark in front of such
// arguments hides the bracket; every option removes the mark before it reads its value.
constexpr char literal_mark = '\x1f';

std::string with_mark(std::string argument)
{
    const bool list = argument.starts_with('[') && argument.ends_with(']');
    return list || argument.starts_with(literal_mark) ? literal_mark + argument : argument;
}

std::string without_mark(std::string argument)
{
    return argument.starts_with(literal_mark) ? argument.substr(1) : argument;
}

void take_marks_off(CLI::App& command)
{
    for (CLI::Option* const option : command.get_options())
        option->transform(CLI::Validator(
            [](std::string& value) { return value = without_mark(value), std::string(); }, "", "literal"));
    for (CLI::App* const sub : command.get_subcommands(nullptr))
        take_marks_off(*sub);
}

// What the options of one command were given. CLI11 writes here; `take` makes a command of it.
class parser
{
public:
    parser();
    std::variant<invocation, help_text> parse(int argc, const char* const* argv);

private:
    CLI::App* add(const std::string& name, const std::string& text, const std::string& examples);
    void add_globals();
    void add_create();
    void add_get();
    void add_voice_and_status();
    void add_delete();
    void add_sandbox_and_demo();

    any_command take() const;
    create_command take_create() const;
    settings take_settings() const;
    void refuse_for_own_sandbox(bool credentials_too) const;
    bool was(const char* name) const { return app_.got_subcommand(name); }
    static bool given(const CLI::App* app, const char* option) { return app->count(option) != 0; }

    CLI::App app_{"Creates, reads, changes and deletes rooms of the Watchers Room API.", "roomctl"};
    CLI::App* create_ = nullptr;
    CLI::App* sandbox_ = nullptr;

    std::string timeout_, base_url_, region_, ca_, credentials_;
    bool json_ = false, verbose_ = false, iso_times_ = false, no_retry_ = false;

    std::string id_, name_, about_, on_, status_;
    bool voice_ = false;
    std::string starts_at_, ends_at_, pic_, stream_url_, source_url_, stream_starts_at_, stream_ends_at_;

    std::string ca_out_;
    sandbox_command sandbox_values_;
    demo_command demo_values_;
    bulk_arguments bulk_;
};

const std::map<std::string, rooms::region> regions{{"europe", rooms::region::europe},
                                                   {"north-america", rooms::region::north_america},
                                                   {"south-america", rooms::region::south_america},
                                                   {"asia", rooms::region::asia},
                                                   {"africa", rooms::region::africa}};

parser::parser()
{
    app_.require_subcommand(1);
    app_.fallthrough(); // the options for all commands may stand behind the command as well
    app_.set_help_flag("-h,--help", "Show this help");
    app_.set_version_flag("--version", std::string("roomctl ") + ROOMCTL_VERSION, "Show the version");
    app_.formatter(std::make_shared<help_formatter>());
    app_.footer(general_help());
    add_globals();
    add_create();
    add_get();
    add_voice_and_status();
    add_delete();
    bulk_.add([this](const char* name, const char* text, const char* examples) {
        return add(name, text, examples);
    });
    add_sandbox_and_demo();
    take_marks_off(app_);
}

CLI::App* parser::add(const std::string& name, const std::string& text, const std::string& examples)
{
    CLI::App* const c = app_.add_subcommand(name, text);
    c->footer("Examples:\n" + examples + "\nOptions for all commands: see roomctl --help");
    return c;
}

void parser::add_globals()
{
    app_.add_option("--timeout", timeout_, "Bounds each call (default 30s; apply, plan, export: 5m)")
        ->type_name("DURATION");
    auto* const url = app_.add_option("--base-url", base_url_, "Where the service is: https://HOST[:PORT]");
    url->type_name("URL");
    app_.add_option("--region", region_, "europe (default), north-america, south-america, asia, africa")
        ->type_name("REGION")
        ->check(CLI::IsMember(regions))
        ->excludes(url);
    app_.add_option("--ca", ca_, "Trust only the authorities in this PEM file")->type_name("FILE");
    app_.add_option("--credentials", credentials_,
                    "WATCHERS_API_KEY= and WATCHERS_BEARER_TOKEN= lines; mode 0600")
        ->type_name("FILE");
    app_.add_flag("--json", json_, "Print JSON, one object per line");
    app_.add_flag("-v,--verbose", verbose_, "Tell attempts, connections and timings on standard error");
    app_.add_flag("--no-retry", no_retry_, "Send one request only; confirm nothing");
    app_.add_flag("--iso-times", iso_times_, "Send times as 2026-12-31T20:00:00.000Z");
}

void parser::add_create()
{
    create_ = add("create", "Create a room; with a start time it is scheduled",
                  "  roomctl create match-321 Final 'Kick-off at 20:00'\n"
                  "  roomctl create match-321 Final 'Kick-off at 20:00' --voice \\\n"
                  "      --starts-at '2026-12-31 20:00' --ends-at '2026-12-31 23:00'\n");
    create_->add_option("ID", id_, "The room's id")->required()->type_name("");
    create_->add_option("NAME", name_, "Its name in the admin panel")->required()->type_name("");
    create_->add_option("ABOUT", about_, "Its description")->required()->type_name("");
    create_->add_flag("--voice", voice_, "With voice chat");
    create_->add_option("--starts-at", starts_at_, "SOON until then, LIVE from then on")->type_name("TIME");
    create_->add_option("--ends-at", ends_at_, "ENDED from then on")->type_name("TIME");
    create_->add_option("--pic", pic_, "A picture")->type_name("URL");
    create_->add_option("--stream-url", stream_url_, "A stream to be shown")->type_name("URL");
    create_->add_option("--source-url", source_url_, "A video page, to be embedded")->type_name("URL");
    create_->add_option("--stream-starts-at", stream_starts_at_, "When the stream starts")->type_name("TIME");
    create_->add_option("--stream-ends-at", stream_ends_at_, "When the stream ends")->type_name("TIME");
}

void parser::add_get()
{
    auto* const get = add("get", "Show a room", "  roomctl get match-321\n  roomctl --json get match-321\n");
    get->add_option("ID", id_, "The room's id")->required()->type_name("");
}

void parser::add_delete()
{
    auto* const erase = add("delete", "Delete a room", "  roomctl delete match-321\n");
    erase->add_option("ID", id_, "The room's id")->required()->type_name("");
}

void parser::add_voice_and_status()
{
    auto* const voice = add("voice", "Turn voice chat on or off", "  roomctl voice match-321 on\n");
    voice->add_option("ID", id_, "The room's id")->required()->type_name("");
    voice->add_option("on|off", on_, "What to turn it to")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"on", "off"}));

    auto* const status = add("status", "Change a room's status", "  roomctl status match-321 LIVE\n");
    status->add_option("ID", id_, "The room's id")->required()->type_name("");
    status->add_option("STATUS", status_, "LIVE, SOON, ENDED or DISABLED")
        ->required()
        ->type_name("")
        ->transform(CLI::IsMember({"LIVE", "SOON", "ENDED", "DISABLED"}, CLI::ignore_case));
}

void parser::add_sandbox_and_demo()
{
    const auto is_address = [](std::string& text) -> std::string {
        in6_addr parsed{};
        if (inet_pton(AF_INET, text.c_str(), &parsed) == 1) return {};
        if (inet_pton(AF_INET6, text.c_str(), &parsed) == 1) return {};
        return "'" + text + "' is no IP address";
    };
    sandbox_ =
        add("sandbox", "Run a local server of the Room API until Ctrl-C",
            "  roomctl sandbox\n  roomctl sandbox --port 0 --ca-out ca.pem\n\n"
            "It asks for the API key and bearer token `sandbox`, or for those of --credentials FILE.\n");
    sandbox_->add_option("--port", sandbox_values_.port, "Port to listen on; 0 for any free one")
        ->capture_default_str();
    sandbox_->add_option("--address", sandbox_values_.address, "Address to listen on")
        ->capture_default_str()
        ->check(CLI::Validator(is_address, "ADDRESS"));
    sandbox_->add_option("--dialect", sandbox_values_.dialect, "How to respond: vendor or plain (see README)")
        ->capture_default_str()
        ->type_name("NAME")
        ->check(CLI::IsMember({"vendor", "plain"}));
    sandbox_->add_option("--ca-out", ca_out_, "Write the CA certificate here, for curl --cacert and --ca")
        ->type_name("FILE");

    auto* const demo = add("demo", "Take many rooms through their life in a sandbox of its own",
                           "  roomctl demo\n  roomctl demo --rooms 5000 --concurrency 64 --json\n");
    demo->add_option("--rooms", demo_values_.rooms, "How many")
        ->capture_default_str()
        ->check(CLI::Range(1, 100'000));
    demo->add_option("--concurrency", demo_values_.concurrency, "How many at a time")
        ->capture_default_str()
        ->check(CLI::Range(1, 1'000));
}

create_command parser::take_create() const
{
    rooms::new_room r(id_, name_, about_);
    r.voice(voice_);
    if (given(create_, "--starts-at")) r.starts_at(time_of(starts_at_, "--starts-at"));
    if (given(create_, "--ends-at")) r.ends_at(time_of(ends_at_, "--ends-at"));
    if (given(create_, "--pic")) r.picture_url(pic_);
    if (given(create_, "--stream-url")) r.stream_url(stream_url_);
    if (given(create_, "--source-url")) r.source_url(source_url_);
    if (given(create_, "--stream-starts-at"))
        r.stream_starts_at(time_of(stream_starts_at_, "--stream-starts-at"));
    if (given(create_, "--stream-ends-at")) r.stream_ends_at(time_of(stream_ends_at_, "--stream-ends-at"));
    return {std::move(r)};
}

// An option that would do nothing is a misunderstanding.
void parser::refuse_for_own_sandbox(bool credentials_too) const
{
    const std::string command = app_.get_subcommands().front()->get_name();
    for (const char* const option : {"--base-url", "--region", "--ca", "--credentials"}) {
        if (option == std::string_view("--credentials") && !credentials_too) continue;
        if (given(&app_, option))
            throw usage_error(std::string(option) + " has no meaning for " + command +
                              ", which brings its own server");
    }
}

any_command parser::take() const
{
    if (was("sandbox")) {
        refuse_for_own_sandbox(false);
        sandbox_command c = sandbox_values_;
        if (given(sandbox_, "--ca-out")) c.ca_out = ca_out_;
        return c;
    }
    if (was("demo")) {
        refuse_for_own_sandbox(true);
        return demo_values_;
    }
    if (auto bulk = bulk_.take()) return *std::move(bulk);
    if (was("create")) return call_command(take_create());
    if (was("get")) return call_command(get_command{id_});
    if (was("voice")) return call_command(voice_command{id_, on_ == "on"});
    if (was("status")) return call_command(status_command{id_, rooms::parse_room_status(status_).value()});
    return call_command(delete_command{id_});
}

settings parser::take_settings() const
{
    settings s;
    if (given(&app_, "--timeout")) s.timeout = duration_of(timeout_, "--timeout");
    if (given(&app_, "--base-url")) s.base_url = base_url_;
    if (given(&app_, "--region")) s.region = regions.at(region_);
    if (given(&app_, "--ca")) s.ca_file = ca_;
    if (given(&app_, "--credentials")) s.credentials_file = credentials_;
    s.json = json_;
    s.verbose = verbose_;
    s.iso_times = iso_times_;
    s.no_retry = no_retry_;
    return s;
}

std::variant<invocation, help_text> parser::parse(int argc, const char* const* argv)
{
    std::vector<std::string> arguments; // the last one first, as CLI11 takes them
    for (int i = argc; --i > 0;)
        arguments.push_back(with_mark(argv[i]));
    try {
        app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        return help_text{app_.help()};
    } catch (const CLI::CallForVersion& e) {
        return help_text{std::string(e.what()) + '\n'};
    } catch (const CLI::ParseError& e) {
        const auto chosen = app_.get_subcommands();
        const std::string help =
            chosen.empty() ? "roomctl --help" : "roomctl " + chosen.front()->get_name() + " --help";
        const auto strays = app_.remaining();
        if (chosen.empty() && !strays.empty())
            throw usage_error("'" + without_mark(strays.front()) + "' is not a command or option; see " +
                              help);
        std::string what = e.what();
        std::erase(what, literal_mark);
        throw usage_error(what + "; see " + help);
    }
    invocation result{take_settings(), take()};
    result.options.program = argv[0];
    result.options.command_line = command_line_of(argc, argv);
    result.options.command_line_with_plan = command_line_of(argc, argv, " --plan");
    return result;
}

} // namespace

std::variant<invocation, help_text> parse_command_line(int argc, const char* const* argv)
{
    return parser().parse(argc, argv);
}

bool wants_json(int argc, const char* const* argv) noexcept
{
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--") return false;
        if (argument == "--json") return true;
    }
    return false;
}

} // namespace roomctl
