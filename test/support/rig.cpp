// SPDX-License-Identifier: BSL-1.0
#include "rig.hpp"

#include "allocation_gate.hpp"

#include <watchers/rooms/impl/io/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>

#include <new>
#include <ostream>
#include <stdexcept>
#include <utility>

namespace watchers::rooms::test {

std::ostream& operator<<(std::ostream& out, const ending& e)
{
    if (e.handler_calls != 1) out << "(handler called " << e.handler_calls << " times) ";
    return out << (e.error ? e.error.message() : "success") << " | " << to_string(e.effect) << " | "
               << to_string(e.phase);
}

// The caller's handler: counts, and notices what must not be.
class rig::handler
{
public:
    handler(rig& r, call_record& c) : rig_(&r), record_(&c), life_(std::make_shared<int>())
    {
        c.handler = life_;
    }

    void operator()(error_code ec, room r) const
    {
        {
            const allocation_gate::uncounted guard;
            record_->room = std::move(r);
        }
        (*this)(ec);
    }

    void operator()(error_code ec) const
    {
        const allocation_gate::uncounted guard;
        ++record_->handler_calls;
        if (!record_->returned) record_->called_too_soon = true;
        record_->error = ec;
        record_->ended_at = rig_->sim.now();
        if (record_->then) std::exchange(record_->then, nullptr)();
    }

private:
    rig* rig_;
    call_record* record_;
    std::shared_ptr<int> life_;
};

config rig::plain_config()
{
    config c{credentials(api_key, token)};
    c.base_url = "https://rooms.example";
    c.retry = retry_policy::none();
    c.retry.replay_on_dead_connection = true;
    c.check_room_ids = false; // most tests answer every call with the same room
    return c;
}

rig::rig(const config& c, bool guarded_by_strand)
{
    sim.guarded_by_strand = guarded_by_strand;
    std::string why;
    if (why = check(c); !why.empty()) throw std::invalid_argument(why);
    const auto origin = detail::parse_origin(c.base_url, c.plain_http_to_loopback, why);
    engine_ = std::make_shared<detail::engine>(sim.make_environment(), c, *origin);
    engine_->open();
}

rig::~rig()
{
    allocation_gate::never_fail();
    if (engine_) engine_->stop();
    sim.poll();
    engine_.reset();
    sim.destroy_io(); // with the handlers that were not called
}

call_record& rig::new_record(std::string name)
{
    call_record& record = calls_.emplace_back();
    record.name = std::move(name);
    return record;
}

call_record& rig::start(std::string name, detail::call_request request, call_options options)
{
    const allocation_gate::uncounted guard;
    call_record& record = new_record(std::move(name));
    if (options.diagnostics() == nullptr) options.diagnostics(record.diagnostics);
    handler h(*this, record);
    try {
        const allocation_gate::counted counting;
        engine_->start(
            std::move(request), options,
            detail::room_handler(boost::asio::bind_cancellation_slot(record.signal.slot(), std::move(h))));
    } catch (const std::bad_alloc&) {
        record.threw = true;
    }
    record.returned = true;
    return record;
}

call_record& rig::get(std::string id, call_options o)
{
    return start("get " + id, detail::call_request::get(id), o);
}

call_record& rig::create(std::string id, call_options o)
{
    return start("create " + id, detail::call_request::create(new_room(id, "a name", "about it")), o);
}

call_record& rig::voice(std::string id, bool on, call_options o)
{
    return start("voice " + id, detail::call_request::set_voice(id, on), o);
}

call_record& rig::status(std::string id, room_status s, call_options o)
{
    return start("status " + id, detail::call_request::set_status(id, s), o);
}

call_record& rig::erase(std::string id, call_options o)
{
    return start("delete " + id, detail::call_request::erase(id), o);
}

call_record& rig::drain()
{
    const allocation_gate::uncounted guard;
    call_record& record = new_record("drain");
    handler h(*this, record);
    try {
        const allocation_gate::counted counting;
        engine_->drain(
            detail::drain_handler(boost::asio::bind_cancellation_slot(record.signal.slot(), std::move(h))));
    } catch (const std::bad_alloc&) {
        record.threw = true;
    }
    record.returned = true;
    return record;
}

void rig::start(detail::call_request request, detail::room_handler h)
{
    engine_->start(std::move(request), {}, std::move(h));
}

void rig::start_bulk(std::unique_ptr<detail::bulk_source> from, std::unique_ptr<detail::bulk_sink> to,
                     bulk_options o, detail::bulk_handler h)
{
    detail::start_bulk(engine_, std::move(from), std::move(to), std::move(o), std::move(h));
}

void rig::stop() { engine_->stop(); }

void rig::abandon() { engine_->abandon(); }

void rig::set_credentials(const credentials& c) { engine_->set_credentials(c); }

void rig::cancel(call_record& c, boost::asio::cancellation_type t)
{
    c.signal.emit(t);
    sim.poll();
}

void rig::forget_engine() { engine_.reset(); }

stats rig::stats() const { return engine_->totals(); }

void rig::open_all()
{
    sim.resolved();
    for (std::size_t i = 0; i < sim.transports(); ++i) {
        if (transport(i).at() == scripted_transport::stage::connecting) transport(i).connected();
        if (transport(i).at() == scripted_transport::stage::securing) transport(i).secured();
    }
    sim.poll();
}

scripted_transport& rig::warm_up()
{
    const call_record& first = get("warm-up");
    open_all();
    newest().answer(ok());
    sim.poll();
    if (!first.done() || first.error) throw std::logic_error("the warm-up call failed");
    return newest();
}

std::string answer(std::string_view status_line_tail, std::string_view body, std::string_view fields)
{
    std::string text("HTTP/1.1 ");
    text.append(status_line_tail).append("\r\n").append(fields);
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    return text.append(body);
}

} // namespace watchers::rooms::test
