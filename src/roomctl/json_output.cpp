// SPDX-License-Identifier: BSL-1.0
#include "error_name.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace roomctl {

namespace json = boost::json;

namespace {

void print(const json::object& o, std::FILE* to = stdout)
{
    // What serialize lets through as it is may still be more than a terminal should see.
    const std::string line = escape_json(json::serialize(o)) + '\n';
    std::fwrite(line.data(), 1, line.size(), to);
}

json::object begin(const call_name& call, const rooms::diagnostics& d)
{
    json::object o;
    o["command"] = call.command;
    o["room_id"] = call.room_id;
    o["effect"] = rooms::to_string(d.effect());
    if (d.http_status() != 0)
        o["http_status"] = d.http_status();
    else
        o["http_status"] = nullptr;
    if (!d.note().empty()) o["note"] = d.note();
    return o;
}

std::int64_t microseconds(std::chrono::nanoseconds d)
{
    return std::chrono::round<std::chrono::microseconds>(d).count();
}

// What the service said, as it said it; the documented members in one form, whichever the service uses.
json::object to_json(const rooms::room& r)
{
    json::object o = r.json();
    const auto text = [&](const char* key, std::optional<std::string_view> v) {
        if (v) o[key] = *v;
    };
    const auto time = [&](const char* key, std::optional<rooms::time_point> v) {
        if (v) o[key] = to_iso_text(*v);
    };
    text("roomId", r.id());
    text("name", r.name());
    text("about", r.about());
    if (const auto on = r.voice()) o["isSpeak"] = *on;
    if (const auto s = r.status()) o["status"] = rooms::to_string(*s);
    time("startTime", r.starts_at());
    time("endTime", r.ends_at());
    text("pic", r.picture_url());
    text("streamUrl", r.stream_url());
    text("sourceUrl", r.source_url());
    time("streamStartTime", r.stream_starts_at());
    time("streamEndTime", r.stream_ends_at());
    return o;
}

class json_output : public output
{
public:
    void keep_errors_apart() override { errors_ = stderr; }

    void room(const call_name& call, const rooms::room& r, const rooms::diagnostics& d) override
    {
        json::object o = begin(call, d);
        if (call.command == "create") o["confirmed"] = r.confirmed();
        o["room"] = to_json(r);
        print(o);
    }

    void deleted(const call_name& call, const rooms::diagnostics& d) override { print(begin(call, d)); }

    void failed(const call_name& call, const rooms::error_code& ec, const rooms::diagnostics& d) override
    {
        json::object o = begin(call, d);
        o["error"] = error_name(ec);
        o["message"] = d.message().empty() ? ec.message() : d.message();
        o["phase"] = rooms::to_string(d.phase());
        o["attempts"] = d.attempts();
        if (d.last_failure()) o["last_failure"] = error_name(d.last_failure());
        if (d.cause()) o["cause"] = d.cause().message();
        if (const auto wait = d.retry_after()) o["retry_after_s"] = wait->count();
        o["exit_code"] = static_cast<int>(exit_code_of(ec, d.effect()));
        print(o, errors_);
    }

    void problem(exit_code code, const std::string& message) override
    {
        json::object o;
        o["error"] = code == exit_code::usage ? "usage" : "failed";
        o["effect"] = rooms::to_string(rooms::effect::none);
        o["http_status"] = nullptr;
        o["message"] = message;
        o["exit_code"] = static_cast<int>(code);
        print(o, errors_);
    }

    void sandbox_ready(const sandbox_address& s) override
    {
        json::object o;
        o["command"] = "sandbox";
        o["base_url"] = s.base_url;
        o["ca"] = s.ca_file;
        if (s.credentials_file.empty()) {
            o["api_key"] = "sandbox";
            o["bearer_token"] = "sandbox";
        } else {
            o["credentials"] = s.credentials_file;
        }
        print(o);
        flush_output();
    }

    void sandbox_ended(const sandbox_visits& v) override
    {
        json::object o;
        o["command"] = "sandbox";
        o["requests"] = v.requests;
        o["connections"] = v.connections;
        o["rooms_left"] = v.rooms_left;
        print(o);
    }

    void demo_done(const demo_summary& s) override
    {
        json::object o;
        o["command"] = "demo";
        o["rooms"] = s.rooms;
        o["concurrency"] = s.concurrency;
        o["operations"] = s.operations;
        o["failures"] = s.failures;
        if (!s.reasons.empty()) {
            json::object reasons;
            for (const auto& [reason, count] : s.reasons)
                reasons[reason] = count;
            o["reasons"] = std::move(reasons);
        }
        o["rooms_left"] = s.rooms_left;
        o["interrupted"] = s.interrupted;
        o["connections"] = s.connections;
        o["handshakes_full"] = s.handshakes_full;
        o["handshakes_resumed"] = s.handshakes_resumed;
        o["median_us"] = microseconds(s.median);
        o["p99_us"] = microseconds(s.percentile_99);
        o["elapsed_us"] = microseconds(s.elapsed);
        o["operations_per_s"] = std::llround(s.operations_per_second());
        print(o);
    }

private:
    std::FILE* errors_ = stdout;
};

} // namespace

std::unique_ptr<output> make_json_output() { return std::make_unique<json_output>(); }

} // namespace roomctl
