// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/response_reader.hpp>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace watchers::rooms::detail {

inline constexpr unsigned most_informational = 8;

WATCHERS_ROOMS_DECL void response::clear()
{
    status = 0;
    keep_alive = false;
    html = false;
    body.clear();
    if (body.capacity() > kept_body) std::string().swap(body);
    retry_after.clear();
    date.clear();
    location.clear();
    coding.clear();
    header_bytes = 0;
}

WATCHERS_ROOMS_DECL response_sink::response_sink(const response_limits& limits, response& out) : out_(out)
{
    header_limit((std::numeric_limits<std::uint32_t>::max)()); // the reader bounds what it hands over
    body_limit(limits.body);
}

inline errc fault_of(const boost::beast::error_code& ec)
{
    using boost::beast::http::error;
    // need_more cannot be: elements are whole, so one that seems to go on is malformed.
    return ec == error::body_limit || ec == error::header_limit ? errc::response_too_large
                                                                : errc::malformed_response;
}

WATCHERS_ROOMS_DECL std::size_t response_sink::parse(std::string_view bytes, std::optional<errc>& fault)
{
    beast_error ec;
    const std::size_t taken = put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if (ec) fault = fault_of(ec);
    return taken;
}

WATCHERS_ROOMS_DECL void response_sink::parse_end(std::optional<errc>& fault)
{
    beast_error ec;
    put_eof(ec);
    if (ec) fault = fault_of(ec);
}

WATCHERS_ROOMS_DECL void response_sink::on_response_impl(int status, string_view, int version,
                                                         beast_error& ec)
{
    // 101: nothing was asked to be switched.
    if (status < 100 || status > 599 || status == 101) {
        ec = boost::beast::http::error::bad_status;
        return;
    }
    http_1_1_ = version == 11;
    informational_ = status < 200;
    out_.status = static_cast<unsigned>(status);
}

// Most responses are JSON: two characters are compared first.
inline bool is_html(boost::beast::string_view content_type)
{
    static constexpr boost::beast::string_view html = "text/html", xhtml = "application/xhtml+xml";
    const auto is = [content_type](boost::beast::string_view type, std::size_t telling) {
        if (content_type.size() < type.size() || (content_type[telling] | 0x20) != type[telling])
            return false;
        if (!boost::beast::iequals(content_type.substr(0, type.size()), type)) return false;
        return content_type.size() == type.size() ||
               std::string_view("; \t,").find(content_type[type.size()]) != std::string_view::npos;
    };
    return is(html, 5) || is(xhtml, 12);
}

inline void keep_text(std::string& kept, boost::beast::string_view value, std::size_t most)
{
    if (kept.empty()) kept.assign(value.data(), (std::min)(value.size(), most));
}

WATCHERS_ROOMS_DECL void response_sink::on_field_impl(field f, string_view, string_view value,
                                                      beast_error& ec)
{
    using boost::beast::iequals;
    using boost::beast::http::error;
    switch (f) {
    case field::transfer_encoding:
        // Beast takes any other coding for a body up to the stream's end, raw chunk framing included. It does
        // refuse this field next to Content-Length, and both of them when they come twice and differ.
        if (!http_1_1_ || !iequals(value, "chunked")) ec = error::bad_transfer_encoding;
        break;
    case field::content_encoding:
        if (!informational_) add_codings(value);
        break;
    case field::content_type:
        if (!informational_ && is_html(value)) out_.html = true;
        break;
    case field::retry_after:
        if (!informational_ && value.size() <= response::longest_time)
            keep_text(out_.retry_after, value, response::longest_time);
        break;
    case field::date:
        if (!informational_ && value.size() <= response::longest_time)
            keep_text(out_.date, value, response::longest_time);
        break;
    case field::location:
        if (!informational_) keep_text(out_.location, value, response::longest_text);
        break;
    default: break;
    }
}

WATCHERS_ROOMS_DECL void response_sink::add_codings(string_view value)
{
    while (!value.empty()) {
        const auto comma = (std::min)(value.find(','), value.size());
        string_view name = value.substr(0, comma);
        value.remove_prefix((std::min)(comma + 1, value.size()));
        const auto first = name.find_first_not_of(" \t");
        if (first == name.npos) continue;
        name = name.substr(first, name.find_last_not_of(" \t") - first + 1);
        if (boost::beast::iequals(name, "identity")) continue;
        if (!out_.coding.empty()) out_.coding += ", ";
        out_.coding.append(name.data(), name.size());
        if (out_.coding.size() > response::longest_coding) out_.coding.resize(response::longest_coding);
    }
}

WATCHERS_ROOMS_DECL void response_sink::on_header_impl(beast_error&)
{
    // These have no body. One that announces a body is from a server that may send it all the same.
    const bool bodiless = out_.status == 204 || out_.status == 304;
    const bool doubtful = bodiless && (chunked() || content_length().value_or(0) != 0);
    if (bodiless) out_.coding.clear();
    out_.keep_alive = http_1_1_ && !doubtful && out_.coding.empty() && keep_alive();
}

WATCHERS_ROOMS_DECL void response_sink::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                                          beast_error&)
{
    // What the header announces is no reason to allocate much before it comes.
    if (length && out_.coding.empty())
        out_.body.reserve(static_cast<std::size_t>((std::min<std::uint64_t>)(*length, 64 * 1024)));
}

WATCHERS_ROOMS_DECL std::size_t response_sink::on_body_impl(string_view bytes, beast_error&)
{
    if (out_.coding.empty()) out_.body.append(bytes.data(), bytes.size());
    return bytes.size();
}

WATCHERS_ROOMS_DECL std::size_t response_sink::on_chunk_body_impl(std::uint64_t, string_view bytes,
                                                                  beast_error&)
{
    if (out_.coding.empty()) out_.body.append(bytes.data(), bytes.size());
    return bytes.size();
}

WATCHERS_ROOMS_DECL response_reader::response_reader(response_limits limits) : limits_(limits) { reset(); }

WATCHERS_ROOMS_DECL void response_reader::reset()
{
    answer_.clear();
    wire_ = 0;
    bytes_ = 0;
    informational_ = 0;
    state_ = state::reading;
    surplus_ = false;
    ended_ = false;
    begin_message();
}

WATCHERS_ROOMS_DECL void response_reader::begin_message()
{
    sink_.emplace(limits_, answer_);
    lines_ = 0;
    enter(stage::header);
}

WATCHERS_ROOMS_DECL void response_reader::enter(stage s, std::size_t taken)
{
    stage_ = s;
    taken_ = taken;
    line_ = 0;
    pending_.clear();
}

WATCHERS_ROOMS_DECL auto response_reader::feed(std::string_view in) -> state
{
    bytes_ += in.size();
    while (state_ == state::reading && !in.empty())
        step(in);
    if (state_ == state::complete && !in.empty()) surplus_ = true;
    return state_;
}

WATCHERS_ROOMS_DECL auto response_reader::end(bool clean) -> state
{
    ended_ = true;
    if (state_ != state::reading) return state_;
    if (!started()) {
        fail(errc::connection_lost);
    } else if (clean && stage_ == stage::body && sink_->need_eof()) {
        std::optional<errc> fault;
        sink_->parse_end(fault);
        fault ? fail(*fault) : finish();
    } else {
        fail(errc::truncated_response); // unclean: anyone on the path may have cut it (RFC 9112, 9.8)
    }
    return state_;
}

WATCHERS_ROOMS_DECL bool response_reader::reusable() const noexcept
{
    return state_ == state::complete && answer_.keep_alive && !surplus_ && !ended_;
}

WATCHERS_ROOMS_DECL void response_reader::step(std::string_view& in)
{
    if (stage_ == stage::body || stage_ == stage::chunk_data) return on_body(in);
    std::string_view element;
    if (!gather(in, element)) return;
    switch (stage_) {
    case stage::header: return on_header(element);
    case stage::trailer: return on_trailer_line(element);
    default: return on_chunk_header(element);
    }
}

// Takes the element's bytes from the input. True when it is whole: then it lies in the input itself, or, had
// it begun in an earlier piece, in pending_.
WATCHERS_ROOMS_DECL bool response_reader::gather(std::string_view& in, std::string_view& element)
{
    if (!plausible(in)) return fail(errc::malformed_response), false;
    // Nothing beyond the limits is looked at, or a fault there would be found only when it comes in the same
    // piece.
    const bool on_wire = stage_ != stage::header;
    std::uint64_t allowed = limits_.header - taken_;
    if (on_wire) allowed = (std::min)(allowed, limits_.wire() - wire_);
    const auto within = in.substr(0, static_cast<std::size_t>((std::min<std::uint64_t>)(allowed, in.size())));

    std::size_t at = 0;
    for (bool whole = false; !whole;) {
        const auto lf = within.find('\n', at);
        if (lf == within.npos) {
            if (within.size() < in.size()) return fail(errc::response_too_large), false;
            line_ += in.size() - at;
            taken_ += in.size();
            if (on_wire) wire_ += in.size();
            pending_.append(in);
            in = {};
            return false;
        }
        const char before = lf > 0 ? within[lf - 1] : pending_.empty() ? '\0' : pending_.back();
        if (before != '\r') return fail(errc::malformed_response), false;
        whole = ends_element(std::exchange(line_, 0) + lf + 1 - at, taken_ + lf + 1);
        if (state_ == state::failed) return false;
        at = lf + 1;
    }
    taken_ += at;
    if (on_wire) wire_ += at;
    element = within.substr(0, at);
    if (!pending_.empty()) element = pending_.append(element);
    in.remove_prefix(at);
    return true;
}

// Whether what has come of the element can be the start of one. Without it a peer that speaks something else,
// and no lines, would be noticed only by a limit.
WATCHERS_ROOMS_DECL bool response_reader::plausible(std::string_view in) const noexcept
{
    const std::string_view start = stage_ == stage::header ? "HTTP/1." : stage_ == stage::chunk ? "\r\n" : "";
    const auto at = pending_.size();
    return at >= start.size() || start.substr(at, in.size()) == in.substr(0, start.size() - at);
}

WATCHERS_ROOMS_DECL bool response_reader::ends_element(std::size_t line, std::size_t taken)
{
    if (stage_ == stage::chunk) return taken > 2; // the line end of the chunk before comes first
    if (stage_ == stage::first_chunk) return true;
    const bool blank = line == 2;
    const std::size_t most = limits_.fields + 1; // and the status line
    if (!blank && ++lines_ > most) fail(errc::response_too_large);
    return blank || stage_ == stage::trailer;
}

// RFC 9112 asks clients to accept two forms of a status line that the parser refuses: a higher minor version
// is HTTP/1.1 (2.3; RFC 9110, 2.5), and the blank before a missing reason may be missing, too (4: "a client
// SHOULD ignore the reason").
WATCHERS_ROOMS_DECL std::string_view response_reader::lenient(std::string_view header)
{
    constexpr std::size_t minor = 7; // HTTP/1.1 200
    constexpr std::size_t behind_status = 12;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (header.size() <= behind_status + 1) return header;
    const bool higher = header[minor] > '1' && is_digit(header[minor]) && header[minor + 1] == ' ';
    const bool short_line = header[behind_status] == '\r';
    if (!higher && !short_line) return header;
    if (header.data() != pending_.data()) pending_ = header;
    if (higher) pending_[minor] = '1';
    if (short_line) pending_.insert(behind_status, 1, ' ');
    return pending_;
}

WATCHERS_ROOMS_DECL void response_reader::on_header(std::string_view received)
{
    const std::size_t received_size = received.size();
    const std::string_view header = lenient(received);
    std::optional<errc> fault;
    const auto taken = sink_->parse(header, fault);
    if (!fault && taken != header.size()) fault = errc::malformed_response;
    if (fault) return fail(*fault);
    if (sink_->informational()) {
        if (++informational_ > most_informational) return fail(errc::malformed_response);
        return begin_message();
    }
    answer_.header_bytes = received_size;
    if (sink_->is_done()) return finish();
    enter(sink_->chunked() ? stage::first_chunk : stage::body);
}

inline bool is_last_chunk(std::string_view header)
{
    if (header.starts_with("\r\n")) header.remove_prefix(2);
    const auto end = header.find_first_not_of('0');
    return end != header.npos && end > 0 &&
           std::string_view("0123456789abcdefABCDEF").find(header[end]) == header.npos;
}

WATCHERS_ROOMS_DECL void response_reader::on_chunk_header(std::string_view header)
{
    std::optional<errc> fault;
    const bool last = is_last_chunk(header);
    if (last) {
        // The parser's message ends here; the trailer, if there is one, is the reader's own.
        if (header.data() != pending_.data()) pending_ = header;
        pending_ += "\r\n";
        header = pending_;
    }
    const auto taken = sink_->parse(header, fault);
    if (!fault && (taken != header.size() || last != sink_->is_done())) fault = errc::malformed_response;
    if (fault) return fail(*fault);
    if (last) return enter(stage::trailer, answer_.header_bytes);
    chunk_left_ = sink_->chunk_size();
    enter(stage::chunk_data);
}

inline bool is_field_line(std::string_view line)
{
    const bool folded = line.front() == ' ' || line.front() == '\t';
    const auto colon = line.find(':');
    const auto is_token_char = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    const auto is_text_char = [](char c) {
        return c == '\t' || (c != '\x7F' && static_cast<unsigned char>(c) >= 0x20);
    };
    if (!std::all_of(line.begin(), line.end(), is_text_char)) return false;
    if (folded) return true;
    const auto name = line.substr(0, colon);
    return colon != line.npos && !name.empty() && std::all_of(name.begin(), name.end(), is_token_char);
}

WATCHERS_ROOMS_DECL void response_reader::on_trailer_line(std::string_view line)
{
    line.remove_suffix(2);
    if (line.empty()) return finish();
    if (!is_field_line(line)) return fail(errc::malformed_response);
    enter(stage::trailer, taken_);
}

WATCHERS_ROOMS_DECL void response_reader::on_body(std::string_view& in)
{
    std::optional<errc> fault;
    const auto taken = sink_->parse(in, fault);
    wire_ += taken;
    if (!fault && wire_ > limits_.wire()) fault = errc::response_too_large;
    if (fault) return fail(*fault);
    in.remove_prefix(taken);
    if (stage_ == stage::body) {
        if (sink_->is_done()) finish();
    } else if ((chunk_left_ -= taken) == 0) {
        enter(stage::chunk);
    }
}

WATCHERS_ROOMS_DECL void response_reader::finish()
{
    enter(stage::done);
    state_ = state::complete;
}

WATCHERS_ROOMS_DECL void response_reader::fail(errc e)
{
    enter(stage::done);
    state_ = state::failed;
    error_ = e;
}

} // namespace watchers::rooms::detail
