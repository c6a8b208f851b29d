// SPDX-License-Identifier: BSL-1.0
#pragma once

// Faults of every kind of the sandbox's, at five requests in a hundred. None lies: what the server says it
// has done or refused, it has.

#include <watchers/rooms/sandbox.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace soak {

class script
{
public:
    script(watchers::rooms::sandbox::server& s, std::uint64_t seed) : server_(s), random_(seed) {}

    void inject()
    {
        using watchers::rooms::sandbox::fault;
        using watchers::rooms::sandbox::operation;
        using namespace std::chrono_literals;

        // Requests: a weight, and what happens
        add(3, fault::drop_before());
        add(3, fault::drop_after());
        add(1, fault::drop_after().close_notify(true));
        add(2, fault::reset_before());
        add(2, fault::reset_after());
        add(2, fault::reset_mid());
        add(2, fault::truncate());
        add(1, fault::truncate().cut(20));
        add(1, fault::garbage());
        add(1, fault::garbage().apply());
        add(1, fault::garbage_record());
        add(1, fault::garbage_record().apply());
        add(0.4, fault::stall());
        add(0.4, fault::stall().apply());
        add(0.4, fault::trickle(50ms));
        add(0.4, fault::trickle(1ms));
        add(1, fault::delay(20ms));
        add(1, fault::respond(500));
        add(1, fault::respond(502, "<html>down</html>").apply());
        add(1, fault::respond(503).field("Retry-After", "0"));
        add(0.3, fault::respond(503).field("Retry-After", "1"));
        add(0.3, fault::respond(503).field("Retry-After", "soon").apply());
        add(1, fault::respond(504).apply());
        add(0.3, fault::respond(501));
        add(0.5, fault::respond(408));
        add(0.5, fault::respond(408).apply());
        add(1, fault::respond(421));
        add(1, fault::respond(429));
        add(1, fault::respond(429).field("Retry-After", "0"));
        add(0.2, fault::respond(401));
        add(0.2, fault::respond(403, R"({"statusCode":403,"message":"The bearer token is not valid"})"));
        add(0.2, fault::respond(404, R"({"statusCode":404,"message":"Project not found"})"));
        add(0.2, fault::respond(200, "<html>Sign in</html>").field("Content-Type", "text/html"));
        add(0.2, fault::respond(400, R"({"message":"no"})"));
        add(0.2, fault::redirect("/elsewhere"));
        add(0.2, fault::raw("HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n"));
        add(0.2, fault::respond(500).field("X", std::string(9 * 1024, 'x')));
        add(0.3, fault::respond(200, "{").on(operation::get));
        add(0.3, fault::respond(200, "[]").on(operation::voice).apply());
        add(3, fault::close_after());
        add(3, fault::close_after().announce(false));
        add(1, fault::stray("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
        inject_weighted();

        // These hold up everything for a second.
        rarely(20'000, fault::respond(429).field("Retry-After", "1"));
        rarely(20'000, fault::respond(429)
                           .field("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
                           .field("Retry-After", "Sun, 06 Nov 1994 08:49:38 GMT"));

        // Connections
        every(60, fault::close_on_accept());
        every(60, fault::reset_on_accept());
        every(90, fault::garbage_handshake());
        every(90, fault::stall_handshake());
        every(60, fault::close_after_handshake());
        every(60, fault::reset_after_handshake());
        every(120, fault::stop_reading());
    }

private:
    using fault = watchers::rooms::sandbox::fault;

    void add(double weight, fault f) { weighted_.emplace_back(weight, std::move(f)); }

    void inject_weighted()
    {
        constexpr double share = 0.05;
        double sum = 0;
        for (const auto& w : weighted_)
            sum += w.first;
        for (auto& [weight, f] : weighted_)
            every(static_cast<std::uint64_t>(sum / weight / share), f);
    }

    void every(std::uint64_t period, fault f)
    {
        server_.inject(f.nth(1 + random_() % period).every(period).always());
    }

    void rarely(std::uint64_t period, fault f)
    {
        server_.inject(f.nth(1 + random_() % (period / 10)).every(period).always());
    }

    watchers::rooms::sandbox::server& server_;
    std::mt19937_64 random_;
    std::vector<std::pair<double, fault>> weighted_;
};

} // namespace soak
