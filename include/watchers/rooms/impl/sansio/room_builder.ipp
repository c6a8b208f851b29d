// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/key_log.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/time_text.ipp>
#include <watchers/rooms/room.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

namespace watchers::rooms::detail {

inline constexpr std::string_view not_an_object = "body: not a JSON object";

// Takes the parser's events, and keeps of them what a room has members for.
class room_builder::sink
{
public:
    using piece = boost::json::string_view;

    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    // The room's storage holds the raw text, which is what is parsed.
    explicit sink(room& r) noexcept : room_(r) {}

    // Why the text is refused, if the sink and not the parser refuses it.
    const char* broken_rule() const noexcept { return broken_rule_; }

    // To be called when parsing is done, for the storage must not move until then.
    void store_decoded()
    {
        room_.storage_ += decoded_;
        if (external_id_.size == 0) return;
        if (room_.has(member::id)) {
            ids_differ_ = room_.id() != text_at(external_id_);
        } else {
            room_.text_[static_cast<std::size_t>(member::id)] = external_id_;
            mark(member::id);
        }
    }

    std::string describe_unusable() const
    {
        std::string text;
        if (ids_differ_) text = "roomId and externalRoomId: differ";
        for (unsigned m = 0; m < name_count; ++m) {
            if ((unusable_ & (1U << m)) == 0) continue;
            if (!text.empty()) text += "; ";
            text += names[m];
            text += expectation_of(static_cast<member>(m));
        }
        return text;
    }

    bool on_document_begin(error_code&) noexcept { return true; }
    bool on_document_end(error_code& ec)
    {
        if (repeated_ || keys_.repeated()) return refuse(ec, "a key appears twice in an object");
        return !is_array_ || refuse(ec, "not a JSON object");
    }

    bool on_object_begin(error_code&) noexcept
    {
        end_value(false);
        keys_.enter();
        ++depth_;
        return true;
    }
    bool on_object_end(std::size_t, error_code&) noexcept
    {
        keys_.leave();
        --depth_;
        return true;
    }

    bool on_array_begin(error_code&) noexcept
    {
        // A text that is an array is read to its end, to find out whether it is valid JSON.
        is_array_ = is_array_ || depth_ == 0;
        end_value(false);
        ++depth_;
        return true;
    }
    bool on_array_end(std::size_t, error_code&) noexcept { return --depth_, true; }

    bool on_key_part(piece s, std::size_t, error_code&) { return pieces_.append(s.data(), s.size()), true; }
    bool on_key(piece s, std::size_t size, error_code& ec)
    {
        if (++members_ > max_members) return refuse(ec, "more than 10000 members");
        const std::string_view key = join(s, size);
        if (depth_ == 1) pending_ = find_member(key); // depth 1 of an array has no keys
        if (pending_ == no_member) {
            keys_.add(key);
        } else {
            repeated_ = repeated_ || (seen_ & (1U << pending_)) != 0;
            seen_ |= 1U << pending_;
        }
        pieces_.clear();
        return true;
    }

    bool on_string_part(piece s, std::size_t, error_code&)
    {
        if (pending_ != no_member) pieces_.append(s.data(), s.size());
        return true;
    }
    bool on_string(piece s, std::size_t size, error_code& ec)
    {
        if (pending_ == no_member) return end_value_of(ec, true);
        const bool usable = take_text(static_cast<member>(pending_), join(s, size));
        pieces_.clear();
        return end_value_of(ec, usable);
    }

    bool on_number_part(piece, error_code&) noexcept { return true; }
    bool on_int64(std::int64_t value, piece, error_code& ec) noexcept
    {
        return end_value_of(ec, take_number(value == 0, value == 1));
    }
    bool on_uint64(std::uint64_t, piece, error_code& ec) noexcept { return end_value_of(ec, false); }
    bool on_double(double value, piece, error_code& ec) noexcept
    {
        if (!std::isfinite(value)) return refuse(ec, "a number is out of range");
        const bool zero = std::fpclassify(value) == FP_ZERO;
        return end_value_of(ec, take_number(zero, !std::isless(value, 1.0) && !std::isgreater(value, 1.0)));
    }

    bool on_bool(bool value, error_code& ec) noexcept
    {
        const bool wanted = pending_ == static_cast<unsigned>(member::voice);
        if (wanted) set_voice(value);
        return end_value_of(ec, wanted);
    }

    // null is JSON's way to leave a member out, and nothing to make a note of.
    bool on_null(error_code& ec) noexcept { return end_value_of(ec, true); }

    bool on_comment_part(piece, error_code&) noexcept { return true; }
    bool on_comment(piece, error_code&) noexcept { return true; }

private:
    using member = room::member;

    static constexpr unsigned member_count = 12;
    static constexpr unsigned external_id = member_count; // the room's id by its other name
    static constexpr unsigned name_count = member_count + 1;
    static constexpr unsigned no_member = name_count;

    static constexpr std::string_view names[name_count] = {
        "roomId",         "name",    "about",           "pic",           "streamUrl", "sourceUrl",
        "startTime",      "endTime", "streamStartTime", "streamEndTime", "isSpeak",   "status",
        "externalRoomId",
    };

    static constexpr unsigned index(member m) noexcept { return static_cast<unsigned>(m); }

    static std::string_view expectation_of(member m) noexcept
    {
        const bool text = m <= member::source_url || static_cast<unsigned>(m) == external_id;
        if (text) return ": not a text";
        if (m <= member::stream_ends_at) return ": not a time";
        return m == member::voice ? ": not a boolean" : ": not a known status";
    }

    // The first of these members whose name equals the key. The key is as long as their names: a comparison
    // of a constant size is a load or two instead of a call.
    template <unsigned M, unsigned... Others>
    static unsigned pick(const char* key) noexcept
    {
        constexpr std::string_view name = names[M];
        if (std::memcmp(key, name.data(), name.size()) == 0) return M;
        if constexpr (sizeof...(Others) == 0)
            return no_member;
        else
            return pick<Others...>(key);
    }

    static unsigned find_member(std::string_view key) noexcept
    {
        const char* const k = key.data();
        switch (key.size()) {
        case 3: return pick<index(member::picture_url)>(k);
        case 4: return pick<index(member::name)>(k);
        case 5: return pick<index(member::about)>(k);
        case 6: return pick<index(member::id), index(member::status)>(k);
        case 7: return pick<index(member::voice), index(member::ends_at)>(k);
        case 9:
            return pick<index(member::starts_at), index(member::stream_url), index(member::source_url)>(k);
        case 13: return pick<index(member::stream_ends_at)>(k);
        case 14: return pick<external_id>(k);
        case 15: return pick<index(member::stream_starts_at)>(k);
        default: return no_member;
        }
    }

    bool refuse(error_code& ec, const char* rule) noexcept
    {
        broken_rule_ = rule;
        ec = errc::bad_body;
        return false;
    }

    // A value has been seen: it was the pending member's, if there is one.
    void end_value(bool usable) noexcept
    {
        if (!usable && pending_ != no_member) unusable_ |= 1U << pending_;
        pending_ = no_member;
    }

    // The same, for values that may not be the whole document.
    bool end_value_of(error_code& ec, bool usable) noexcept
    {
        end_value(usable);
        return depth_ != 0 || refuse(ec, "not a JSON object");
    }

    // The whole text of a key or value, of which the parser may have given parts before.
    std::string_view join(piece last, std::size_t size)
    {
        if (last.size() == size) return {last.data(), last.size()};
        pieces_.append(last.data(), last.size());
        return pieces_;
    }

    bool take_text(member m, std::string_view text)
    {
        if (static_cast<unsigned>(m) == external_id) return external_id_ = keep(text), true;
        // An empty text counts as null: no room has that id.
        if (m == member::id && text.empty()) return true;
        if (m <= member::source_url) return set_text(m, text), true;
        if (m <= member::stream_ends_at) return set_time(m, text);
        return m == member::voice ? set_voice(text) : set_status(text);
    }

    void set_text(member m, std::string_view text)
    {
        room_.text_[static_cast<std::size_t>(m)] = keep(text);
        mark(m);
    }

    // The place of the text in the storage, now or later.
    room::extent keep(std::string_view text)
    {
        const std::less<const char*> before;
        const char* const raw = room_.storage_.data();
        room::extent e;
        if (!before(text.data(), raw) && before(text.data(), raw + room_.storage_.size())) {
            e.offset = static_cast<std::uint32_t>(text.data() - raw);
        } else {
            e.offset = static_cast<std::uint32_t>(room_.storage_.size() + decoded_.size());
            decoded_ += text;
        }
        e.size = static_cast<std::uint32_t>(text.size());
        return e;
    }

    std::string_view text_at(const room::extent& e) const noexcept
    {
        return std::string_view(room_.storage_).substr(e.offset, e.size);
    }

    // In JSON 1 and 1.0 are the same number.
    bool take_number(bool zero, bool one) noexcept
    {
        if (pending_ != static_cast<unsigned>(member::voice) || !(zero || one)) return false;
        set_voice(one);
        return true;
    }

    bool set_time(member m, std::string_view text) noexcept
    {
        const std::optional<time_point> t = parse_time(text);
        if (t) {
            room_.times_[static_cast<std::size_t>(m) - room::text_members] = *t;
            mark(m);
        }
        return t.has_value();
    }

    // Later revisions of the API write booleans as text, too.
    bool set_voice(std::string_view text) noexcept
    {
        const bool on = text == "true" || text == "1";
        if (!on && text != "false" && text != "0") return false;
        set_voice(on);
        return true;
    }

    void set_voice(bool on) noexcept
    {
        room_.voice_ = on;
        mark(member::voice);
    }

    bool set_status(std::string_view text) noexcept
    {
        const std::optional<room_status> status = parse_room_status(text);
        if (status) {
            room_.status_ = *status;
            mark(member::status);
        }
        return status.has_value();
    }

    void mark(member m) noexcept
    {
        room_.present_ = static_cast<std::uint16_t>(room_.present_ | room::bit(m));
    }

    room& room_;
    const char* broken_rule_ = nullptr;
    std::string decoded_; // text that the answer has in escapes
    std::string pieces_;
    room::extent external_id_;
    bool ids_differ_ = false;
    bool is_array_ = false;   // the whole text
    std::size_t members_ = 0; // keys so far
    unsigned depth_ = 0;
    unsigned pending_ = no_member; // whose value comes next
    unsigned seen_ = 0;            // members whose key has appeared
    unsigned unusable_ = 0;        // members whose value is of no use
    bool repeated_ = false;        // a member's key appeared twice
    key_log keys_;                 // all other keys
};

WATCHERS_ROOMS_DECL const char* room_builder::read_storage(room& r, std::string* note)
{
    // Extents are of 32 bits, and decoded text adds less than the text itself has.
    constexpr std::size_t max_size = 0x7FFF'FFFF;
    const std::string& text = r.storage_;
    if (text.empty()) return "empty";
    if (text.size() > max_size) return "longer than 2 GiB";

    boost::json::parse_options options;
    options.max_depth = max_depth;
    boost::json::basic_parser<sink> parser(options, r);
    sink& found = parser.handler();

    error_code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (found.broken_rule() != nullptr) return found.broken_rule();
    if (ec == boost::json::error::too_deep) return "nested more than 32 levels deep";
    if (ec || used != text.size()) return "not valid JSON";

    r.raw_size_ = static_cast<std::uint32_t>(text.size());
    found.store_decoded();
    if (note != nullptr) *note = found.describe_unusable();
    return nullptr;
}

WATCHERS_ROOMS_DECL room room_builder::parse(std::string&& json_text, error_code& ec, std::string* note)
{
    room r;
    r.storage_ = std::move(json_text);
    if (const char* fault = read_storage(r, note)) {
        r = room();
        if (note != nullptr) note->assign("body: ").append(fault);
        ec = errc::bad_body;
    } else {
        ec.clear();
    }
    return r;
}

WATCHERS_ROOMS_DECL room room_builder::parse(std::string_view json_text, error_code& ec, std::string* note)
{
    return parse(std::string(json_text), ec, note);
}

} // namespace watchers::rooms::detail
