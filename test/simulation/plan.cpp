// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace watchers::rooms::sim {

namespace {

using namespace std::chrono_literals;
using milliseconds = std::chrono::milliseconds;

milliseconds some(random_source& r, milliseconds least, milliseconds greatest)
{
    return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(r.spread(least, greatest)));
}

retry_policy draw_policy(random_source& r)
{
    if (r.one_in(8)) return retry_policy::none();
    retry_policy p;
    if (!r.one_in(3)) {
        p.unsent_attempts = r.between(1U, 6U);
        p.ambiguous_attempts = r.between(1U, 6U);
        p.throttled_attempts = r.between(1U, 6U);
    }
    p.backoff_base = some(r, 5ms, 300ms);
    p.backoff_cap = p.backoff_base * r.between(1, 50);
    static constexpr milliseconds waits[] = {0ms, 1s, 2s, 5s, 60s};
    p.max_retry_after = r.pick(waits);
    p.settle_delay = r.one_in(8) ? 0ms : some(r, 20ms, 1000ms);
    p.confirm_creates = !r.one_in(5);
    p.replay_on_dead_connection = !r.one_in(8);
    p.accept_missing_on_delete = r.one_in(6);
    static constexpr operation_kind kinds[] = {operation_kind::get_room, operation_kind::set_voice,
                                               operation_kind::set_status, operation_kind::delete_room};
    if (r.one_in(8)) p.idempotent.erase(r.pick(kinds));
    static constexpr unsigned budgets[] = {0, 5, 12, 25, 60, 500, 500, 500};
    p.budget = r.pick(budgets);
    return p;
}

config draw_config(random_source& r)
{
    config c{credentials("KEY-1", "TOKEN-1")};
    c.base_url = "https://rooms.example";
    c.retry = draw_policy(r);
    c.ordered_changes = !r.one_in(7);
    if (r.one_in(5)) c.max_requests_per_second = static_cast<double>(r.between(4, r.one_in(2) ? 60 : 2000));
    c.max_connections = r.between<std::size_t>(1, r.one_in(2) ? 3 : 8);
    static constexpr std::size_t waiting[] = {0, 2, 10};
    if (r.one_in(5)) c.max_waiting_calls = r.pick(waiting);
    if (r.one_in(4)) c.pool_timeout = some(r, 20ms, 5s);
    static constexpr milliseconds idle[] = {0ms, 100ms, 2s, 30s, 30s};
    c.idle_timeout = r.pick(idle);
    static constexpr milliseconds lifetimes[] = {0ms, 300ms, 3s, 600s, 600s};
    c.max_connection_lifetime = r.pick(lifetimes);
    c.timeout = some(r, 1s, 40s);
    c.attempt_timeout = some(r, 150ms, 5s);
    c.resolve_timeout = some(r, 150ms, 5s);
    c.connect_timeout = some(r, 150ms, 5s);
    c.connect_attempt_delay = some(r, 30ms, 300ms);
    c.tls_timeout = some(r, 150ms, 5s);
    return c;
}

troubles draw_troubles(random_source& r)
{
    troubles t;
    if (r.one_in(8)) return t;
    const double most = r.one_in(4) ? 0.35 : 0.08;
    for (double* p : {&t.lost,       &t.answer_lost,  &t.truncated,   &t.late,         &t.twice,
                      &t.slow,       &t.not_read,     &t.throttled,   &t.server_error, &t.odd_status,
                      &t.malformed,  &t.useless_body, &t.said_close,  &t.idle_close,   &t.refused,
                      &t.black_hole, &t.tls_failed,   &t.tls_stalled, &t.dns_failed,   &t.dns_stalled})
        if (r.one_in(2)) *p = r.unit() * most;
    return t;
}

// More calls than the service can serve, many of which have not the time to wait.
void overload(random_source& r, plan& p)
{
    config& c = p.settings;
    p.places = r.between<std::size_t>(1, 2 * c.max_connections);
    p.service_time = r.spread(30ms, 2s);
    const auto busy = p.service_time * static_cast<int>(1 + (c.max_connections - 1) / p.places);
    c.attempt_timeout = std::max(c.attempt_timeout, std::chrono::ceil<milliseconds>(3 * busy + 1s));
    p.calls = r.between<std::size_t>(200, 700);
    const double capacity = static_cast<double>(std::min(p.places, c.max_connections)) /
                            std::chrono::duration<double>(p.service_time).count();
    const double seconds = static_cast<double>(p.calls) / (capacity * (0.5 + 4 * r.unit()));
    p.span = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
    p.ending_at = r.moment(1us, p.span * 5 / 4);
    p.only_overload = r.one_in(2);
    if (!p.only_overload) return;
    p.trouble = {};
    p.restarts = p.key_changes = p.deaths = 0;
    p.disliked_room.clear();
    p.cancellations = 0;
    c.max_requests_per_second = 0;
    c.idle_timeout = 30s;
    c.max_connection_lifetime = 600s;
    p.only_gets = r.one_in(2);
    if (p.only_gets) p.rooms = 2 * p.calls;
}

// Half of the worlds know nothing of these.
void draw_later(random_source& r, plan& p)
{
    if (r.one_in(2)) return;
    troubles& t = p.trouble;
    const double most = r.one_in(4) ? 0.35 : 0.08;
    for (double* chance : {&t.copied_first, &t.web_page, &t.elsewhere, &t.encoded, &t.surplus, &t.dns_late})
        if (r.one_in(3)) *chance = r.unit() * most;
    p.settings.retry.confirm_conflicts = r.one_in(4);
    p.other_policy.confirm_conflicts = r.one_in(4);
    p.vendor = r.one_in(3);
    static constexpr plan::key_refusal refusals[] = {
        plan::key_refusal::status_401, plan::key_refusal::status_403, plan::key_refusal::no_project,
        plan::key_refusal::one_or_another};
    p.wrong_key = r.pick(refusals);
    if (r.one_in(4)) p.deaths = r.between<std::size_t>(1, 3);
    if (r.one_in(4)) p.observer_throws = r.unit() * 0.5;
    if (r.one_in(4)) p.short_attempts = r.unit() * 0.5;
    if (r.one_in(6)) p.disliked_room = "room-" + std::to_string(r.below(p.rooms));
    if (r.one_in(4)) overload(r, p);
}

} // namespace

plan plan::draw(random_source& r, random_source later)
{
    plan p{.settings = draw_config(r), .other_policy = draw_policy(r), .trouble = draw_troubles(r)};
    p.latency = r.spread(200us, 60ms);
    p.span = r.spread(300ms, 60s);
    p.calls = r.between<std::size_t>(15, r.one_in(3) ? 900 : 250);
    p.rooms = r.between<std::size_t>(2, r.one_in(3) ? 8 : 60);
    p.old_rooms = r.one_in(2);
    if (r.one_in(4)) p.restarts = r.between<std::size_t>(1, 3);
    if (r.one_in(3)) p.key_changes = r.between<std::size_t>(1, 3);
    p.tells_members = !r.one_in(6);
    p.duplicate_by_400 = r.one_in(3);
    if (r.one_in(2)) p.cancellations = r.unit() * 0.4;
    if (r.one_in(2)) p.chained_calls = r.unit() * 0.3;

    p.provider = r.one_in(3);
    if (p.provider && r.one_in(2)) p.settings.credentials = credentials();
    if (p.provider && r.one_in(3)) p.provider_fails = r.unit() * 0.5;
    if (p.provider && r.one_in(4)) p.provider_silent = r.unit() * 0.3;

    static constexpr finale finales[] = {finale::drain, finale::drain,       finale::stop,
                                         finale::stop,  finale::stop_inside, finale::abandon};
    if (r.one_in(2)) p.ending = r.pick(finales);
    p.ending_at = r.moment(1us, p.span * 5 / 4);
    p.drain_cancelled = r.one_in(4);
    draw_later(later, p);
    return p;
}

} // namespace watchers::rooms::sim
