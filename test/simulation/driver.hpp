// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "checker.hpp"
#include "model_server.hpp"
#include "network.hpp"
#include "plan.hpp"
#include "record.hpp"
#include "throwing_observer.hpp"
#include "world.hpp"

#include <watchers/rooms/config.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace watchers::rooms::detail {
class engine;
}

namespace watchers::rooms::sim {

struct outcome
{
    std::vector<violation> violations;
    std::uint64_t hash = 0;
    std::size_t calls = 0;
    std::size_t requests = 0;
};

// The callers of one client: they make calls, cancel them, drain the client, destroy it, or what it runs on.
class driver
{
public:
    driver(std::uint64_t seed, bool verbose);
    ~driver();

    outcome run();

private:
    class handler;
    class drain_handler;

    void plan_calls();
    void plan_service();
    void plan_ending();

    // Calls
    bool start_call(bool healthy = false);
    void draw_call(caller&, bool healthy);
    void draw_arguments(caller&);
    detail::call_request request_of(const caller&) const;
    call_options options_of(caller&, bool healthy);
    void start(caller&, const call_options&);
    void plan_cancellation(caller&);
    void cancel(caller&, boost::asio::cancellation_type);
    void on_handler(caller&, error_code, room);

    // Credentials
    void ask_for_credentials(const credential_reply&);
    void answer_question(unsigned question, const credential_reply&, bool fails);
    void set_credentials();

    // The end
    void drain();
    void stop();
    void abandon();
    void let_all_end();
    void show_health();
    void rest();
    void finish();

    static credentials credentials_of(unsigned key);

    world world_;
    plan plan_;
    record record_{world_};
    model_server server_{plan_};
    network network_{world_, plan_, record_, server_};
    std::shared_ptr<checker> checker_;
    std::shared_ptr<throwing_observer> observer_;
    std::shared_ptr<detail::engine> engine_;
    std::weak_ptr<detail::engine> engine_alive_;

    time_point last_start_;
    std::size_t chained_ = 0;
    bool stop_wanted_ = false; // by the next handler
    std::vector<credential_reply> held_replies_;
    unsigned drains_ = 0;
    unsigned drain_handlers_ = 0;
    boost::asio::cancellation_signal drain_signal_;
};

} // namespace watchers::rooms::sim
