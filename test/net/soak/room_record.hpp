// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the callers were told of one room, and so what the server may hold.

#include <watchers/rooms.hpp>
#include <watchers/rooms/sandbox.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace soak {

namespace rooms = watchers::rooms;
namespace sandbox = watchers::rooms::sandbox;

// One call with its arguments, and how it ended.
struct told_call
{
    rooms::operation_kind kind = rooms::operation_kind::get_room;
    bool voice = false;
    rooms::room_status status = rooms::room_status::live;
    bool other_members = false; // of a create: of a room that exists
    bool in_company = false;    // other calls on the room were under way

    rooms::error_code error;
    rooms::room room;
    rooms::diagnostics diagnostics;
};

// Some values of a few.
class possible
{
public:
    explicit possible(unsigned value) : bits_(bit(value)) {}

    void become(unsigned value) { bits_ = bit(value) | late_; }
    void may_be(unsigned value) { bits_ |= bit(value); }

    // A request that was given up may be carried out at any time.
    void may_become(unsigned value)
    {
        late_ |= bit(value);
        bits_ |= late_;
    }
    bool has(unsigned value) const { return (bits_ & bit(value)) != 0; }

private:
    static unsigned bit(unsigned value) { return 1U << value; }

    unsigned bits_;
    unsigned late_ = 0;
};

class room_record
{
public:
    explicit room_record(std::string id) : id_(std::move(id)) {}

    const std::string& id() const { return id_; }
    bool surely_exists() const { return exists_.has(1) && !exists_.has(0); }

    // No more calls are to be made on it: what a lost request does to it may come late.
    bool closed() const { return closed_; }

    rooms::new_room as_new(bool voice, bool other_members) const
    {
        rooms::new_room r(id_, other_members ? "Another" : "Room " + id_, "About \xC3\xA9");
        r.voice(voice);
        return r;
    }

    // @returns what is wrong with what was told; null if nothing is.
    const char* take(const told_call& c)
    {
        using rooms::operation_kind;
        if (!c.error && c.kind == operation_kind::get_room) return take_found(c);
        if (c.diagnostics.effect() == rooms::effect::applied && c.error)
            return "an error with effect applied";
        if (c.kind == operation_kind::get_room && c.diagnostics.effect() != rooms::effect::none)
            return "a get with an effect";
        if (!c.error && c.diagnostics.effect() != rooms::effect::applied)
            return "a success whose effect is not applied";
        if (c.error == rooms::errc::not_found && !exists_.has(0)) return "not_found of a room that exists";
        if (c.error == rooms::errc::conflict && c.kind != operation_kind::create_room)
            return "conflict of another operation than create";
        switch (c.kind) {
        case operation_kind::create_room: return take_create(c);
        case operation_kind::delete_room: return take_delete(c);
        case operation_kind::set_voice: return take_change(c, voice_, c.voice ? 1 : 0);
        case operation_kind::set_status: return take_change(c, status_, static_cast<unsigned>(c.status));
        case operation_kind::get_room: break;
        }
        return nullptr;
    }

    // At the end.
    const char* compare(const sandbox::server& s) const
    {
        const auto creations = s.creations(id_);
        if (creations < created_) return "fewer creations than were told";
        if (creations > created_ + maybe_created_) return "more creations than were told";
        const auto stored = s.find(id_);
        if (!exists_.has(stored ? 1 : 0)) return stored ? "exists, and was told not to" : "is gone";
        if (!stored) return nullptr;
        if (stored->name != "Room " + id_) return "has another name";
        if (!voice_.has(stored->voice ? 1 : 0)) return "has another voice than was told";
        const auto status = rooms::parse_room_status(stored->status);
        if (!status || !status_.has(static_cast<unsigned>(*status)))
            return "has another status than was told";
        return nullptr;
    }

private:
    static bool may_come_late(const told_call& c)
    {
        using rooms::errc;
        for (const rooms::error_code& ec : {c.error, c.diagnostics.last_failure()})
            if (ec == errc::response_timeout || ec == errc::write_timeout) return true;
        return c.error && c.diagnostics.effect() == rooms::effect::unknown;
    }

    const char* take_found(const told_call& c)
    {
        if (!exists_.has(1)) return "a room found that does not exist";
        if (c.room.id() != id_) return "another room found";
        if (c.in_company) return nullptr;
        if (!c.room.voice() || !voice_.has(*c.room.voice() ? 1 : 0)) return "found with another voice";
        if (!c.room.status() || !status_.has(static_cast<unsigned>(*c.room.status())))
            return "found with another status";
        voice_.become(*c.room.voice() ? 1 : 0);
        status_.become(static_cast<unsigned>(*c.room.status()));
        return nullptr;
    }

    const char* take_create(const told_call& c)
    {
        if (c.other_members) {
            if (!c.error) return "a room created that exists with other members";
            return nullptr;
        }
        if (!c.error) {
            if (!exists_.has(0)) return "a room created that exists";
            ++created_;
            exists_.become(1);
            voice_.become(c.voice ? 1 : 0);
            status_.become(static_cast<unsigned>(rooms::room_status::live));
            if (may_come_late(c)) {
                ++maybe_created_;
                late_create_ = true;
            }
            return nullptr;
        }
        if (c.error == rooms::errc::conflict) return "conflict of a room that does not exist";
        if (c.diagnostics.effect() == rooms::effect::none) return nullptr;
        ++maybe_created_;
        exists_.may_be(1);
        voice_.may_be(c.voice ? 1 : 0);
        status_.may_be(static_cast<unsigned>(rooms::room_status::live));
        closed_ = true;
        return nullptr;
    }

    const char* take_delete(const told_call& c)
    {
        if (!c.error) {
            if (!exists_.has(1)) return "a room deleted that does not exist";
            exists_.become(0);
            if (late_create_) exists_.may_be(1);
            closed_ = late_create_ || may_come_late(c);
        } else if (c.diagnostics.effect() == rooms::effect::unknown) {
            exists_.may_be(0);
            closed_ = true;
        }
        return nullptr;
    }

    const char* take_change(const told_call& c, possible& member, unsigned value)
    {
        if (!c.error) {
            if (!exists_.has(1)) return "a room changed that does not exist";
            member.become(value);
        }
        if (may_come_late(c)) member.may_become(value);
        return nullptr;
    }

    std::string id_;
    possible exists_{0};
    possible voice_{0};
    possible status_{static_cast<unsigned>(rooms::room_status::live)};
    std::uint32_t created_ = 0;
    std::uint32_t maybe_created_ = 0; // beyond those
    bool late_create_ = false;
    bool closed_ = false;
};

} // namespace soak
