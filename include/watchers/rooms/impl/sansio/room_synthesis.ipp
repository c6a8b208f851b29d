// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/impl/sansio/room_builder.ipp>
#include <watchers/rooms/impl/sansio/room_identity.ipp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace watchers::rooms::detail {

// Line ends and tabs are allowed, other control characters are not.
inline bool is_plain_text(std::string_view text) noexcept
{
    if (!valid_utf8(text)) return false;
    while (!text.empty()) {
        const auto end = (std::min)(text.find_first_of("\t\r\n"), text.size());
        if (has_control_character(text.substr(0, end))) return false;
        text.remove_prefix((std::min)(end + 1, text.size()));
    }
    return true;
}

// Sets the members of a room that has no raw text.
class room_builder::writer
{
public:
    explicit writer(room& r) noexcept : room_(r) {}

    void id(std::string_view text) { set(member::id, text); }

    void voice(bool on) noexcept
    {
        room_.voice_ = on;
        mark(member::voice);
    }

    void status(room_status s) noexcept
    {
        room_.status_ = s;
        mark(member::status);
    }

    void sent(const new_room& r)
    {
        set(member::name, std::string_view(r.name()));
        set(member::about, std::string_view(r.about()));
        voice(r.voice());
        set(member::starts_at, r.starts_at());
        set(member::ends_at, r.ends_at());
        set(member::picture_url, r.picture_url());
        set(member::stream_url, r.stream_url());
        set(member::source_url, r.source_url());
        set(member::stream_starts_at, r.stream_starts_at());
        set(member::stream_ends_at, r.stream_ends_at());
    }

private:
    using member = room::member;

    void mark(member m) noexcept
    {
        room_.present_ = static_cast<std::uint16_t>(room_.present_ | room::bit(m));
    }

    void set(member m, std::string_view text)
    {
        room::extent& e = room_.text_[static_cast<std::size_t>(m)];
        e.offset = static_cast<std::uint32_t>(room_.storage_.size());
        e.size = static_cast<std::uint32_t>(text.size());
        room_.storage_ += text;
        mark(m);
    }

    void set(member m, const std::optional<std::string>& text)
    {
        if (text) set(m, std::string_view(*text));
    }

    void set(member m, const std::optional<time_point>& t) noexcept
    {
        if (!t) return;
        room_.times_[static_cast<std::size_t>(m) - room::text_members] = *t;
        mark(m);
    }

    room& room_;
};

WATCHERS_ROOMS_DECL room room_builder::synthesize(const call_request& request)
{
    room r;
    writer to(r);
    to.id(request.room_id());
    switch (request.kind()) {
    case operation_kind::create_room: to.sent(request.created()); break;
    case operation_kind::set_voice: to.voice(request.voice()); break;
    case operation_kind::set_status: to.status(request.status()); break;
    case operation_kind::get_room:
    case operation_kind::delete_room: break;
    }
    return r;
}

WATCHERS_ROOMS_DECL room room_builder::of_change(const call_request& request, std::string_view body,
                                                 std::string& note)
{
    note.clear();
    std::string_view text = body;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    text.remove_prefix((std::min)(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.empty() && (text.front() == '{' || text.front() == '[')) {
        error_code unreadable;
        room told = parse(body, unreadable, &note);
        if (!unreadable) return told;
        if (note == not_an_object) note.clear();
    } else if (!is_plain_text(text)) {
        note = "body: neither JSON nor text";
    }
    return synthesize(request);
}

WATCHERS_ROOMS_DECL bool room_builder::matches(const room& found, const new_room& wanted,
                                               bool check_id) noexcept
{
    const auto text_fits = [](const std::optional<std::string_view>& told, std::string_view sent) {
        return !told || *told == sent;
    };
    const auto time_fits = [](std::optional<time_point> told, std::optional<time_point> sent) {
        using std::chrono::floor;
        using std::chrono::seconds;
        return !told || !sent || floor<seconds>(*told) == floor<seconds>(*sent);
    };
    if (check_id && found.id() && names_other_room(wanted.id(), *found.id())) return false;
    return text_fits(found.name(), wanted.name()) && text_fits(found.about(), wanted.about()) &&
           found.voice().value_or(wanted.voice()) == wanted.voice() &&
           time_fits(found.starts_at(), wanted.starts_at()) && time_fits(found.ends_at(), wanted.ends_at());
}

WATCHERS_ROOMS_DECL void room_builder::mark_confirmed(room& r) noexcept { r.confirmed_ = true; }

} // namespace watchers::rooms::detail
