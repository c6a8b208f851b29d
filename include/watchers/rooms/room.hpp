// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/error.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace boost::json {
class object;
} // namespace boost::json

namespace watchers::rooms {

/// A moment in UTC, as the API has them.
using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

enum class room_status : unsigned char
{
    live,     ///< `LIVE`
    soon,     ///< `SOON`: scheduled
    ended,    ///< `ENDED`
    disabled, ///< `DISABLED`
};

/// The API's name of a status: `LIVE`, `SOON`, `ENDED` or `DISABLED`.
std::string_view to_string(room_status) noexcept;

/// The status of that name, in exactly the API's spelling; empty for any other text.
std::optional<room_status> parse_room_status(std::string_view) noexcept;

namespace detail {
class room_builder;
}

/// What an answer told of a room.
///
/// The vendor documents no response body, so nothing is sure to be there: each member is an optional, present
/// when the answer had it under its documented name and with a usable type. Everything else is in the raw
/// answer.
///
/// A value: cheap to move, safe to copy. The views it returns live as long as the room and are invalidated by
/// assigning to it or moving from it.
class room
{
public:
    room() = default;

    /// Reads a room from the text of a JSON object, as the client reads an answer: unknown members and
    /// members of an unusable type are passed over.
    /// @param ec set to errc::bad_body if the text is not one JSON object (invalid UTF-8, a byte order mark,
    ///        duplicate keys, numbers out of range, more than 32 levels and more than 10,000 members
    ///        count as not); cleared otherwise.
    static room from_json(std::string_view text, error_code& ec);

    /// `roomId`, or `externalRoomId` if the response has no usable `roomId`. Never the vendor's own `id`,
    /// which is another number or text. An empty text is not usable. If both are there and differ, `roomId`
    /// is returned and diagnostics::note() says so.
    std::optional<std::string_view> id() const noexcept { return text_member(member::id); }
    std::optional<std::string_view> name() const noexcept { return text_member(member::name); }   ///< `name`
    std::optional<std::string_view> about() const noexcept { return text_member(member::about); } ///< `about`
    /// `isSpeak`: a boolean, one of the texts `true`, `false`, `1` and `0`, or one of the numbers 1 and 0.
    std::optional<bool> voice() const noexcept;
    std::optional<room_status> status() const noexcept; ///< `status`
    std::optional<time_point> starts_at() const noexcept
    {
        return time_member(member::starts_at);
    } ///< `startTime`
    std::optional<time_point> ends_at() const noexcept { return time_member(member::ends_at); } ///< `endTime`

    // Members of later revisions of the API page.
    std::optional<std::string_view> picture_url() const noexcept
    {
        return text_member(member::picture_url);
    } ///< `pic`
    std::optional<std::string_view> stream_url() const noexcept
    {
        return text_member(member::stream_url);
    } ///< `streamUrl`
    std::optional<std::string_view> source_url() const noexcept
    {
        return text_member(member::source_url);
    } ///< `sourceUrl`
    /// `streamStartTime`
    std::optional<time_point> stream_starts_at() const noexcept
    {
        return time_member(member::stream_starts_at);
    }
    /// `streamEndTime`
    std::optional<time_point> stream_ends_at() const noexcept { return time_member(member::stream_ends_at); }

    /// Of what async_create_room returned: the answer was lost, and the room was then found with the members
    /// that were asked for. This cannot prove who created it.
    bool confirmed() const noexcept { return confirmed_; }

    /// The text of the answer, byte for byte. Empty if it had no usable JSON object (possible after a
    /// change).
    std::string_view raw_json() const noexcept { return std::string_view(storage_).substr(0, raw_size_); }

    /// The whole answer, parsed anew at each call; an empty object if raw_json() is empty.
    /// Include <boost/json.hpp> to use it.
    boost::json::object json() const;

private:
    friend class detail::room_builder;

    enum class member : unsigned char
    {
        id,
        name,
        about,
        picture_url,
        stream_url,
        source_url, // the last one of text
        starts_at,
        ends_at,
        stream_starts_at,
        stream_ends_at,
        voice,
        status,
    };
    static constexpr std::size_t text_members = 6;
    static constexpr std::size_t time_members = 4;

    struct extent
    {
        std::uint32_t offset = 0;
        std::uint32_t size = 0;
    };

    static constexpr unsigned bit(member m) noexcept { return 1U << static_cast<unsigned>(m); }
    bool has(member m) const noexcept { return (present_ & bit(m)) != 0; }

    std::optional<std::string_view> text_member(member m) const noexcept
    {
        if (!has(m)) return std::nullopt;
        const extent& e = text_[static_cast<std::size_t>(m)];
        return std::string_view(storage_).substr(e.offset, e.size);
    }

    std::optional<time_point> time_member(member m) const noexcept
    {
        if (!has(m)) return std::nullopt;
        return times_[static_cast<std::size_t>(m) - text_members];
    }

    // The raw answer, then the decoded text of members whose JSON form has escapes. Members refer to it by
    // offsets: an answered room is one allocation.
    std::string storage_;
    std::array<extent, text_members> text_{};
    std::array<time_point, time_members> times_{};
    std::uint32_t raw_size_ = 0;
    std::uint16_t present_ = 0;
    bool voice_ = false;
    room_status status_ = room_status::live;
    bool confirmed_ = false;
};

/// The room to create. Required members are constructor parameters, the optional ones chained setters:
/// `new_room("match-321", "Final", "Kick-off at 20:00").voice(true).starts_at(t)`.
///
/// Members are checked by the operation that takes the room, before anything is sent (errc::invalid_argument,
/// with the field and the rule in the diagnostics): text must be valid UTF-8, times within the years 1970 to
/// 9999, ends after starts. The API documents no lengths; the library bounds the id to 1,024 bytes, URLs to 8
/// KiB, other text to 64 KiB.
class new_room
{
public:
    /// @param id `roomId`: not empty, not `.` or `..`, and without empty segments (`/a`, `a/`, `a//b`), since
    /// proxies merge slashes.
    /// @param name `name`: the name in the admin panel.
    /// @param about `about`: the description, used for scheduled rooms.
    new_room(std::string id, std::string name, std::string about)
        : id_(std::move(id))
        , name_(std::move(name))
        , about_(std::move(about))
    {}

    /// `isSpeak`: voice chat. Off unless set.
    new_room& voice(bool on) & noexcept { return voice_ = on, *this; }
    new_room&& voice(bool on) && noexcept { return std::move(voice(on)); }

    /// `startTime`: the room is `SOON` until then, and `LIVE` from then on. Cut to the second by the
    /// specification's time format.
    new_room& starts_at(time_point t) & noexcept { return starts_at_ = t, *this; }
    new_room&& starts_at(time_point t) && noexcept { return std::move(starts_at(t)); }

    /// `endTime`: the room is `ENDED` from then on.
    new_room& ends_at(time_point t) & noexcept { return ends_at_ = t, *this; }
    new_room&& ends_at(time_point t) && noexcept { return std::move(ends_at(t)); }

    // The following are members of later revisions of the API page; they are sent only when set.

    /// `pic`: URL of a picture.
    new_room& picture_url(std::string url) & { return picture_url_ = std::move(url), *this; }
    new_room&& picture_url(std::string url) && { return std::move(picture_url(std::move(url))); }

    /// `streamUrl`: an embedded player is shown.
    new_room& stream_url(std::string url) & { return stream_url_ = std::move(url), *this; }
    new_room&& stream_url(std::string url) && { return std::move(stream_url(std::move(url))); }

    /// `sourceUrl`: turned into an embeddable URL by the service.
    new_room& source_url(std::string url) & { return source_url_ = std::move(url), *this; }
    new_room&& source_url(std::string url) && { return std::move(source_url(std::move(url))); }

    /// `streamStartTime`
    new_room& stream_starts_at(time_point t) & noexcept { return stream_starts_at_ = t, *this; }
    new_room&& stream_starts_at(time_point t) && noexcept { return std::move(stream_starts_at(t)); }

    /// `streamEndTime`
    new_room& stream_ends_at(time_point t) & noexcept { return stream_ends_at_ = t, *this; }
    new_room&& stream_ends_at(time_point t) && noexcept { return std::move(stream_ends_at(t)); }

    const std::string& id() const noexcept { return id_; }
    const std::string& name() const noexcept { return name_; }
    const std::string& about() const noexcept { return about_; }
    bool voice() const noexcept { return voice_; }
    std::optional<time_point> starts_at() const noexcept { return starts_at_; }
    std::optional<time_point> ends_at() const noexcept { return ends_at_; }
    const std::optional<std::string>& picture_url() const noexcept { return picture_url_; }
    const std::optional<std::string>& stream_url() const noexcept { return stream_url_; }
    const std::optional<std::string>& source_url() const noexcept { return source_url_; }
    std::optional<time_point> stream_starts_at() const noexcept { return stream_starts_at_; }
    std::optional<time_point> stream_ends_at() const noexcept { return stream_ends_at_; }

private:
    std::string id_;
    std::string name_;
    std::string about_;
    bool voice_ = false;
    std::optional<time_point> starts_at_;
    std::optional<time_point> ends_at_;
    std::optional<std::string> picture_url_;
    std::optional<std::string> stream_url_;
    std::optional<std::string> source_url_;
    std::optional<time_point> stream_starts_at_;
    std::optional<time_point> stream_ends_at_;
};

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/room.ipp>
#endif
