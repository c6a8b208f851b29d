// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <watchers/rooms/detail/call_request.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/retry.hpp>
#include <watchers/rooms/room.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sim {

struct caller;

// One request, from the moment the client wrote it: what the service did with it, and what the client was
// told.
struct exchange
{
    unsigned number = 0;
    caller* by = nullptr; // null: of nobody
    operation_kind kind = operation_kind::get_room;
    std::string room;
    std::string body;
    unsigned key = 0; // the version of the credentials
    time_point sent;
    bool looks = false;  // a get that confirms a create
    bool reused = false; // its connection had served before
    unsigned death = 0;  // its connection had died silently, then

    // The service
    unsigned applied = 0; // how often it was carried out
    bool served = false;
    bool copied_first = false; // something in between had it carried out before it arrived

    // The client
    bool over = false; // answered, or its connection gone
    time_point over_at;
    unsigned status = 0;    // of the complete answer that the client was given; 0: none
    bool timed_out = false; // the client gave up waiting for it
    std::string answer;     // its body
    bool usable = true;     // its body
    bool encoded = false;   // its body, which the client cannot read
    bool web_page = false;
    bool another_room = false; // it is not about this request's
    bool no_project = false;   // the 404 tells that the key is not valid
    std::optional<std::chrono::seconds> retry_after;
    std::optional<std::string> found; // get: the creator's mark of the room at the moment of the answer
    bool foreseeable = false;         // the client could know how long it takes
    bool found_matching = false;      // a confirmation: with the members that the create had

    // Whether the client knows that it was not carried out.
    bool refused() const noexcept
    {
        return status >= 300 && status < 500 && status != 408 &&
               (status >= 400 || status == 307 || status == 308);
    }
    bool succeeded() const noexcept { return status / 100 == 2 && !web_page && !another_room; }
    bool doubtful() const noexcept { return !succeeded() && !refused(); }
    // By reason of the credentials, as far as the client can know.
    bool denied() const noexcept { return status == 401 || status == 403 || no_project_told(); }
    bool no_project_told() const noexcept { return status == 404 && no_project; }
    bool no_room_told() const noexcept { return status == 404 && !no_project && !web_page; }

    bool duplicate() const noexcept
    {
        return kind == operation_kind::create_room && (status == 409 || status == 400);
    }

    // How often the client has to reckon with: a refusal is taken at its word, also where it is the original
    // that was refused and a copy that was carried out (fault 80).
    unsigned applied_knowably() const noexcept { return copied_first && refused() ? 0 : applied; }
};

// One call, as its caller sees it.
struct caller
{
    unsigned number = 0;
    operation_kind kind = operation_kind::get_room;
    std::string room;
    bool voice = false;
    room_status status = room_status::live;
    std::optional<new_room> wanted; // create
    retry_policy policy;
    time_point started;
    time_point deadline;
    duration attempt_timeout{};
    bool expired = false;       // it had no time at all
    bool refused_drain = false; // started when a drain, or the end, had begun
    bool refused_stop = false;

    bool returned = false; // the initiating function
    unsigned handler_calls = 0;
    time_point ended;
    error_code error;
    rooms::room told;
    rooms::diagnostics diagnostics;
    boost::asio::cancellation_signal signal;
    std::weak_ptr<int> handler;
    bool done() const noexcept { return handler_calls > 0; }

    std::optional<time_point> cancelled;       // terminal or partial
    std::optional<time_point> cancelled_total; // asked for before anything was sent
    bool cancelled_late = false;               // total, after something was sent

    // By the observer
    std::uint64_t id = 0;
    bool begun = false;
    bool over = false;
    std::uint64_t over_order = 0;
    bool failed_before = false; // an attempt has ended
    error_code last_error;      // of its last attempt
    time_point last_ended;
    unsigned last_status = 0;
    bool last_sent = false;
    bool last_confirming = false;
    std::size_t attempts_ended = 0; // of those that were sent
    unsigned unsent_retries = 0, ambiguous_retries = 0, throttled_retries = 0;
    unsigned last_cost = 0;
    unsigned retries = 0; // planned
    bool confirming = false;
    bool confirmed_before = false;

    std::optional<std::uint64_t> asked; // when it asked for a connection, where that is known
    std::vector<exchange*> exchanges;
    std::optional<time_point> not_before; // by a 503's Retry-After

    bool changes() const noexcept { return kind != operation_kind::get_room; }
    // Made once: it is asked for often.
    const std::string& name() const;

private:
    mutable std::string name_;
};

// Who sent what: requests are told apart by what they say alone, so the driver has no two calls under way
// that say the same.
class record
{
public:
    explicit record(world& w) noexcept : world_(w) {}

    caller& new_caller();
    std::deque<caller>& callers() noexcept { return callers_; }
    std::deque<exchange>& exchanges() noexcept { return exchanges_; }

    // Calls that have not told their callers of their end.
    std::vector<caller*>& active() noexcept { return active_; }
    void ended(caller&);

    // Whether a request of such a call could be told from those of the calls under way.
    bool distinct(const caller&, bool ordered) const noexcept;

    // A request was written.
    exchange& sent(std::string_view bytes);

private:
    caller* owner_of(exchange&, std::string_view path, std::string_view body);

    world& world_;
    std::deque<caller> callers_;
    std::deque<exchange> exchanges_;
    std::vector<caller*> active_;
};

} // namespace watchers::rooms::sim
