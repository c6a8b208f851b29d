// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/sansio/utf8.ipp>

namespace watchers::rooms {

WATCHERS_ROOMS_DECL std::string_view to_string(operation_kind k) noexcept
{
    switch (k) {
    case operation_kind::create_room: return "create_room";
    case operation_kind::get_room: return "get_room";
    case operation_kind::set_voice: return "set_voice";
    case operation_kind::set_status: return "set_status";
    case operation_kind::delete_room: return "delete_room";
    }
    return "unknown";
}

WATCHERS_ROOMS_DECL std::string_view to_string(effect e) noexcept
{
    switch (e) {
    case effect::none: return "none";
    case effect::applied: return "applied";
    case effect::unknown: return "unknown";
    }
    return "invalid";
}

WATCHERS_ROOMS_DECL std::string_view to_string(phase p) noexcept
{
    switch (p) {
    case phase::validation: return "validation";
    case phase::turn: return "turn";
    case phase::credentials: return "credentials";
    case phase::throttle: return "throttle";
    case phase::backoff: return "backoff";
    case phase::confirm: return "confirm";
    case phase::queue: return "queue";
    case phase::resolve: return "resolve";
    case phase::connect: return "connect";
    case phase::handshake: return "handshake";
    case phase::write: return "write";
    case phase::wait: return "wait";
    case phase::read: return "read";
    case phase::answered: return "answered";
    }
    return "unknown";
}

WATCHERS_ROOMS_DECL std::string diagnostics::to_string() const
{
    std::string line;
    if (of_call_) {
        line.append(rooms::to_string(operation_));
        line.append(": effect ").append(rooms::to_string(effect_));
        line.append(", phase ").append(rooms::to_string(phase_));
        line.append(", attempts ").append(std::to_string(attempts_));
    }
    const auto tell = [&line](const char* what, const std::string& text) {
        if (text.empty()) return;
        line.append(line.empty() ? "" : ", ").append(what).append(text);
    };
    if (confirmed_) tell("", "confirmed");
    if (last_failure_) tell("last failure: ", last_failure_.message());
    if (http_status_ != 0) tell("HTTP ", std::to_string(http_status_));
    if (retry_after_) tell("retry after ", std::to_string(retry_after_->count()) + " s");
    if (cause_) {
        const std::string cause =
            detail::printable(cause_.message()); // perhaps of a category of the caller's
        if (!message_.ends_with(cause)) tell("cause: ", cause);
    }
    tell(of_call_ ? "message: " : "", message_);
    tell("note: ", note_);
    return line;
}

} // namespace watchers::rooms
