// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace watchers::rooms {
class new_room;
class room; // whose implementation includes this: room.hpp cannot be included here
} // namespace watchers::rooms

namespace watchers::rooms::detail {

class call_request;

// Makes rooms: from the text of an answer, or from what was asked for.
class room_builder
{
public:
    static constexpr std::size_t max_depth = 32;
    // Of all objects of a text together. To parse so many takes about a millisecond of the event loop.
    static constexpr std::size_t max_members = 10'000;

    // Reads one JSON object without building a tree of it. If the text is none, or breaks a rule of
    // room::from_json, ec is set to errc::bad_body and the room is empty.
    // note, if not null, is assigned what the answer lacked (empty as a rule): "isSpeak: not a boolean", or
    // "body: not valid JSON". It never holds text of the server's.
    // The text becomes part of the room: pass it as an rvalue where the buffer is not needed any more.
    static room parse(std::string&& json_text, error_code& ec, std::string* note);
    static room parse(std::string_view json_text, error_code& ec, std::string* note);

    // The room in the 2xx response to a change; if there is none, the room that was changed, as far as it is
    // known. An empty body, a JSON value that is not an object, and plain text are usual responses to a
    // change and lead to no note. A note is made of a body that begins like JSON ({ or [, behind blanks and a
    // byte order mark) and breaks a rule of room::from_json, and of one that is neither JSON nor text (UTF-8
    // without control characters).
    static room of_change(const call_request&, std::string_view body, std::string& note);

    // The room as far as it is known after a change whose answer told nothing: its id and what was set, for a
    // create all that was sent. Its raw_json() is empty.
    static room synthesize(const call_request&);

    // Whether the room that was found may be the one that was asked for: none of the members that an answer
    // tells and the API documents as sent differs. Ids are compared by names_other_room(), or not at all if
    // `check_id` is false. URLs are left out, since the service may rewrite them;
    // times are compared to the second, to which the specification's format cuts them, and only those that
    // were sent, since the service may set others.
    static bool matches(const room& found, const new_room& wanted, bool check_id = true) noexcept;

    static void mark_confirmed(room& r) noexcept;

private:
    class sink;
    class writer;

    // Returns what is wrong with the text, or null.
    static const char* read_storage(room&, std::string* note);
};

} // namespace watchers::rooms::detail
