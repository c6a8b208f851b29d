// SPDX-License-Identifier: BSL-1.0
#include "verbose.hpp"

#include "text.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace roomctl {

namespace rooms = watchers::rooms;

namespace {

// One write per line, so that lines stay whole whoever else writes.
void tell(std::uint64_t call_id, const std::string& text)
{
    const std::string line = "* [" + std::to_string(call_id) + "] " + text + '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string timings(const rooms::phase_durations& d)
{
    std::string text;
    const auto add = [&](std::string_view name, std::chrono::nanoseconds duration) {
        if (duration.count() == 0) return;
        text += text.empty() ? "" : ", ";
        text += name;
        text += ' ' + to_text(duration);
    };
    add("queue", d.queue);
    add("resolve", d.resolve);
    add("connect", d.connect);
    add("handshake", d.handshake);
    add("wait", d.wait);
    add("read", d.read);
    return text;
}

} // namespace

void verbose_observer::on_call_start(const rooms::call_start& call)
{
    tell(call.call_id, std::string(rooms::to_string(call.operation)) + ' ' + escape(call.room_id));
}

void verbose_observer::on_attempt_end(const rooms::attempt_end& attempt)
{
    std::string text = "attempt " + std::to_string(attempt.attempt) + ": ";
    if (attempt.confirmation) text += "get; ";
    if (attempt.new_connection)
        text += attempt.resumed_tls ? "new connection, TLS session resumed" : "new connection";
    else
        text += attempt.bytes_written != 0 ? "connection reused" : "no connection";
    if (const auto times = timings(attempt.durations); !times.empty()) text += "; " + times;
    text += "; " + with_thousands(attempt.bytes_written) + " bytes out, " +
            with_thousands(attempt.bytes_read) + " in";
    if (attempt.http_status != 0) text += "; HTTP " + std::to_string(attempt.http_status);
    if (attempt.error) text += "; " + escape(attempt.error.message());
    tell(attempt.call_id, text);
}

void verbose_observer::on_retry(const rooms::retry_planned& retry)
{
    std::string text = retry.confirmation ? "looks for the room" : "tries again";
    text += retry.delay.count() > 0 ? " in " + to_text(retry.delay) : std::string(" at once");
    tell(retry.call_id, text);
}

void verbose_observer::on_call_end(const rooms::call_end& call)
{
    std::string text = call.error ? "failed" : "done";
    text += " after " + to_text(call.duration) + ", effect " +
            std::string(rooms::to_string(call.diagnostics.effect()));
    if (call.error) text += ", while in phase " + std::string(rooms::to_string(call.diagnostics.phase()));
    tell(call.call_id, text);
}

} // namespace roomctl
