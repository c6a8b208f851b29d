// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/room_identity.hpp>
#include <watchers/rooms/operation.hpp>
#include <watchers/rooms/room.hpp>

namespace watchers::rooms::detail {

// What a get of the room tells of an operation in a bulk run that is resumed.
//
// The journal keeps a room's operations in order: one is begun only when all before it in the same room are
// done. So at most one operation of a room is in doubt, no later one of its room was ever begun, and to send
// it again undoes nothing.
class resume_rules
{
public:
    enum class look : unsigned char
    {
        first, // before anything is sent, since an earlier run may have carried the operation out
        back,  // after a create met a room of its id
    };

    enum class verdict : unsigned char
    {
        done, // carried out, by an earlier run as far as can be told
        send,
        failed,
    };

    class decision
    {
    public:
        decision(resume_rules::verdict v, error_code ec, rooms::effect e, bool doubt) noexcept
            : what(v)
            , error(ec)
            , effect(e)
            , in_doubt(doubt)
        {}

        resume_rules::verdict what;
        error_code error; // of failed
        rooms::effect effect;
        bool in_doubt; // still: if it is sent and refused, its effect is unknown all the same
    };

    // Failures of the look-up that the operation would fail with, too.
    static bool fatal(error_code ec) noexcept
    {
        return ec && (ec == condition::credentials || ec == errc::draining || ec == errc::shutting_down ||
                      ec == errc::tls_untrusted || ec == errc::tls_host_mismatch || ec == errc::tls_expired ||
                      ec == errc::tls_client_certificate);
    }

    // @param ec, found how the get ended.
    // @param in_doubt whether an earlier run may have carried the operation out.
    // @param check_id config::check_room_ids
    static decision judge(const operation& op, look when, error_code ec, const room& found, bool in_doubt,
                          bool check_id) noexcept
    {
        const bool of_another = check_id && is_of_another(op, found);
        if (is_as_wanted(op, ec, found, of_another))
            return {verdict::done, {}, rooms::effect::applied, false};
        const auto effect = in_doubt ? rooms::effect::unknown : rooms::effect::none;
        if (ec == errc::cancelled || fatal(ec)) return {verdict::failed, ec, effect, in_doubt};
        if (op.kind() != operation_kind::create_room)
            return {verdict::send, {}, effect, in_doubt && !refutes(op, ec, found, of_another)};
        if (when == look::first && ec == errc::not_found) return {verdict::send, {}, effect, in_doubt};
        const bool other_room = !ec || !in_doubt;
        return {verdict::failed, other_room ? errc::conflict : errc::outcome_unknown, effect, in_doubt};
    }

    // Whether an operation that was sent and refused is done nevertheless: what it asks for is so, and an
    // earlier run may have been the one that did it.
    static bool done_before(const operation& op, error_code ec, bool begun_before) noexcept
    {
        return begun_before && op.kind() == operation_kind::delete_room && ec == errc::not_found;
    }

private:
    // The answer may be about another room: that tells nothing of this one.
    static bool is_of_another(const operation& op, const room& found) noexcept
    {
        return found.id() && names_other_room(op.room_id(), *found.id());
    }

    static bool is_as_wanted(const operation& op, error_code ec, const room& found, bool of_another) noexcept
    {
        if (!ec && of_another) return false;
        switch (op.kind()) {
        case operation_kind::create_room: return !ec && room_builder::matches(found, op.room(), false);
        case operation_kind::set_voice: return !ec && found.voice() == op.voice();
        case operation_kind::set_status: return !ec && found.status() == op.status();
        case operation_kind::delete_room: return ec == errc::not_found;
        case operation_kind::get_room: break;
        }
        return false;
    }

    // Whether the room shows that the operation was not carried out.
    static bool refutes(const operation& op, error_code ec, const room& found, bool of_another) noexcept
    {
        if (ec || of_another) return false;
        switch (op.kind()) {
        case operation_kind::set_voice: return found.voice().has_value();
        case operation_kind::set_status: return found.status().has_value();
        case operation_kind::delete_room: return true;
        default: return false;
        }
    }
};

} // namespace watchers::rooms::detail
