// SPDX-License-Identifier: BSL-1.0
#include "output.hpp"
#include "text.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace roomctl {

namespace {

bool wants_colour()
{
    const char* const no_colour = std::getenv("NO_COLOR");
    const char* const kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') && kind != nullptr &&
           std::string_view(kind) != "dumb";
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string counted(std::uint64_t n, const char* what)
{
    return with_thousands(n) + ' ' + what + (n == 1 ? "" : "s");
}

// What there is to know about the room after a call that failed.
std::string effect_text(const call_name& call, rooms::effect e)
{
    if (call.command == "get" || call.command == "export") return "";
    switch (e) {
    case rooms::effect::none: return "; nothing was changed";
    case rooms::effect::applied: return "; the change was made";
    case rooms::effect::unknown: break;
    }
    return "; whether the change was made is unknown: look with `roomctl get` before repeating it";
}

class human_output : public output
{
public:
    void room(const call_name& call, const rooms::room& r, const rooms::diagnostics& d) override
    {
        if (call.command == "create") print(r.confirmed() ? "Confirmed.\n" : "Created.\n");
        line("room", r.id().value_or(call.room_id));
        line("name", r.name());
        line("about", r.about());
        if (const auto s = r.status()) raw_line("status", coloured(*s));
        if (const auto on = r.voice()) raw_line("voice", *on ? "on" : "off");
        line("starts", r.starts_at());
        line("ends", r.ends_at());
        line("picture", r.picture_url());
        line("stream", r.stream_url());
        line("source", r.source_url());
        line("stream starts", r.stream_starts_at());
        line("stream ends", r.stream_ends_at());
        if (r.confirmed())
            error("note: the answer to the create was lost; a room with these members is there");
        note(d);
    }

    void deleted(const call_name& call, const rooms::diagnostics& d) override
    {
        print("Deleted " + escape(call.room_id) + ".\n");
        note(d);
    }

    void failed(const call_name& call, const rooms::error_code& ec, const rooms::diagnostics& d) override
    {
        std::string text = call.command + ' ' + escape(call.room_id) + ": " + escape(ec.message());
        if (d.http_status() != 0) text += " (HTTP " + std::to_string(d.http_status()) + ')';
        if (!d.message().empty()) text += ": " + d.message(); // escaped by the library
        if (d.cause() && d.message().empty()) text += ": " + escape(d.cause().message());
        if (const auto wait = d.retry_after())
            text += "; asked to wait " + std::to_string(wait->count()) + " s";
        if (d.attempts() > 1) text += "; " + std::to_string(d.attempts()) + " attempts";
        if (d.last_failure()) text += "; before that: " + escape(d.last_failure().message());
        if (!d.note().empty()) text += "; " + d.note();
        error(text + effect_text(call, d.effect()));
    }

    void problem(exit_code, const std::string& message) override { error(escape(message)); }

    void sandbox_ready(const sandbox_address& s) override
    {
        const bool own = s.credentials_file.empty();
        const std::string program = shell_quote(s.program);
        const std::string ca = shell_quote(s.ca_file);
        const std::string access = own ? "" : " --credentials " + shell_quote(s.credentials_file);
        const std::string environment = own ? "WATCHERS_API_KEY=sandbox WATCHERS_BEARER_TOKEN=sandbox " : "";
        const std::string headers =
            own ? " -H 'x-api-key: sandbox' -H 'Authorization: Bearer sandbox'"
                : " -H \"x-api-key: $WATCHERS_API_KEY\" -H \"Authorization: Bearer $WATCHERS_BEARER_TOKEN\"";

        line("sandbox", std::string_view(s.base_url));
        line("CA", std::string_view(s.ca_file));
        if (own) {
            raw_line("API key", "sandbox");
            raw_line("bearer token", "sandbox");
        } else {
            line("credentials", std::string_view(s.credentials_file));
        }
        print("\nTry it from another terminal:\n\n  " + environment + program + " --base-url " + s.base_url +
              " --ca " + ca + access + " create match-321 Final 'Kick-off at 20:00'\n\n  curl --cacert " +
              ca + headers + ' ' + s.base_url + "/external/room/match-321\n\nCtrl-C ends it.\n");
        flush_output();
    }

    void sandbox_ended(const sandbox_visits& v) override
    {
        print("\nServed " + counted(v.requests, "request") + " on " + counted(v.connections, "connection") +
              "; " + counted(v.rooms_left, "room") + (v.rooms_left == 1 ? " is" : " are") + " forgotten.\n");
    }

    void demo_done(const demo_summary& s) override
    {
        const auto rate = static_cast<std::uint64_t>(s.operations_per_second() + 0.5);
        raw_line("operations", with_thousands(s.operations) + "  (" + with_thousands(s.rooms) + " rooms, " +
                                   with_thousands(s.concurrency) + " at a time, over TLS)");
        raw_line("failures", with_thousands(s.failures));
        for (const auto& [reason, count] : s.reasons)
            print(std::string(label_width, ' ') + with_thousands(count) + " x " + escape(reason) + '\n');
        raw_line("rooms left", with_thousands(s.rooms_left));
        raw_line("connections", with_thousands(s.connections));
        raw_line("handshakes", with_thousands(s.handshakes_full) + " full, " +
                                   with_thousands(s.handshakes_resumed) + " resumed");
        raw_line("latency", to_text(s.median) + " median, " + to_text(s.percentile_99) + " 99th percentile");
        raw_line("throughput", with_thousands(rate) + " operations/s");
        raw_line("time", to_text(s.elapsed));
        if (s.interrupted) print("Interrupted: the rooms under way were taken to their end.\n");
    }

private:
    static constexpr std::size_t label_width = 15;

    void raw_line(std::string_view label, const std::string& value)
    {
        std::string text = colour_ ? "\x1b[2m" : "";
        text += label;
        if (colour_) text += "\x1b[0m";
        print(text + std::string(label_width - label.size(), ' ') + value + '\n');
    }

    void line(std::string_view label, std::string_view value) { raw_line(label, escape(value)); }
    void line(std::string_view label, std::optional<std::string_view> value)
    {
        if (value) line(label, *value);
    }
    void line(std::string_view label, std::optional<rooms::time_point> t)
    {
        if (t) raw_line(label, to_text(*t));
    }

    std::string coloured(rooms::room_status s) const
    {
        const std::string text(rooms::to_string(s));
        if (!colour_) return text;
        switch (s) {
        case rooms::room_status::live: return "\x1b[32m" + text + "\x1b[0m";
        case rooms::room_status::soon: return "\x1b[33m" + text + "\x1b[0m";
        case rooms::room_status::ended:
        case rooms::room_status::disabled: break;
        }
        return "\x1b[2m" + text + "\x1b[0m";
    }

    static void note(const rooms::diagnostics& d)
    {
        if (!d.note().empty()) error("note: " + d.note());
    }

    static void error(const std::string& text)
    {
        flush_output(); // what was said before comes first, where both streams are one terminal
        const std::string whole = "roomctl: " + text + '\n';
        std::fwrite(whole.data(), 1, whole.size(), stderr);
    }

    bool colour_ = wants_colour();
};

} // namespace

std::unique_ptr<output> make_human_output() { return std::make_unique<human_output>(); }

} // namespace roomctl
