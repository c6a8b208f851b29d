// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/resume_rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace watchers::rooms;
using rules = detail::resume_rules;
using look = rules::look;
using verdict = rules::verdict;

namespace {

room read(std::string_view json)
{
    error_code ec;
    room r = detail::room_builder::parse(json, ec, nullptr);
    REQUIRE_FALSE(ec);
    return r;
}

const operation create = operation::create(new_room("r", "name", "about"));
const operation speak = operation::set_voice("r", true);
const operation live = operation::set_status("r", room_status::live);
const operation erase = operation::erase("r");

constexpr const char* ours = R"({"roomId":"r","name":"name","about":"about","isSpeak":true,"status":"LIVE"})";
constexpr const char* same = R"({"roomId":"r","name":"name","about":"about","status":"SOON"})";
constexpr const char* other = R"({"roomId":"r","name":"other","isSpeak":false,"status":"SOON"})";
constexpr const char* mute = R"({"roomId":"r"})"; // tells nothing

// What is expected of one look at a room.
class row
{
public:
    const char* context;
    const operation& op;
    look when;
    bool in_doubt;
    error_code told; // none: it found the room
    const char* found;
    verdict what;
    error_code error;
    watchers::rooms::effect effect;
    bool still_in_doubt;
};

constexpr auto none = effect::none;
constexpr auto unknown = effect::unknown;
constexpr auto applied = effect::applied;

} // namespace

TEST_CASE("resume_rules what_a_look_decides")
{
    const row rows[] = {
        {"create: there, as asked", create, look::first, true, {}, same, verdict::done, {}, applied, false},
        {"create: another room",
         create,
         look::first,
         true,
         {},
         other,
         verdict::failed,
         errc::conflict,
         unknown,
         true},
        {"create: not there",
         create,
         look::first,
         true,
         errc::not_found,
         nullptr,
         verdict::send,
         {},
         unknown,
         true},
        {"create: no answer", create, look::first, true, errc::server_error, nullptr, verdict::failed,
         errc::outcome_unknown, unknown, true},
        {"create: refused", create, look::first, true, errc::forbidden, nullptr, verdict::failed,
         errc::forbidden, unknown, true},
        {"create: cancelled", create, look::first, true, errc::cancelled, nullptr, verdict::failed,
         errc::cancelled, unknown, true},

        {"duplicate: as asked", create, look::back, false, {}, same, verdict::done, {}, applied, false},
        {"duplicate: another room",
         create,
         look::back,
         false,
         {},
         other,
         verdict::failed,
         errc::conflict,
         none,
         false},
        {"duplicate: gone since", create, look::back, false, errc::not_found, nullptr, verdict::failed,
         errc::conflict, none, false},
        {"duplicate: no answer", create, look::back, false, errc::server_error, nullptr, verdict::failed,
         errc::conflict, none, false},
        {"duplicate: cancelled", create, look::back, false, errc::cancelled, nullptr, verdict::failed,
         errc::cancelled, none, false},
        {"duplicate in doubt: as asked",
         create,
         look::back,
         true,
         {},
         same,
         verdict::done,
         {},
         applied,
         false},
        {"duplicate in doubt: another room",
         create,
         look::back,
         true,
         {},
         other,
         verdict::failed,
         errc::conflict,
         unknown,
         true},
        {"duplicate in doubt: gone since", create, look::back, true, errc::not_found, nullptr,
         verdict::failed, errc::outcome_unknown, unknown, true},
        {"duplicate in doubt: no answer", create, look::back, true, errc::server_error, nullptr,
         verdict::failed, errc::outcome_unknown, unknown, true},

        {"voice: so", speak, look::first, true, {}, ours, verdict::done, {}, applied, false},
        {"voice: not so", speak, look::first, true, {}, other, verdict::send, {}, unknown, false},
        {"voice: not told", speak, look::first, true, {}, mute, verdict::send, {}, unknown, true},
        {"voice: no room",
         speak,
         look::first,
         true,
         errc::not_found,
         nullptr,
         verdict::send,
         {},
         unknown,
         true},
        {"voice: no answer",
         speak,
         look::first,
         true,
         errc::server_error,
         nullptr,
         verdict::send,
         {},
         unknown,
         true},
        {"voice: refused", speak, look::first, true, errc::unauthorized, nullptr, verdict::failed,
         errc::unauthorized, unknown, true},
        {"voice: shut down", speak, look::first, true, errc::shutting_down, nullptr, verdict::failed,
         errc::shutting_down, unknown, true},

        {"status: so", live, look::first, true, {}, ours, verdict::done, {}, applied, false},
        {"status: not so", live, look::first, true, {}, other, verdict::send, {}, unknown, false},
        {"status: not told", live, look::first, true, {}, mute, verdict::send, {}, unknown, true},
        {"status: no room",
         live,
         look::first,
         true,
         errc::not_found,
         nullptr,
         verdict::send,
         {},
         unknown,
         true},

        {"delete: gone",
         erase,
         look::first,
         true,
         errc::not_found,
         nullptr,
         verdict::done,
         {},
         applied,
         false},
        {"delete: there", erase, look::first, true, {}, mute, verdict::send, {}, unknown, false},
        {"delete: no answer",
         erase,
         look::first,
         true,
         errc::server_error,
         nullptr,
         verdict::send,
         {},
         unknown,
         true},
        {"delete: draining", erase, look::first, true, errc::draining, nullptr, verdict::failed,
         errc::draining, unknown, true},
    };
    for (const row& r : rows) {
        CAPTURE(std::string(r.context));
        const room found = r.found != nullptr ? read(r.found) : room();
        const auto d = rules::judge(r.op, r.when, r.told, found, r.in_doubt, true);
        CHECK(d.what == r.what);
        if (d.what != verdict::send) CHECK(d.error == r.error);
        if (d.what != verdict::send) CHECK(d.effect == r.effect);
        CHECK(d.in_doubt == r.still_in_doubt);
    }
}

// Row 86: a service that gives its rooms ids of its own.
TEST_CASE("resume_rules check_room_ids_switches_the_look_at_the_id_off")
{
    const room asked_for = read(R"({"roomId":"another","name":"name","about":"about"})");
    const room changed = read(R"({"roomId":"another","isSpeak":true,"status":"LIVE"})");
    for (const operation* op : {&create, &speak, &live}) {
        CAPTURE(std::string(to_string(op->kind())));
        const room& found = op == &create ? asked_for : changed;
        for (const look when : {look::first, look::back}) {
            CHECK(rules::judge(*op, when, {}, found, true, false).what == verdict::done);
            CHECK(rules::judge(*op, when, {}, found, true, true).what != verdict::done);
        }
    }
}

TEST_CASE("resume_rules a_delete_that_was_begun_before_and_finds_nothing_is_done")
{
    CHECK(rules::done_before(erase, errc::not_found, true));
    CHECK_FALSE(rules::done_before(erase, errc::not_found, false));
    CHECK_FALSE(rules::done_before(erase, errc::conflict, true));
    CHECK_FALSE(rules::done_before(live, errc::not_found, true));
    CHECK_FALSE(rules::done_before(erase, {}, true));
}
