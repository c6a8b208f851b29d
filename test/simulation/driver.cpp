// SPDX-License-Identifier: BSL-1.0
#include "driver.hpp"

#include <watchers/rooms/impl/io/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;
using boost::asio::cancellation_type;

class driver::handler
{
public:
    handler(driver& d, caller& c) : driver_(&d), caller_(&c), life_(std::make_shared<int>())
    {
        c.handler = life_;
    }

    void operator()(error_code ec, room r) const
    {
        const auto life = life_;
        driver_->on_handler(*caller_, ec, std::move(r));
    }

private:
    driver* driver_;
    caller* caller_;
    std::shared_ptr<int> life_;
};

driver::driver(std::uint64_t seed, bool verbose)
    : world_(seed, verbose)
    , plan_(plan::draw(world_.random(), random_source(~seed)))
    , checker_(std::make_shared<checker>(world_, plan_, record_, network_, server_))
{
    observer_ = std::make_shared<throwing_observer>(world_, *checker_, plan_.observer_throws);
    plan_.settings.observer = observer_;
    if (plan_.provider)
        plan_.settings.credential_provider = [this](const credential_reply& r) { ask_for_credentials(r); };
    if (const std::string why = check(plan_.settings); !why.empty()) throw std::logic_error(why);
    std::string why;
    const auto origin = detail::parse_origin(plan_.settings.base_url, false, why);
    engine_ = std::make_shared<detail::engine>(network_.make_environment(), plan_.settings, *origin);
    engine_->open();
    engine_alive_ = engine_;
    world_.after_step = [this] {
        if (engine_) checker_->on_step(engine_->totals(), observer_->thrown());
    };
    world_.note("plan", "calls", plan_.calls, "rooms", plan_.rooms, "connections",
                plan_.settings.max_connections, "ordered", plan_.settings.ordered_changes, "rate",
                static_cast<unsigned>(plan_.settings.max_requests_per_second), "attempt_timeout",
                plan_.settings.attempt_timeout.count(), "budget", plan_.settings.retry.budget, "provider",
                plan_.provider, "ending", static_cast<unsigned>(plan_.ending));
}

driver::~driver()
{
    // What has not been called is destroyed with its queue, while what it refers to is there.
    engine_.reset();
    held_replies_.clear();
    world_.destroy_io();
}

outcome driver::run()
{
    plan_calls();
    plan_service();
    plan_ending();
    let_all_end();
    show_health();
    rest();
    finish();
    return {world_.violations(), world_.hash(), record_.callers().size(), record_.exchanges().size()};
}

void driver::plan_calls()
{
    auto& r = world_.random();
    time_point burst = world_.now();
    for (std::size_t i = 0; i < plan_.calls; ++i) {
        if (r.one_in(3)) burst = world_.now() + r.moment(0us, plan_.span);
        const time_point when = r.one_in(2) ? burst : world_.now() + r.moment(0us, plan_.span);
        last_start_ = std::max(last_start_, when);
        world_.at(when, [this] { start_call(); });
    }
}

void driver::plan_service()
{
    auto& r = world_.random();
    for (std::size_t i = 0; plan_.old_rooms && i < plan_.rooms; i += 2)
        server_.add_old("room-" + std::to_string(i));
    for (std::size_t i = 0; i < plan_.restarts; ++i)
        world_.after(r.moment(0us, plan_.span), [this] { network_.restart(); });
    for (std::size_t i = 0; i < plan_.deaths; ++i)
        world_.after(r.moment(0us, plan_.span), [this] { network_.die(); });
    for (std::size_t i = 0; i < plan_.key_changes; ++i)
        world_.after(r.moment(0us, plan_.span), [this] {
            if (network_.healthy()) return;
            server_.change_key();
            world_.note("key changed", server_.key());
            if (world_.random().one_in(plan_.provider ? 2 : 4)) return;
            world_.after(world_.random().moment(0us, 300ms), [this] { set_credentials(); });
        });
}

// Calls

bool driver::start_call(bool healthy)
{
    if (!engine_) return false;
    caller drawn;
    for (int attempt = 0; attempt < 6; ++attempt) {
        draw_call(drawn, healthy);
        if (!record_.distinct(drawn, plan_.settings.ordered_changes)) continue;
        caller& c = record_.new_caller();
        c.kind = drawn.kind;
        c.room = drawn.room;
        c.voice = drawn.voice;
        c.status = drawn.status;
        draw_arguments(c);
        start(c, options_of(c, healthy));
        if (!healthy && world_.random().chance(plan_.cancellations)) plan_cancellation(c);
        return true;
    }
    return false;
}

void driver::draw_call(caller& c, bool healthy)
{
    auto& r = world_.random();
    using enum operation_kind;
    static constexpr operation_kind kinds[] = {create_room, create_room, create_room, get_room,   set_voice,
                                               set_voice,   set_status,  set_status,  delete_room};
    c.kind = r.pick(kinds);
    if (plan_.only_gets && !healthy) c.kind = get_room;
    c.room = "room-" + std::to_string(r.below(healthy ? 200 : plan_.rooms));
    c.voice = r.one_in(2);
    static constexpr room_status all[] = {room_status::live, room_status::soon, room_status::ended,
                                          room_status::disabled};
    c.status = r.pick(all);
}

void driver::draw_arguments(caller& c)
{
    auto& r = world_.random();
    if (c.kind != operation_kind::create_room) return;
    c.wanted.emplace(c.room, r.one_in(3) ? "another name" : "a name", "about it");
    c.wanted->voice(r.one_in(4));
    c.wanted->source_url("call-" + std::to_string(c.number)); // by which the service's record knows it
}

detail::call_request driver::request_of(const caller& c) const
{
    using detail::call_request;
    switch (c.kind) {
    case operation_kind::create_room: return call_request::create(*c.wanted);
    case operation_kind::get_room: return call_request::get(c.room);
    case operation_kind::set_voice: return call_request::set_voice(c.room, c.voice);
    case operation_kind::set_status: return call_request::set_status(c.room, c.status);
    case operation_kind::delete_room: break;
    }
    return call_request::erase(c.room);
}

call_options driver::options_of(caller& c, bool healthy)
{
    auto& r = world_.random();
    using milliseconds = std::chrono::milliseconds;
    call_options o(c.diagnostics);
    milliseconds timeout = plan_.settings.timeout;
    if (healthy) {
        timeout = 30s;
        if (checker_->paused_until() > world_.now())
            timeout += std::chrono::ceil<milliseconds>(checker_->paused_until() - world_.now());
        o.timeout(timeout);
    } else if (plan_.places != 0) {
        timeout = std::chrono::ceil<milliseconds>(r.spread(plan_.service_time / 2, plan_.service_time * 8));
        o.timeout(timeout);
    } else if (!r.one_in(3)) {
        timeout =
            std::chrono::duration_cast<milliseconds>(r.one_in(3) ? r.spread(1ms, 20s) : r.moment(1s, 40s));
        if (r.one_in(50)) timeout = milliseconds(r.between(-1, 0));
        o.timeout(timeout);
    }
    c.policy = plan_.settings.retry;
    if (r.one_in(8)) o.retry(c.policy = plan_.other_policy);
    c.attempt_timeout = plan_.settings.attempt_timeout;
    if (!healthy && plan_.short_attempts > 0 && r.chance(plan_.short_attempts)) {
        const auto limit = std::chrono::ceil<milliseconds>(r.spread(100ms, 3s));
        o.attempt_timeout(limit);
        c.attempt_timeout = limit;
    }
    c.expired = timeout.count() <= 0;
    c.started = world_.now();
    c.deadline = c.started + timeout;
    return o;
}

void driver::start(caller& c, const call_options& o)
{
    world_.note("start", c.name(), (c.deadline - c.started).count());
    record_.active().push_back(&c);
    checker_->on_start(c);
    engine_->start(
        request_of(c), o,
        detail::room_handler(boost::asio::bind_cancellation_slot(c.signal.slot(), handler(*this, c))));
    checker_->on_started(c);
}

void driver::plan_cancellation(caller& c)
{
    auto& r = world_.random();
    static constexpr cancellation_type types[] = {cancellation_type::terminal, cancellation_type::partial,
                                                  cancellation_type::total, cancellation_type::total};
    const auto type = r.pick(types);
    if (r.one_in(8)) return cancel(c, type); // before anything
    world_.after(r.spread(1us, 4s), [this, &c, type] { cancel(c, type); });
}

void driver::cancel(caller& c, cancellation_type type)
{
    if (c.done()) return;
    checker_->on_cancel(c, type == cancellation_type::total);
    c.signal.emit(type);
}

void driver::on_handler(caller& c, error_code ec, room r)
{
    ++c.handler_calls;
    c.ended = world_.now();
    c.error = ec;
    c.told = std::move(r);
    checker_->on_handler(c);
    record_.ended(c);

    auto& random = world_.random();
    if (std::exchange(stop_wanted_, false)) return stop();
    if (network_.healthy() || chained_ > 200 || world_.now() > last_start_) return;
    if (!random.chance(plan_.chained_calls)) return;
    ++chained_;
    if (random.one_in(5) && !record_.active().empty())
        return cancel(*record_.active()[random.index(record_.active().size())], cancellation_type::terminal);
    start_call();
}

// Credentials

credentials driver::credentials_of(unsigned key)
{
    return {"KEY-" + std::to_string(key), "TOKEN-" + std::to_string(key)};
}

void driver::set_credentials()
{
    if (!engine_) return;
    world_.drain_io(); // a question that is under way reaches the provider first
    if (!engine_) return;
    engine_->set_credentials(credentials_of(server_.key()));
    checker_->on_credentials(server_.key());
}

void driver::ask_for_credentials(const credential_reply& reply)
{
    const unsigned question = checker_->on_provider_asked();
    auto& r = world_.random();
    if (!network_.healthy() && r.chance(plan_.provider_silent)) {
        if (r.one_in(2)) return held_replies_.push_back(reply); // never
        boost::asio::post(world_.io(),
                          [this, question] { checker_->on_provider_answered(question, std::nullopt); });
        return; // and the question dies here
    }
    const bool fails = !network_.healthy() && r.chance(plan_.provider_fails);
    if (r.one_in(4)) return answer_question(question, reply, fails);
    const duration takes = network_.healthy() ? duration(1ms) : r.spread(1us, 3s);
    world_.after(takes, [this, question, reply, fails] { answer_question(question, reply, fails); });
}

void driver::answer_question(unsigned question, const credential_reply& reply, bool fails)
{
    const unsigned key = server_.key();
    if (fails)
        reply(boost::asio::error::access_denied);
    else
        reply(credentials_of(key));
    if (!world_.has_io()) return;
    boost::asio::post(world_.io(), [this, question, key, fails] {
        checker_->on_provider_answered(question, fails ? std::nullopt : std::optional<unsigned>(key));
    });
}

} // namespace watchers::rooms::sim
