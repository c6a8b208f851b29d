// SPDX-License-Identifier: BSL-1.0
#include "results_file.hpp"

#include "bulk_outcome.hpp"
#include "error_name.hpp"
#include "interrupts.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <cerrno>
#include <climits>

#include <poll.h>

namespace roomctl {

namespace json = boost::json;

namespace {

constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t pipe_piece = PIPE_BUF; // which a pipe takes without a wait once it is writable

json::object to_json(const rooms::bulk_result& r, std::uint64_t line, room_fate fate)
{
    const rooms::diagnostics& d = r.diagnostics;
    json::object o;
    o["index"] = r.index;
    o["line"] = line;
    o["op"] = name_of(r.operation.kind());
    o["roomId"] = r.operation.room_id();
    o["outcome"] = name_of(outcome_of(r));
    if (r.error)
        o["error"] = error_name(r.error);
    else
        o["error"] = nullptr;
    o["effect"] = rooms::to_string(d.effect());
    o["attempts"] = d.attempts();
    if (d.http_status() != 0)
        o["http_status"] = d.http_status();
    else
        o["http_status"] = nullptr;
    if (!d.message().empty())
        o["message"] = d.message();
    else if (r.error)
        o["message"] = r.error.message();
    else
        o["message"] = nullptr;
    if (fate == room_fate::deleted) o["room_deleted"] = true;
    if (fate == room_fate::unclear) o["room_unclear"] = true;
    return o;
}

// The beginning of every line.
constexpr std::string_view line_start = R"({"index":)";

} // namespace

results_file::results_file(const std::string& path, const std::vector<std::string>& spared, bool go_on)
    : file_(path, output_file::access::own)
    , go_on_(go_on)
{
    if (file_.is_regular())
        for (const std::string& other : spared)
            if (file_.is_same_as(other)) file_.refuse("is in use already; --results would replace it");
    if (file_.is_regular() && !file_.given()) file_.claim(line_start, "results");
    buffer_.reserve(buffer_size + 4096);
}

void results_file::begin()
{
    if (file_.is_regular() && !file_.given()) file_.cut(go_on_ ? whole_lines() : 0);
}

// The end of the last whole line. A run that was killed may have left a part of a line behind it; the result
// is written again.
std::uint64_t results_file::whole_lines() const
{
    std::array<char, 4096> buffer{};
    std::uint64_t end = file_.size();
    while (end > 0) {
        const std::uint64_t begin = end > buffer.size() ? end - buffer.size() : 0;
        const std::string_view piece(buffer.data(), file_.read_at(begin, buffer.data(), end - begin));
        const std::size_t line_end = piece.rfind('\n');
        if (line_end != std::string_view::npos) return begin + line_end + 1;
        end = begin;
    }
    return 0;
}

void results_file::add(const rooms::bulk_result& r, std::uint64_t line, room_fate fate)
{
    buffer_ += escape_json(json::serialize(to_json(r, line, fate)));
    buffer_ += '\n';
    if (buffer_.size() >= buffer_size) flush();
}

void results_file::flush()
{
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        if (file_.is_pipe()) wait_until_writable();
        const std::string_view piece = rest.substr(0, file_.is_pipe() ? pipe_piece : rest.size());
        file_.write(piece);
        rest.remove_prefix(piece.size());
    }
    buffer_.clear();
}

// So that a second interruption ends the wait for a reader that does not read.
void results_file::wait_until_writable() const
{
    pollfd p{file_.descriptor(), POLLOUT, 0};
    while (::poll(&p, 1, 100) <= 0) {
        if (interrupts::count() < 2) continue;
        errno = EINTR;
        file_.fail("not everything could be written");
    }
}

} // namespace roomctl
