// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "model_server.hpp"
#include "plan.hpp"
#include "record.hpp"

#include <watchers/rooms/impl/io/environment.hpp>
#include <watchers/rooms/impl/io/transport.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sim {

class network;

// One connection. What comes from the other end is an event of its own, and is dropped where the client has
// closed.
class wire final : public detail::transport, public std::enable_shared_from_this<wire>
{
public:
    enum class stage : unsigned char
    {
        made,
        connecting,
        connected,
        securing,
        ready,
        closed,
    };

    wire(network& n, unsigned number) noexcept : network_(n), number_(number) {}
    ~wire() override;

    void listen(listener& l) noexcept override { listener_ = &l; }
    void connect(const detail::endpoint&) override;
    void secure() override;
    bool send(std::string_view) override;
    void close() noexcept override;
    bool resumed() const noexcept override { return number_ % 3 == 0; }
    bool quiet() noexcept override { return quiet_; }

    // From the other end
    void connected(error_code);
    void secured(error_code, error_code cause);
    void data(std::string_view);
    void settled();
    void written();
    void ended(error_code, bool clean);

    stage at() const noexcept { return stage_; }
    unsigned number() const noexcept { return number_; }

    // The answer under way was given whole, or the connection is gone without it.
    void finish_exchange(unsigned status);
    exchange* under_way() const noexcept { return under_way_; }

    time_point ready_since;
    time_point idle_since;
    unsigned status_at_end = 0; // of an answer that a clean end makes whole
    bool server_gone = false;   // nothing sent from now on is served; the end is under way
    unsigned death = 0;         // it swallows everything since then, and tells nothing
    unsigned exchanges = 0;     // begun
    bool surplus = false;       // another response is on its way, which nobody asked for
    bool last_exchange = false; // the answer said that there is to be no other request
    void set_loud() noexcept { quiet_ = false; }

private:
    template <class F>
    void deliver(F);

    network& network_;
    unsigned number_;
    listener* listener_ = nullptr;
    stage stage_ = stage::made;
    exchange* under_way_ = nullptr;
    bool quiet_ = true;
};

// How a connection ends, as the client sees it.
enum class ending : unsigned char
{
    reset,
    half_close, // the peer said so
    cut_off,    // it did not
    silence,    // not at all
};

// The environment of the engine: names, connections, and what goes wrong with them.
class network
{
public:
    network(world&, const plan&, record&, model_server&);
    ~network();

    std::unique_ptr<detail::environment> make_environment();

    // The service starts anew: no connection survives, and what was under way is carried out or not.
    void restart();
    // All connections die silently, as behind a NAT that forgets them.
    void die();
    // From now on nothing goes wrong.
    void heal();
    bool healthy() const noexcept { return healthy_; }

    // As of now
    std::size_t ready() const noexcept { return ready_; }
    std::size_t busy() const noexcept { return busy_; }
    std::size_t wires() const noexcept { return wires_; } // that anybody holds
    std::size_t open() const noexcept { return open_; }   // sockets
    bool resolving() const noexcept { return resolving_; }
    int work() const noexcept { return work_; }
    bool abandoned() const noexcept { return abandoned_; }

    // For the checks
    std::function<void(exchange&, const wire&)> on_sent;
    std::function<void(exchange&)> on_over;
    std::function<void(exchange&)> on_answered; // before the client is told

private:
    friend class wire;
    class mock_environment;
    using wire_link = std::weak_ptr<wire>;

    enum class mishap : unsigned char
    {
        none,
        lost,
        answer_lost,
        truncated,
        late,
        twice,
        slow,
        not_read,
        throttled,
        server_error,
        odd_status,
        malformed,
        useless_body,
        copied_first,
        web_page,
        elsewhere,
        encoded,
        disliked,
    };

    // Connections
    void begin_resolving();
    void begin_connecting(wire&);
    void begin_securing(wire&);
    void end(const wire_link&, duration, ending);
    void hang_up(wire&, duration);

    // Requests
    bool carry(wire&, exchange&);
    mishap draw_mishap();
    mishap draw_mishap(const exchange&);
    void carry_slowly(const wire_link&, exchange&);
    bool carry_in_part(const wire_link&, exchange&);
    void carry_late(const wire_link&, exchange&);
    void carry_twice(const wire_link&, exchange&);
    void carry_copy_first(const wire_link&, exchange&);
    void serve_copy(exchange&);
    void carry_behind_surplus(const wire_link&, exchange&);
    void arrive(const wire_link&, exchange&, mishap);
    void serve_waiting();
    void serve(const wire_link&, exchange&, mishap);
    void serve_unheard(exchange& x) { server_.serve_unheard(x); }

    // Answers
    reply mishandle(exchange&, mishap);
    void set_retry_after(reply&, exchange&);
    reply make_page(unsigned status);
    void answer(wire&, exchange&, reply, mishap);
    void answer_malformed(wire&, exchange&);
    void send_pieces(wire&, exchange&, std::string bytes, unsigned status, bool closes, bool until_end);
    void after_answer(wire&);
    std::string encode(const reply&, bool closes, bool& until_end);

    duration latency() { return world_.random().moment(std::chrono::microseconds(20), plan_.latency); }
    bool happens(double p) { return !healthy_ && p > 0 && world_.random().chance(p); }
    ending draw_ending();

    world& world_;
    const plan& plan_;
    record& record_;
    model_server& server_;
    std::weak_ptr<detail::environment::listener> listener_;
    std::vector<wire_link> links_;
    unsigned made_ = 0;
    unsigned deaths_ = 0;
    struct arrival
    {
        wire_link link;
        exchange* request;
        mishap what;
    };
    std::deque<arrival> arrivals_; // that the service has no place for
    std::size_t in_service_ = 0;
    std::size_t ready_ = 0;
    std::size_t busy_ = 0;
    std::size_t wires_ = 0;
    std::size_t open_ = 0;
    int work_ = 0;
    unsigned addresses_ = 2;
    bool resolving_ = false;
    std::optional<time_point> unused_addresses_since_;
    bool abandoned_ = false;
    bool healthy_ = false;
};

} // namespace watchers::rooms::sim
