// SPDX-License-Identifier: BSL-1.0
// Settings, then all that a service sends to one call: its answers one after the other, each read in one
// piece and in many, judged, and given to the retries, which tell what the next one is an answer to.

#include "fuzz.hpp"

#include <watchers/rooms/impl/sansio/classify.hpp>
#include <watchers/rooms/impl/sansio/error_body.hpp>
#include <watchers/rooms/impl/sansio/response_reader.hpp>
#include <watchers/rooms/impl/sansio/retry_after.hpp>
#include <watchers/rooms/impl/sansio/retry_fsm.hpp>
#include <watchers/rooms/impl/sansio/retry_rules.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/room.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace watchers::rooms;
using detail::response;
using detail::response_limits;
using detail::response_reader;
using fuzz::require;
using state = response_reader::state;

enum class ending
{
    open,
    clean,
    unclean,
};

class settings
{
public:
    explicit settings(fuzz::input& in)
    {
        const unsigned what = in.byte();
        kind = static_cast<operation_kind>(what % 5);
        end = static_cast<ending>(what / 5 % 3);
        other_credentials = what / 15 % 2 != 0;

        const unsigned narrow = in.byte();
        limits.header = std::array{8192U, 256U, 64U, 8U}[narrow & 3U];
        limits.fields = std::array{100U, 3U, 1U, 0U}[(narrow >> 2) & 3U];
        limits.body = std::array{1024U * 1024U, 64U, 1U, 0U}[(narrow >> 4) & 3U];

        const unsigned flags = in.byte();
        policy.unsent_attempts = policy.ambiguous_attempts = policy.throttled_attempts = 1 + (flags & 3U);
        if ((flags & 4U) != 0) policy.idempotent = {operation_kind::get_room};
        policy.confirm_creates = (flags & 8U) == 0;
        policy.replay_on_dead_connection = (flags & 16U) == 0;
        policy.accept_missing_on_delete = (flags & 32U) != 0;
        policy.budget = std::array{500U, 0U, 5U, 12U}[flags >> 6];
        require(check(policy).empty(), "a policy that may be");

        random = in.number() * 0x9E37'79B9'7F4A'7C15U;
        for (std::size_t& piece : pieces)
            piece = in.byte() + std::size_t(1);
    }

    operation_kind kind = operation_kind::get_room;
    ending end = ending::open;
    bool other_credentials = false;
    response_limits limits;
    retry_policy policy;
    std::uint64_t random = 0;
    std::array<std::size_t, 3> pieces{};
};

// ---- One answer

bool has_line_end(std::string_view text)
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos;
}

void check_reader(const response_reader& r, state told, const response_limits& limits, std::size_t fed)
{
    const response& a = r.answer();
    require(a.body.size() <= limits.body && a.header_bytes <= limits.header, "the limits are kept");
    require(a.body.capacity() <= 2 * limits.body + 64, "memory is of the body's size");
    require(r.bytes() == fed && r.started() == (fed > 0), "bytes are counted");
    require(!r.reusable() || (told == state::complete && a.keep_alive && !r.surplus()),
            "only a complete answer leaves a connection to reuse");
    if (told == state::failed) {
        const errc e = r.error();
        require(e == errc::malformed_response || e == errc::response_too_large ||
                    e == errc::truncated_response || e == errc::connection_lost,
                "an error of a reader's");
        require((e == errc::connection_lost) == !r.started(), "connection_lost where nothing came");
    }
    if (told != state::complete) return;
    require(a.status >= 200 && a.status <= 599, "a final status");
    require(a.retry_after.size() <= response::longest_time && a.date.size() <= response::longest_time &&
                a.location.size() <= response::longest_text,
            "texts are short");
    for (const std::string* text : {&a.retry_after, &a.date, &a.location})
        require(!has_line_end(*text), "texts are of one line");
}

// Feeds until the answer has ended, and goes on. @returns the bytes up to the end, as far as the pieces tell.
template <class NextPiece>
std::size_t feed(response_reader& reader, std::string_view bytes, const settings& s, NextPiece next)
{
    std::size_t fed = 0;
    std::size_t used = bytes.size();
    state before = state::reading;
    while (fed < bytes.size()) {
        const auto piece = bytes.substr(fed, next());
        fed += piece.size();
        const state now = reader.feed(piece);
        require(before == state::reading || now == before, "what has ended does not change");
        if (before == state::reading && now != state::reading) used = fed;
        check_reader(reader, now, s.limits, fed);
        before = now;
    }
    if (s.end != ending::open) {
        const state now = reader.end(s.end == ending::clean);
        require(before == state::reading ? now != state::reading : now == before, "an end ends it");
        require(!reader.reusable(), "an ended connection is not reused");
        check_reader(reader, now, s.limits, fed);
    }
    return used;
}

void check_same(response_reader& a, response_reader& b)
{
    const state now = a.feed({});
    require(now == b.feed({}), "the pieces do not change how it ends");
    require(a.reusable() == b.reusable() && a.surplus() == b.surplus(), "nor whether more came");
    if (now == state::failed) require(a.error() == b.error(), "nor the error");
    if (now != state::complete) return;
    const response& x = a.answer();
    const response& y = b.answer();
    require(x.status == y.status && x.keep_alive == y.keep_alive && x.body == y.body &&
                x.header_bytes == y.header_bytes,
            "nor the answer");
    require(x.retry_after == y.retry_after && x.date == y.date && x.location == y.location, "nor its fields");
}

// The body of a message that leaves the connection open, read by the letter of RFC 9112. Nothing where a
// field goes on in a second line, which is left to the reader.
std::optional<std::string> body_by_the_letter(std::string_view message)
{
    std::string_view head;
    do {
        const auto end = message.find("\r\n\r\n");
        require(end != message.npos, "a header has an end");
        head = message.substr(0, end + 2);
        message.remove_prefix(end + 4);
    } while (head.substr(9, 1) == "1");

    if (head.find("\r\n ") != head.npos || head.find("\r\n\t") != head.npos) return std::nullopt;
    const std::string_view status = head.substr(9, 3);
    std::optional<std::size_t> length;
    bool chunked = false;
    for (auto at = head.find("\r\n") + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
        std::string line(head.substr(at, head.find("\r\n", at) - at));
        std::transform(line.begin(), line.end(), line.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        if (line.starts_with("transfer-encoding:")) chunked = true;
        if (!line.starts_with("content-length:")) continue;
        const auto digits = line.find_first_of("0123456789");
        require(digits != line.npos, "a length is a number");
        length = static_cast<std::size_t>(std::stoull(line.substr(digits)));
    }
    require(!chunked || !length, "one framing only");
    if (status == "204" || status == "304") return std::string();
    if (!chunked) {
        require(length == message.size(), "the message ends where its length tells");
        return std::string(message);
    }
    std::string body;
    for (;;) {
        const auto line_end = message.find("\r\n");
        require(line_end != message.npos, "a chunk has a header");
        const auto size = std::stoull(std::string(message.substr(0, line_end)), nullptr, 16);
        message.remove_prefix(line_end + 2);
        if (size == 0) break;
        require(message.size() >= size + 2 && message.substr(size, 2) == "\r\n", "a chunk is of its size");
        body += message.substr(0, size);
        message.remove_prefix(size + 2);
    }
    const bool ends = message == "\r\n" || message.find("\r\n\r\n") == message.size() - 4;
    require(message.size() >= 2 && ends, "the message ends behind its trailer");
    return body;
}

// Reads one answer in three ways. @returns the bytes that it took.
std::size_t read(response_reader& reader, response_reader& other, std::string_view bytes, const settings& s)
{
    other.reset();
    const std::size_t used = feed(other, bytes, s, [] { return std::size_t(1); });
    reader.reset(); // what it had read before must not matter
    std::size_t turn = 0;
    feed(reader, bytes, s, [&] { return s.pieces[turn++ % s.pieces.size()]; });
    check_same(reader, other);
    reader.reset();
    feed(reader, bytes, s, [&] { return bytes.size(); });
    check_same(reader, other);

    if (reader.feed({}) != state::complete) return bytes.size();
    require(reader.surplus() == (used < bytes.size()), "what comes behind is surplus");
    if (!reader.answer().keep_alive) return used;
    const auto body = body_by_the_letter(bytes.substr(0, used));
    require(!body || *body == reader.answer().body, "the body is what RFC 9112 says");
    return used;
}

// ---- What it means

void check_text(std::string_view body)
{
    const std::string said = detail::error_message(body);
    require(said.size() <= 512 && fuzz::printable(said), "a message is short and printable");
}

detail::verdict judge(operation_kind kind, const response& a)
{
    const detail::verdict v = detail::classify_answer(kind, a);
    const bool not_of_the_api = v.error == errc::not_the_service || v.error == errc::unexpected_encoding;
    require(v.error ? a.status / 100 != 2 || not_of_the_api : a.status / 100 == 2, "2xx is success");
    if (kind == operation_kind::get_room)
        require(v.effect == effect::none, "a get changes nothing");
    else
        require((v.effect == effect::applied) == !v.error, "success is applied");
    require(v.error != errc::conflict || kind == operation_kind::create_room, "only a create has a conflict");
    return v;
}

void check_reaction(operation_kind kind, detail::failure how, effect e)
{
    for (const bool in_doubt : {false, true}) {
        const detail::reaction r = detail::react(kind, how, in_doubt);
        const bool creates = kind == operation_kind::create_room;
        require(r != detail::reaction::confirm || creates, "only a create is confirmed");
        require(r != detail::reaction::retry || !creates || e == effect::none,
                "a create that may have been carried out is not sent again");
    }
}

// ---- The call

class call
{
public:
    explicit call(const settings& s) : s_(s), budget_(s.policy.budget), wanted_("id", "name", "about")
    {
        fsm_.begin(s.kind);
    }

    void run(std::string_view bytes)
    {
        response_reader reader(s_.limits);
        response_reader other(s_.limits);
        for (int attempts = 1;; ++attempts) {
            require(attempts <= 32, "a call ends");
            bytes.remove_prefix(read(reader, other, bytes, s_));
            const state now = reader.feed({});
            if (now == state::failed && reader.error() == errc::connection_lost && replayed()) continue;
            const detail::attempt_result r = result_of(reader, now);
            const detail::retry_step step = fsm_.on_attempt(r, circumstances());
            if (step.what == detail::retry_step::action::finish) return check_end(step, r);
            check_step(step, r);
        }
    }

private:
    using role = detail::request_role;
    using action = detail::retry_step::action;

    detail::retry_fsm::circumstances circumstances()
    {
        return {s_.policy, budget_, now_, detail::clock::time_point(std::chrono::seconds(60)), s_.random};
    }

    operation_kind sent_kind() const
    {
        return fsm_.role() == role::operation ? s_.kind : operation_kind::get_room;
    }

    bool replayed()
    {
        const detail::retry_step step = fsm_.on_dead_connection(s_.policy);
        if (step.what == action::finish) return false;
        require(step.what == action::send && step.replay && step.delay.count() == 0, "a replay is at once");
        require(++replays_ == 1, "a call is replayed once");
        require(sent_kind() == operation_kind::get_room || s_.policy.idempotent.contains(s_.kind),
                "what is not idempotent is not replayed");
        lost_ = lost_ || sent_kind() != operation_kind::get_room;
        return true;
    }

    detail::attempt_result result_of(const response_reader& reader, state now)
    {
        const operation_kind kind = sent_kind();
        const response& a = reader.answer();
        detail::attempt_result r;
        r.other_credentials = s_.other_credentials;
        unsigned status = 0;
        if (now == state::complete) {
            const detail::verdict v = judge(kind, a);
            status = a.status;
            r.error = v.error;
            r.effect = v.effect;
            r.recognized = v.recognized;
            r.retry_after = detail::parse_retry_after(a.retry_after, a.date, {});
            check_text(a.body);
            if (!v.error && kind == operation_kind::get_room) {
                const room found = room::from_json(a.body, r.error);
                r.matches = !r.error && detail::room_builder::matches(found, wanted_);
            }
        } else {
            r.error = now == state::failed ? reader.error() : errc::response_timeout;
            r.effect = detail::effect_of_failure(kind, true);
        }
        if (r.error) {
            r.how = detail::classify_failure(r.error, false, true, status);
            check_reaction(kind, r.how, r.effect);
        }
        if (kind != operation_kind::get_room && r.effect == effect::unknown) lost_ = true;
        if (fsm_.role() == role::operation) of_operation_.push_back(r.error);
        return r;
    }

    void check_step(const detail::retry_step& step, const detail::attempt_result& r)
    {
        require(step.role == fsm_.role(), "the role is the machine's");
        if (step.what == action::ask_credentials) {
            const bool refused = r.error == errc::unauthorized || r.error == errc::forbidden ||
                                 r.error == errc::unknown_project;
            require(refused && s_.other_credentials && ++questions_ == 1,
                    "credentials are asked for once, after a refusal that may be theirs");
            return;
        }
        require(step.delay.count() >= 0 && now_ + step.delay < circumstances().deadline,
                "a wait ends before the deadline");
        require(!r.retry_after ||
                    (step.delay >= *r.retry_after && *r.retry_after <= s_.policy.max_retry_after),
                "Retry-After is waited for");
        const bool sent_operation = last_role_ == role::operation;
        const bool in_doubt = sent_operation && r.effect == effect::unknown;
        if (step.role == role::operation) {
            require(!in_doubt || s_.policy.idempotent.contains(s_.kind),
                    "only what is idempotent is repeated");
            require(sent_operation || (r.error == errc::not_found && r.recognized),
                    "a create is repeated where there is no room");
        } else {
            require(s_.kind == operation_kind::create_room && s_.policy.confirm_creates,
                    "only a create is confirmed");
        }
        now_ += step.delay;
        last_role_ = step.role;
    }

    void check_end(const detail::retry_step& step, const detail::attempt_result& r)
    {
        const bool changes = s_.kind != operation_kind::get_room;
        require(!step.confirmed || (s_.kind == operation_kind::create_room && !step.error),
                "only a create that succeeds is confirmed");
        if (!step.error) {
            const bool was_missing =
                s_.kind == operation_kind::delete_room && r.error == errc::not_found && r.recognized;
            require(step.effect == (changes && (lost_ || !was_missing) ? effect::applied : effect::none),
                    "success is applied");
            require(!r.error || was_missing, "a success has a reason");
            return;
        }
        const bool of_operation =
            std::find(of_operation_.begin(), of_operation_.end(), step.error) != of_operation_.end();
        const bool of_confirmation = s_.kind == operation_kind::create_room &&
                                     (step.error == errc::outcome_unknown || step.error == errc::conflict);
        require(of_operation || of_confirmation,
                "a failure is the operation's, not one of a get that looked for the room");
        require(step.effect != effect::applied, "a failure is not applied");
        require(!lost_ || step.effect == effect::unknown, "what may have been done is not denied");
        require(changes || step.effect == effect::none, "a get changes nothing");
        require(step.error != errc::outcome_unknown || step.effect == effect::unknown, "unknown is unknown");
    }

    const settings& s_;
    detail::retry_fsm fsm_;
    detail::retry_budget budget_;
    new_room wanted_;
    detail::clock::time_point now_{};
    role last_role_ = role::operation;
    std::vector<error_code> of_operation_; // what its attempts ended with
    bool lost_ = false;                    // an attempt of a change may have been carried out
    int replays_ = 0;
    int questions_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const settings s(in);
    check_text(in.rest());
    call(s).run(in.rest());
    return 0;
}
