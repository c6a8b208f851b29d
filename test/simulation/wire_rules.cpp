// SPDX-License-Identifier: BSL-1.0
// Invariants of what the client sends.
#include "checker.hpp"

#include <algorithm>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

void checker::on_sent(exchange& x, const wire& w)
{
    if (x.by == nullptr)
        return world_.violate("request_of_nobody", "request " + std::to_string(x.number) + " " +
                                                       std::string(to_string(x.kind)) + " " + x.room +
                                                       " belongs to no call under way");
    require(!stopped(), "nothing_after_the_end", *x.by);
    require(world_.now() <= x.by->deadline, "deadline", *x.by, "a request is sent after it");
    check_connection(w);
    check_survivor(x, w);
    check_time_left(x);
    check_throttle(x);
    check_rate(x);
    check_key(x);
    check_order(x);
    check_turn_in_pool(x);
    check_repetition(x);
}

void checker::on_over(const exchange& x)
{
    note_duration(x);
    if (x.by == nullptr) return;
    require(x.over_at - x.sent <= x.by->attempt_timeout, "attempt_timeout", *x.by);
    require(x.over_at <= x.by->deadline, "deadline", *x.by, "an exchange goes on after it");
}

void checker::on_answered(const exchange& x)
{
    if (x.by == nullptr) return;
    const retry_policy& policy = x.by->policy;
    if (x.status == 429) {
        duration pause = plan_.settings.retry.backoff_base;
        if (x.retry_after) pause = std::min<duration>(*x.retry_after, plan_.settings.retry.max_retry_after);
        paused_until_ = std::max(paused_until_, world_.now() + pause);
        ++throttled_;
    }
    if (x.status == 503 && x.retry_after && *x.retry_after <= policy.max_retry_after)
        x.by->not_before = world_.now() + *x.retry_after;
    if (x.another_room) ++other_rooms_;
    if (x.denied() && x.key >= newest_key_) key_refused_ = true;
}

void checker::check_connection(const wire& w)
{
    const auto age = world_.now() - w.ready_since;
    const auto idle = world_.now() - w.idle_since;
    const duration lifetime = plan_.settings.max_connection_lifetime;
    const duration idle_limit = plan_.settings.idle_timeout;
    if (lifetime.count() > 0 && age > lifetime) world_.violate("connection_age", "serves after its lifetime");
    if (idle > idle_limit) world_.violate("connection_age", "serves after its time to be idle");
}

// Connections that were idle when a request was sent that timed out may be as dead as that one's.
void checker::check_survivor(const exchange& x, const wire& w)
{
    require(w.idle_since >= timed_out_sent_, "silent_connections", *x.by,
            "sent on a connection that was idle already when a request was sent that timed out");
    if (x.death == 0 || !x.reused) return;
    for (const exchange* before : x.by->exchanges)
        require(before == &x || before->death != x.death || !before->reused || !before->timed_out,
                "silent_connections", *x.by, "meets a second connection that died at the same moment");
}

// Throttling

void checker::check_throttle(const exchange& x)
{
    require(world_.now() >= paused_until_, "throttle_pause", *x.by,
            "a request is sent in the pause that a 429 asked for");
    if (x.by->not_before)
        require(world_.now() >= *x.by->not_before, "retry_after_503", *x.by,
                "sent again before the wait that a 503 asked for");
}

void checker::check_rate(const exchange& x)
{
    const double rate = plan_.settings.max_requests_per_second;
    if (rate == 0) return;
    const double passed = std::chrono::duration<double>(world_.now() - level_at_).count();
    level_ = std::max(0.0, level_ - passed * rate) + 1;
    level_at_ = world_.now();
    // The burst is what 10 ms allow.
    require(level_ <= 1 + 0.01 * rate + 1e-3, "rate_limit", *x.by, "more than max_requests_per_second");
}

// Credentials

void checker::check_key(const exchange& x)
{
    require(x.key >= newest_key_, "newest_credentials", *x.by,
            "key " + std::to_string(x.key) + " though " + std::to_string(newest_key_) + " was got before");
    const auto refusals = std::count_if(x.by->exchanges.begin(), x.by->exchanges.end(),
                                        [](const exchange* e) { return e->denied(); });
    require(refusals <= 1, "second_refusal_is_final", *x.by);
}

unsigned checker::on_provider_asked()
{
    world_.note("provider asked");
    if (asked_ && world_.now() < asked_at_ + plan_.settings.attempt_timeout)
        world_.violate("provider_single_flight", "asked while a question is open");
    if (newest_key_ != 0 && !key_refused_)
        world_.violate("provider_asked_for_a_reason", "nobody refused the credentials that there are");
    asked_ = true;
    asked_at_ = world_.now();
    return ++question_;
}

void checker::on_provider_answered(unsigned question, std::optional<unsigned> key)
{
    if (!asked_ || question != question_) return;
    if (world_.now() >= asked_at_ + plan_.settings.attempt_timeout) return; // too late
    asked_ = false;
    if (key) on_credentials(*key);
}

void checker::on_credentials(unsigned key)
{
    world_.note("credentials", key);
    newest_key_ = key;
    key_refused_ = false;
    asked_ = false;
}

// Order

void checker::check_order(const exchange& x)
{
    if (!plan_.settings.ordered_changes || !x.by->changes()) return;
    for (const caller* c : record_.active()) {
        if (c->number >= x.by->number || c->room != x.room || !c->changes() || !c->begun || c->over) continue;
        require(false, "room_order", *x.by, "a request is sent before the end of " + c->name());
    }
}

// Among the calls of which it is known when they asked for a connection, and that have had none yet.
void checker::check_turn_in_pool(const exchange& x)
{
    if (!x.by->asked || x.by->exchanges.size() != 1 || x.by->failed_before) return;
    for (const caller* c : record_.active()) {
        if (!c->begun || c->over || !c->asked || !c->exchanges.empty() || c->failed_before ||
            *c->asked >= *x.by->asked)
            continue;
        require(false, "fifo", *x.by, "gets a connection before " + c->name() + ", which asked sooner");
    }
}

// Repetition

void checker::check_repetition(const exchange& x)
{
    const caller& c = *x.by;
    if (x.looks) {
        require(c.policy.confirm_creates, "repetition", c, "a confirmation, though it is switched off");
        return;
    }
    if (c.kind == operation_kind::create_room) return check_create_again(x);
    if (c.policy.idempotent.contains(c.kind)) return;
    for (const exchange* before : c.exchanges)
        if (before != &x)
            require(!before->doubtful(), "repetition", c, "sent again after it may have been carried out");
}

void checker::check_create_again(const exchange& x)
{
    const caller& c = *x.by;
    const exchange* doubtful = nullptr;
    unsigned doubts = 0;
    for (const exchange* before : c.exchanges) {
        if (before == &x || before->looks || !before->doubtful()) continue;
        doubtful = before;
        ++doubts;
    }
    if (doubtful == nullptr) return;
    require(doubts == 1, "create_again", c, "a third time");
    const exchange* first = nullptr;
    const exchange* second = nullptr;
    for (const exchange* look : c.exchanges) {
        if (!look->looks || look->number < doubtful->number || !look->no_room_told()) continue;
        if (first == nullptr)
            first = look;
        else if (look->sent >= first->over_at + c.policy.settle_delay)
            second = look;
    }
    require(first != nullptr && second != nullptr, "create_again", c,
            "without two looks, settle_delay apart, that found nothing");
}

} // namespace watchers::rooms::sim
