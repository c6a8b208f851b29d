// SPDX-License-Identifier: BSL-1.0
// What becomes of a request.
#include "network.hpp"

#include <utility>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

network::mishap network::draw_mishap()
{
    if (healthy_) return mishap::none;
    const troubles& t = plan_.trouble;
    double u = world_.random().unit();
    const std::pair<double, mishap> all[] = {
        {t.lost, mishap::lost},
        {t.answer_lost, mishap::answer_lost},
        {t.truncated, mishap::truncated},
        {t.late, mishap::late},
        {t.twice, mishap::twice},
        {t.slow, mishap::slow},
        {t.not_read, mishap::not_read},
        {t.throttled, mishap::throttled},
        {t.server_error, mishap::server_error},
        {t.odd_status, mishap::odd_status},
        {t.malformed, mishap::malformed},
        {t.useless_body, mishap::useless_body},
        {t.copied_first, mishap::copied_first},
        {t.web_page, mishap::web_page},
        {t.elsewhere, mishap::elsewhere},
        {t.encoded, mishap::encoded},
    };
    for (const auto& [probability, m] : all) {
        if (u < probability) return m;
        u -= probability;
    }
    return mishap::none;
}

network::mishap network::draw_mishap(const exchange& x)
{
    const mishap m = draw_mishap();
    return m == mishap::none && !healthy_ && x.room == plan_.disliked_room ? mishap::disliked : m;
}

// Returns whether the socket took all of it.
bool network::carry(wire& w, exchange& x)
{
    const wire_link link = w.weak_from_this();
    if (w.server_gone) return true;
    if (w.surplus) {
        carry_behind_surplus(link, x);
        return true;
    }
    const mishap m = draw_mishap(x);
    if (m != mishap::none) world_.note("mishap", x.number, static_cast<unsigned>(m));
    const duration there = latency();
    switch (m) {
    case mishap::lost: end(link, there + latency(), draw_ending()); return true;
    case mishap::answer_lost:
        world_.after(there, [this, link, &x] {
            serve_unheard(x);
            end(link, latency(), draw_ending());
        });
        return true;
    case mishap::late: carry_late(link, x); return true;
    case mishap::twice: carry_twice(link, x); return true;
    case mishap::copied_first: carry_copy_first(link, x); return true;
    case mishap::slow: carry_slowly(link, x); return true;
    case mishap::not_read: return carry_in_part(link, x);
    default: world_.after(there, [this, link, &x, m] { arrive(link, x, m); }); return true;
    }
}

// The network holds the request back until the client has most likely given up.
void network::carry_late(const wire_link& link, exchange& x)
{
    auto& r = world_.random();
    world_.after(r.moment(1ms, r.one_in(3) ? 20s : 2s), [this, &x] {
        world_.note("late", x.number);
        serve_unheard(x);
    });
    end(link, latency(), draw_ending());
}

// A proxy that does not know what it did.
void network::carry_twice(const wire_link& link, exchange& x)
{
    auto& r = world_.random();
    world_.after(latency(), [this, link, &x] {
        serve(link, x, world_.random().one_in(2) ? mishap::none : mishap::truncated);
    });
    world_.after(plan_.latency + r.moment(0us, r.one_in(3) ? 5s : 200ms), [this, &x] { serve_copy(x); });
}

// The same, and the original takes longer.
void network::carry_copy_first(const wire_link& link, exchange& x)
{
    const duration copy = latency();
    world_.after(copy, [this, &x] { serve_copy(x); });
    world_.after(copy + world_.random().moment(1us, 200ms),
                 [this, link, &x] { serve(link, x, mishap::none); });
}

void network::serve_copy(exchange& x)
{
    if (x.served && x.applied == 0) return; // what was refused is not tried again
    world_.note("again", x.number);
    x.copied_first = !x.served;
    serve_unheard(x);
}

// What comes first is the response to another request, of another room.
void network::carry_behind_surplus(const wire_link& link, exchange& x)
{
    world_.note("surplus", x.number);
    const duration there = latency();
    world_.after(there, [this, link, &x] {
        const auto t = link.lock();
        if (!t || t->at() != wire::stage::ready || t->under_way() != &x || t->death != 0) return;
        t->last_exchange = true;
        x.another_room = true;
        reply a{.body = server_.describe_another(x.room)};
        answer(*t, x, std::move(a), mishap::none);
    });
    if (world_.random().one_in(2)) world_.after(there, [this, &x] { serve_unheard(x); });
}

void network::carry_slowly(const wire_link& link, exchange& x)
{
    auto& r = world_.random();
    const duration limit = plan_.settings.attempt_timeout;
    const duration whole = r.one_in(3) ? limit : r.moment(limit / 2, limit * 3);
    world_.after(whole, [this, link, &x] { serve(link, x, mishap::none); });
}

// The socket takes no more than a part at first.
bool network::carry_in_part(const wire_link& link, exchange& x)
{
    auto& r = world_.random();
    if (r.one_in(3)) return false; // and never more: the service has not got the whole of it
    if (r.one_in(3)) {
        world_.after(latency(), [this, link, &x] { // refused before it was read
            if (const auto t = link.lock(); t && !t->server_gone && t->at() == wire::stage::ready) {
                t->last_exchange = true;
                answer(*t, x, {.status = 403, .body = "enough", .fields = "Connection: close\r\n"},
                       mishap::none);
            }
        });
        return false;
    }
    world_.after(r.moment(0us, 300ms), [this, link, &x] {
        const auto t = link.lock();
        if (!t || t->server_gone || t->at() != wire::stage::ready) return;
        t->written();
        world_.after(latency(), [this, link, &x] { serve(link, x, mishap::none); });
    });
    return false;
}

// A service that takes its time, and has so many places.
void network::arrive(const wire_link& link, exchange& x, mishap m)
{
    if (healthy_ || plan_.places == 0) return serve(link, x, m);
    arrivals_.push_back({link, &x, m});
    serve_waiting();
}

void network::serve_waiting()
{
    while (!arrivals_.empty() && (healthy_ || in_service_ < plan_.places)) {
        const arrival a = arrivals_.front();
        arrivals_.pop_front();
        ++in_service_;
        world_.after(healthy_ ? duration::zero() : plan_.service_time, [this, a] {
            --in_service_;
            serve(a.link, *a.request, a.what);
            serve_waiting();
        });
    }
}

// The request has arrived, and its turn.
void network::serve(const wire_link& link, exchange& x, mishap m)
{
    const auto t = link.lock();
    if (!t || t->at() != wire::stage::ready || t->server_gone || t->under_way() != &x) {
        // Nobody listens any more; what was read by then is carried out.
        if (world_.random().one_in(2)) serve_unheard(x);
        return;
    }
    if (m == mishap::malformed) return answer_malformed(*t, x);
    answer(*t, x, mishandle(x, m), m);
}

} // namespace watchers::rooms::sim
