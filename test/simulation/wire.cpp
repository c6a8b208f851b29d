// SPDX-License-Identifier: BSL-1.0
#include "network.hpp"

#include <utility>

namespace watchers::rooms::sim {

wire::~wire()
{
    if (stage_ != stage::closed && stage_ != stage::made)
        network_.world_.violate("transport", "a connection was let go without close()");
    --network_.wires_;
}

void wire::connect(const detail::endpoint& to)
{
    if (stage_ != stage::made || listener_ == nullptr) network_.world_.violate("transport", "connect()");
    stage_ = stage::connecting;
    ++network_.open_;
    network_.world_.note("connect", number_, to.port(), to.address().is_v6());
    network_.begin_connecting(*this);
}

void wire::secure()
{
    if (stage_ != stage::connected) network_.world_.violate("transport", "secure()");
    stage_ = stage::securing;
    network_.begin_securing(*this);
}

bool wire::send(std::string_view bytes)
{
    if (stage_ != stage::ready) network_.world_.violate("transport", "send() on what is not ready");
    if (under_way_ != nullptr)
        network_.world_.violate("one_exchange_at_a_time", "wire " + std::to_string(number_));
    if (last_exchange)
        network_.world_.violate("reuse",
                                "wire " + std::to_string(number_) + " was to serve no other request");
    exchange& x = network_.record_.sent(bytes);
    network_.world_.note("send", x.number, "on", number_, "by", x.by != nullptr ? x.by->name() : "nobody",
                         to_string(x.kind), x.room, "key", x.key);
    x.reused = exchanges++ > 0;
    x.death = death;
    network_.on_sent(x, *this);
    under_way_ = &x;
    ++network_.busy_;
    return network_.carry(*this, x);
}

void wire::close() noexcept
{
    if (stage_ == stage::closed) return;
    network_.world_.note("close", number_);
    finish_exchange(0);
    if (stage_ == stage::ready)
        --network_.ready_;
    else
        network_.unused_addresses_since_.reset(); // they may be no good
    if (stage_ != stage::made) --network_.open_;
    listener_ = nullptr;
    stage_ = stage::closed;
}

void wire::finish_exchange(unsigned status)
{
    exchange* const x = std::exchange(under_way_, nullptr);
    if (x == nullptr) return;
    --network_.busy_;
    x->over = true;
    x->over_at = network_.world_.now();
    x->status = status;
    idle_since = x->over_at;
    network_.on_over(*x);
    if (status != 0) {
        network_.world_.note("answer", x->number, "status", status);
        network_.on_answered(*x);
    }
}

template <class F>
void wire::deliver(F f)
{
    const auto self = shared_from_this();
    if (listener_ != nullptr) f(*listener_);
}

void wire::connected(error_code ec)
{
    if (stage_ != stage::connecting) return;
    network_.world_.note("connected", number_, ec.message());
    if (!ec) stage_ = stage::connected;
    deliver([&](listener& l) { l.on_connected(*this, ec); });
}

void wire::secured(error_code ec, error_code cause)
{
    if (stage_ != stage::securing) return;
    network_.world_.note("secured", number_, ec.message());
    if (!ec) {
        stage_ = stage::ready;
        ready_since = idle_since = network_.world_.now();
        ++network_.ready_;
    }
    deliver([&](listener& l) { l.on_secured(*this, ec, cause); });
}

void wire::data(std::string_view bytes)
{
    deliver([&](listener& l) { l.on_data(bytes); });
}

void wire::settled()
{
    deliver([](listener& l) { l.on_settled(); });
}

void wire::written()
{
    deliver([](listener& l) { l.on_written(); });
}

void wire::ended(error_code ec, bool clean)
{
    if (stage_ != stage::ready) return;
    network_.world_.note("ended", number_, ec.message(), clean);
    if (clean && status_at_end != 0) finish_exchange(status_at_end);
    deliver([&](listener& l) { l.on_closed(ec, clean); });
    if (stage_ != stage::closed)
        network_.world_.violate("transport", "a connection that ended was not closed");
}

} // namespace watchers::rooms::sim
