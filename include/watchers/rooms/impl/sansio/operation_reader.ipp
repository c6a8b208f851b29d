// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/sansio/operation_reader.hpp>
#include <watchers/rooms/impl/sansio/time_text.ipp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>

#include <cstdint>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL std::string_view operation_name(operation_kind k) noexcept
{
    switch (k) {
    case operation_kind::create_room: return "create";
    case operation_kind::get_room: return "get";
    case operation_kind::set_voice: return "voice";
    case operation_kind::set_status: return "status";
    case operation_kind::delete_room: return "delete";
    }
    return {};
}

WATCHERS_ROOMS_DECL std::optional<operation_kind> parse_operation_name(std::string_view text) noexcept
{
    for (const operation_kind k :
         {operation_kind::create_room, operation_kind::get_room, operation_kind::set_voice,
          operation_kind::set_status, operation_kind::delete_room})
        if (text == operation_name(k)) return k;
    return std::nullopt;
}

WATCHERS_ROOMS_DECL std::string_view operation_member_name(operation_reader::member m) noexcept
{
    static constexpr std::string_view names[operation_reader::member_count] = {
        "op",        "roomId",    "name",    "about",           "pic",           "streamUrl",
        "sourceUrl", "startTime", "endTime", "streamStartTime", "streamEndTime", "status",
        "isSpeak",
    };
    return names[static_cast<std::size_t>(m)];
}

// Takes the parser's events. No member is an object or an array: the text has one level.
class operation_reader::sink
{
public:
    using piece = boost::json::string_view;

    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    explicit sink(operation_reader& out) noexcept : out_(out) {}

    // If the sink and not the parser refuses the text.
    const std::string& fault() const noexcept { return fault_; }

    bool on_document_begin(error_code&) noexcept { return true; }
    bool on_document_end(error_code&) noexcept { return true; }

    bool on_object_begin(error_code& ec)
    {
        if (inside_) return refuse_type(ec);
        return inside_ = true;
    }
    bool on_object_end(std::size_t, error_code&) noexcept { return true; }
    bool on_array_begin(error_code& ec) { return refuse_type(ec); }
    bool on_array_end(std::size_t, error_code&) noexcept { return true; }

    bool on_key_part(piece s, std::size_t, error_code&) { return pieces_.append(s.data(), s.size()), true; }
    bool on_key(piece s, std::size_t, error_code& ec)
    {
        pieces_.append(s.data(), s.size());
        const std::optional<member> m = find_member(pieces_);
        if (!m) return refuse(ec, printable(pieces_, 64) + ": unknown member");
        if (out_.has(*m)) return refuse(ec, std::string(operation_member_name(*m)) + ": appears twice");
        pending_ = *m;
        pieces_.clear();
        return true;
    }

    bool on_string_part(piece s, std::size_t, error_code&)
    {
        return pieces_.append(s.data(), s.size()), true;
    }
    bool on_string(piece s, std::size_t, error_code& ec)
    {
        if (!inside_ || pending_ == member::voice) return refuse_type(ec);
        pieces_.append(s.data(), s.size());
        out_.text(pending_) = pieces_;
        pieces_.clear();
        return true;
    }

    bool on_bool(bool value, error_code& ec)
    {
        if (!inside_ || pending_ != member::voice) return refuse_type(ec);
        out_.voice_ = value;
        return true;
    }

    bool on_number_part(piece, error_code& ec) { return refuse_type(ec); }
    bool on_int64(std::int64_t, piece, error_code& ec) { return refuse_type(ec); }
    bool on_uint64(std::uint64_t, piece, error_code& ec) { return refuse_type(ec); }
    bool on_double(double, piece, error_code& ec) { return refuse_type(ec); }
    bool on_null(error_code& ec) { return refuse_type(ec); }
    bool on_comment_part(piece, error_code&) noexcept { return true; }
    bool on_comment(piece, error_code&) noexcept { return true; }

private:
    static std::optional<member> find_member(std::string_view key) noexcept
    {
        for (std::size_t i = 0; i < member_count; ++i)
            if (key == operation_member_name(static_cast<member>(i))) return static_cast<member>(i);
        return std::nullopt;
    }

    bool refuse(error_code& ec, std::string fault)
    {
        fault_ = std::move(fault);
        ec = errc::bad_body;
        return false;
    }

    bool refuse_type(error_code& ec)
    {
        if (!inside_) return refuse(ec, "operation: must be one JSON object");
        return refuse(ec, std::string(operation_member_name(pending_)) +
                              (pending_ == member::voice ? ": must be true or false" : ": must be a text"));
    }

    operation_reader& out_;
    std::string pieces_; // of a key or a text
    std::string fault_;
    member pending_ = member::op; // whose value comes next
    bool inside_ = false;         // the object
};

WATCHERS_ROOMS_DECL std::optional<room_status> operation_reader::status() const noexcept
{
    if (!has(member::status)) return std::nullopt;
    return parse_room_status(*text(member::status));
}

WATCHERS_ROOMS_DECL std::optional<time_point> operation_reader::time(member m) const noexcept
{
    if (!has(m)) return std::nullopt;
    return parse_time(*text(m));
}

// Which members an operation of this kind has, and whether it can do without.
WATCHERS_ROOMS_DECL bool takes_member(operation_kind k, operation_reader::member m) noexcept
{
    using member = operation_reader::member;
    if (m == member::op || m == member::room_id) return true;
    if (m == member::status) return k == operation_kind::set_status;
    if (m == member::voice && k == operation_kind::set_voice) return true;
    return k == operation_kind::create_room;
}

WATCHERS_ROOMS_DECL bool needs_member(operation_kind k, operation_reader::member m) noexcept
{
    using member = operation_reader::member;
    if (!takes_member(k, m)) return false;
    return k != operation_kind::create_room || m <= member::about;
}

WATCHERS_ROOMS_DECL std::string operation_reader::check_members()
{
    if (!has(member::op)) return "op: is missing";
    const std::optional<operation_kind> k = parse_operation_name(*text(member::op));
    if (!k) return "op: must be create, get, voice, status or delete";
    kind_ = *k;
    for (std::size_t i = 0; i < member_count; ++i) {
        const auto m = static_cast<member>(i);
        const std::string name(operation_member_name(m));
        if (!has(m)) {
            if (needs_member(*k, m)) return name + ": is missing";
        } else if (!takes_member(*k, m)) {
            return name + ": is not a member of " + std::string(operation_name(*k));
        } else if (m >= member::starts_at && m <= member::stream_ends_at && !time(m)) {
            return name + ": must be a time as in 2024-12-31T20:00:00.000Z or 2024-12-31 20:00:00";
        } else if (m == member::status && !status()) {
            return name + ": must be LIVE, SOON, ENDED or DISABLED";
        }
    }
    return {};
}

WATCHERS_ROOMS_DECL std::string operation_reader::read(std::string_view json)
{
    boost::json::parse_options options;
    options.max_depth = 2; // one more than there is, so that the sink can name the member
    boost::json::basic_parser<sink> parser(options, *this);
    error_code ec;
    const std::size_t used = parser.write_some(false, json.data(), json.size(), ec);
    if (!parser.handler().fault().empty()) return parser.handler().fault();
    if (ec || used != json.size())
        return "operation: must be valid JSON, and is not at byte " + std::to_string(used + 1);
    return check_members();
}

} // namespace watchers::rooms::detail
