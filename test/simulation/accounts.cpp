// SPDX-License-Identifier: BSL-1.0
// Invariants of calls, figures, and the retry budget.
#include "checker.hpp"

#include <algorithm>

namespace watchers::rooms::sim {

checker::checker(world& w, const plan& p, record& r, network& n, model_server& s)
    : world_(w)
    , plan_(p)
    , record_(r)
    , network_(n)
    , newest_key_(p.settings.credentials.empty() ? 0 : 1)
    , tokens_(p.settings.retry.budget)
{
    n.on_sent = [this](exchange& x, const wire& on) { on_sent(x, on); };
    n.on_over = [this](exchange& x) { on_over(x); };
    n.on_answered = [this](exchange& x) { on_answered(x); };
    s.on_applied = [this](exchange& x) { on_applied(x); };
}

void checker::require(bool holds, std::string_view name, const caller& c, std::string_view what)
{
    if (holds) return;
    world_.violate(name, c.name() + ": " + std::string(what));
}

caller* checker::find(std::uint64_t id)
{
    for (caller* c : record_.active())
        if (c->id == id && c->begun) return c;
    world_.violate("hooks", "of a call that is not under way: " + std::to_string(id));
    return nullptr;
}

// Callers

void checker::on_start(caller& c)
{
    starting_ = &c;
    c.refused_drain = draining_;
    c.refused_stop = stopped();
}

void checker::on_started(caller& c)
{
    starting_ = nullptr;
    c.returned = true;
    require(c.begun == !(c.expired || c.refused_drain || c.refused_stop), "hooks", c, "on_call_start");
}

void checker::on_cancel(caller& c, bool total_only)
{
    world_.note("cancel", c.name(), total_only);
    if (!total_only)
        c.cancelled = world_.now();
    else if (c.exchanges.empty())
        c.cancelled_total = world_.now();
    else
        c.cancelled_late = true;
}

// Hooks

void checker::on_call_start(const call_start& s)
{
    if (starting_ == nullptr || starting_->begun) return world_.violate("hooks", "on_call_start for nothing");
    caller& c = *starting_;
    c.begun = true;
    c.id = s.call_id;
    ++begun_;
    require(s.operation == c.kind && s.room_id == c.room, "hooks", c, "on_call_start of something else");

    // Asks for a connection at once, unless something else holds it up.
    const bool queues = plan_.settings.ordered_changes && c.changes() &&
                        std::any_of(record_.active().begin(), record_.active().end(), [&](const caller* o) {
                            return o != &c && o->room == c.room && o->changes() && !o->over;
                        });
    if (!queues) asks(c);
}

// The pool and what stands before it are first come, first served.
void checker::asks(caller& c)
{
    ++asks_;
    if (newest_key_ != 0) c.asked = asks_;
}

void checker::on_attempt_end(const attempt_end& e)
{
    caller* const c = find(e.call_id);
    if (c == nullptr) return;
    world_.note("attempt_end", c->name(), e.attempt, e.error.message(), e.http_status);
    c->failed_before = true;
    c->last_error = e.error;
    c->last_ended = world_.now();
    c->last_status = e.http_status;
    c->last_sent = e.bytes_written > 0;
    c->last_confirming = e.confirmation;
    if (c->last_sent) ++c->attempts_ended;
    exchange* const x = c->exchanges.empty() ? nullptr : c->exchanges.back();
    if (c->last_sent && x != nullptr) {
        x->timed_out = e.error == errc::response_timeout || e.error == errc::write_timeout;
        if (x->timed_out && x->reused) timed_out_sent_ = std::max(timed_out_sent_, x->sent);
    }
    if (c->last_sent && x != nullptr && x->over)
        require(e.http_status == x->status, "hooks", *c, "on_attempt_end tells of another status");
}

void checker::on_retry(const retry_planned& r)
{
    caller* const c = find(r.call_id);
    if (c == nullptr) return;
    world_.note("retry", c->name(), r.failure.message(), r.delay.count(), r.confirmation);
    ++c->retries;
    ++(r.confirmation && !c->confirmed_before ? confirmations_ : retries_);
    if (r.confirmation) c->confirmed_before = true;

    // The first look of a confirmation costs nothing.
    const bool first_look = r.confirmation && !c->confirming;
    c->confirming = r.confirmation;
    if (first_look) return;

    // What kind of failure it was, from what was seen
    const bool look_again = r.failure == errc::not_found;
    const unsigned status = c->last_sent ? c->last_status : 0;
    if (look_again) {
    } else if (!c->last_sent || status == 421) {
        require(++c->unsent_retries < c->policy.unsent_attempts, "attempts", *c, "unsent_attempts");
    } else if (status == 429) {
        require(++c->throttled_retries < c->policy.throttled_attempts, "attempts", *c, "throttled_attempts");
    } else {
        require(++c->ambiguous_retries < c->policy.ambiguous_attempts, "attempts", *c, "ambiguous_attempts");
    }

    const bool timed_out = c->last_sent && (r.failure == errc::write_timeout ||
                                            r.failure == errc::response_timeout || status == 408);
    const unsigned cost = timed_out ? 10 : 5;
    c->last_cost = cost;
    if (plan_.settings.retry.budget == 0) return;
    require(tokens_ >= cost, "retry_budget", *c,
            "needs " + std::to_string(cost) + " tokens of " + std::to_string(tokens_));
    tokens_ -= std::min<std::uint64_t>(tokens_, cost);
    world_.note("tokens", tokens_);
}

void checker::on_call_end(const call_end& e)
{
    caller* const c = find(e.call_id);
    if (c == nullptr) return;
    world_.note("call_end", c->name(), e.error.message());
    require(!c->over, "exactly_once", *c, "ends twice");
    c->over = true;
    c->over_order = ++ends_;
    if (e.error == errc::pool_full)
        require(begun_ > plan_.settings.max_waiting_calls, "distinct_errors", *c, "nobody waits");
    --begun_;
    require(c->attempts_ended == c->exchanges.size(), "hooks", *c, "on_attempt_end");
    check_patience(*c, e);

    // The service answered: what the last retry took is given back.
    const bool found_another = c->confirming && e.error == errc::conflict && c->last_status / 100 == 2;
    if (!e.error || found_another)
        tokens_ = std::min<std::uint64_t>(plan_.settings.retry.budget,
                                          tokens_ + (c->last_cost > 0 ? c->last_cost : 1));

    world_.note("tokens", tokens_);

    // Whose turn it is now
    if (!plan_.settings.ordered_changes || !c->changes()) return;
    for (caller* next : record_.active()) {
        if (!next->begun || next->over || !next->changes() || next->room != c->room) continue;
        if (next->number > c->number) asks(*next);
        return;
    }
}

// Figures

void checker::on_step(const stats& s, std::uint64_t observer_threw)
{
    const std::size_t open = s.open_connections + s.opening_connections;
    if (open > plan_.settings.max_connections)
        world_.violate("pool_bound", std::to_string(open) + " connections open or opening");
    if (network_.ready() > plan_.settings.max_connections)
        world_.violate("pool_bound", std::to_string(network_.ready()) + " connections ready");
    // Nobody waits for what is there; a replay has a fresh connection opened for it.
    if (s.waiting_calls > s.opening_connections &&
        (s.idle_connections > 0 || open < plan_.settings.max_connections))
        world_.violate("nobody_waits_in_vain",
                       std::to_string(s.waiting_calls) + " calls wait for a connection");
    if (s.throttled_calls > 0 && world_.now() > paused_until_ && plan_.settings.max_requests_per_second == 0)
        world_.violate("nobody_waits_in_vain",
                       std::to_string(s.throttled_calls) + " calls wait for no pause");
    const auto same = [this](std::string_view name, std::uint64_t told, std::uint64_t seen) {
        if (told == seen) return;
        world_.violate("stats", std::string(name) + ": " + std::to_string(told) + " told, " +
                                    std::to_string(seen) + " seen");
    };
    same("open_connections", s.open_connections, network_.ready());
    same("busy_connections", s.busy_connections, network_.busy());
    same("idle_connections", s.idle_connections, network_.ready() - network_.busy());
    same("calls", s.calls, begun_);
    same("requests", s.requests, record_.exchanges().size());
    same("retries", s.retries, retries_);
    same("confirmations", s.confirmations, confirmations_);
    same("throttled", s.throttled, throttled_);
    same("other_rooms", s.other_rooms, other_rooms_);
    same("observer_exceptions", s.observer_exceptions, observer_threw);
    if (s.waiting_calls + s.throttled_calls + s.busy_connections > s.calls)
        world_.violate("stats", "more calls wait than there are");
    same("work", static_cast<std::uint64_t>(network_.work()), begun_);
}

void checker::at_rest(const stats& s)
{
    for (const caller* c : record_.active())
        require(false, "starvation", *c, "has not ended");
    if (s.calls + s.waiting_calls + s.busy_connections + s.throttled_calls != 0)
        world_.violate("leftovers", "calls, waiters or busy connections without a call");
    if (s.open_connections + s.opening_connections != 0 || network_.open() != 0)
        world_.violate("leftovers", "connections though all were idle for too long");
    if (world_.alarm()) world_.violate("leftovers", "an alarm though nothing is under way");
}

void checker::at_end()
{
    for (const caller& c : record_.callers()) {
        require(c.done() || abandoned_, "exactly_once", c, "the handler was not called");
        require(c.handler.expired(), "leftovers", c, "its handler still lives");
        require(c.over || !c.begun || abandoned_, "hooks", c, "no on_call_end");
        if (c.cancelled_late && !c.cancelled)
            require(c.error != errc::cancelled, "total_cancellation", c, "cancelled after sending had begun");
        if (c.cancelled_total && !c.exchanges.empty())
            require(c.exchanges.front()->sent <= *c.cancelled_total, "cancellation", c, "went on");
        if (c.cancelled && c.done() && !stopped())
            require(c.ended <= std::max(*c.cancelled, c.started), "cancellation", c, "went on");
        if (!c.done()) continue;
        unsigned applied = 0;
        for (const exchange* x : c.exchanges)
            applied += x->looks ? 0 : x->applied_knowably();
        require(c.diagnostics.effect() != effect::none || applied == 0, "effect_none", c,
                "it was carried out");
    }
    if (network_.open() != 0) world_.violate("leftovers", "open connections");
    check_cuts();
    if (network_.wires() != 0) world_.violate("leftovers", "connections that somebody holds");
    if (world_.alarm()) world_.violate("leftovers", "an alarm");
    if (network_.work() != 0 && !abandoned_) world_.violate("leftovers", "work");
}

} // namespace watchers::rooms::sim
