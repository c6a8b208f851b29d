// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "allocation_gate.hpp"
#include "retrying.hpp"

#include <watchers/rooms/observer.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::test {

class counting_observer final : public observer
{
public:
    void on_call_start(const call_start&) override { ++starts; }
    void on_call_end(const call_end&) override { ++ends; }

    std::size_t starts = 0;
    std::size_t ends = 0;
};

// What a request asks for: "create found", "get found".
inline std::string subject(const std::string& request)
{
    const auto between = [&](std::string_view before, char after) {
        const auto begin = request.find(before) + before.size();
        return request.substr(begin, request.find(after, begin) - begin);
    };
    if (request.starts_with("GET ")) return "get " + between("/external/room/", ' ');
    if (request.starts_with("DELETE ")) return "delete " + between("/external/room/", ' ');
    const std::string id = between("\"roomId\":\"", '"');
    if (request.starts_with("POST /external/room/speak")) return "voice " + id;
    if (request.starts_with("POST /external/room/status")) return "status " + id;
    return "create " + id;
}

// With all that calls go through after a first failure, and the network that serves it one event at a time.
// Between an event and what it posted to the executor there is a step, too.
class retry_scenario
{
public:
    explicit retry_scenario(bool guarded_by_strand = false)
        : watcher(std::make_shared<counting_observer>())
        , r(make_config(), guarded_by_strand)
    {
        r.sim.next_random = 30'000'000; // of each wait of 100 ms
    }

    void begin()
    {
        r.create("found");
        r.voice("busy", true);
        r.status("busy", room_status::live);
        r.erase("busy");
        r.create("lost").then = [this] { r.erase("lost"); };
        r.get("throttled");
        r.get("refused").then = [this] { r.voice("later", false); };
        posted_ = true;
    }

    // @returns whether anything happened.
    bool step()
    {
        if (std::exchange(posted_, false)) return guarded([this] { r.sim.poll(); });
        posted_ = true;
        if (!questions.empty()) return guarded([this] { reply(); });
        if (r.sim.resolving()) return guarded([this] { r.sim.resolved(); });
        if (scripted_transport* t = next_transport()) return guarded([&] { serve(*t); });
        posted_ = false;
        if (all_done()) return false;
        if (!r.sim.alarm()) {
            if (thrown == woken_) return false;
            woken_ = thrown;
            return guarded([this] { r.sim.wake_early(); });
        }
        return guarded([this] { r.sim.advance(*r.sim.alarm() - r.sim.now()); });
    }

    void run_to_end()
    {
        std::size_t steps = 0;
        posted_ = true;
        while (step())
            REQUIRE(++steps < 2000);
    }

    void break_all(bool hard)
    {
        posted_ = true;
        if (r.sim.resolving()) r.sim.resolved(boost::asio::error::host_not_found_try_again, {});
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport(i);
            if (t.at() == scripted_transport::stage::connecting)
                t.connected(boost::asio::error::connection_refused);
            else if (t.at() == scripted_transport::stage::securing)
                t.secured(errc::connection_lost, boost::asio::error::connection_reset);
            else if (t.at() == scripted_transport::stage::ready)
                hard ? t.reset() : t.half_close();
        }
    }

    bool all_done()
    {
        return std::all_of(r.calls().begin(), r.calls().end(),
                           [](const call_record& c) { return c.done() || !c.handler_lives(); });
    }

    // Whether a request of the call may have been carried out: all that were not answered by a refusal.
    bool in_doubt(const std::string& name)
    {
        std::size_t sent = 0;
        for (std::size_t i = 0; i < r.sim.transports(); ++i)
            for (const std::string& request : r.transport(i).requests())
                sent += subject(request) == name ? 1 : 0;
        return sent > refused_[name];
    }

    std::shared_ptr<counting_observer> watcher;
    std::vector<credential_reply> questions;
    std::size_t thrown = 0; // std::bad_alloc out of the library, other than from initiating functions
    rig r;

private:
    config make_config()
    {
        config c = retrying(2);
        c.credentials = credentials();
        c.credential_provider = [this](credential_reply q) {
            const allocation_gate::uncounted guard;
            questions.push_back(std::move(q));
        };
        c.max_requests_per_second = 200;
        c.observer = watcher;
        return c;
    }

    bool guarded(const std::function<void()>& f)
    {
        try {
            f();
        } catch (const std::bad_alloc&) {
            ++thrown;
            posted_ = true;
        }
        return true;
    }

    // The credentials are good for some requests only.
    void reply()
    {
        const credential_reply q = std::move(questions.back());
        questions.pop_back();
        accepted_ = 8;
        const credentials good("KEY", "TOKEN-" + std::to_string(++asked_));
        const allocation_gate::counted counting;
        q(good);
    }

    static bool has_event(const scripted_transport& t)
    {
        return t.at() == scripted_transport::stage::connecting ||
               t.at() == scripted_transport::stage::securing ||
               (t.at() == scripted_transport::stage::ready && t.answered < t.requests().size());
    }

    scripted_transport* next_transport()
    {
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport((turn_ + i) % r.sim.transports());
            if (has_event(t)) return &t;
        }
        return nullptr;
    }

    void refuse(scripted_transport& t, const std::string& what, const std::string& bytes)
    {
        ++refused_[what];
        t.answer(bytes);
    }

    void serve(scripted_transport& t)
    {
        ++turn_;
        if (t.at() == scripted_transport::stage::connecting)
            return t.connected(++connects_ == 2 ? boost::asio::error::connection_refused : error_code());
        if (t.at() == scripted_transport::stage::securing) return t.secured();
        ++t.answered;
        const std::string what = subject(t.requests().back());
        if (accepted_ == 0) return refuse(t, what, unauthorized());
        --accepted_;
        const std::size_t n = ++seen_[what];
        if (what == "create found" && n == 1) return t.answer(unavailable());
        if (what == "get found") return t.answer(n == 1 ? unavailable() : created("found"));
        if (what == "create lost" && n == 1) return t.reset();
        if (what == "get lost") return t.answer(not_there());
        if (what == "voice busy" && n <= 2) return n == 1 ? t.answer(unavailable()) : t.cut_off();
        if (what == "delete busy" && n == 1) return refuse(t, what, throttled());
        if (what == "get throttled" && n == 1) return refuse(t, what, throttled("Retry-After: 1\r\n"));
        t.answer(ok());
    }

    std::map<std::string, std::size_t> seen_;
    std::map<std::string, std::size_t> refused_;
    std::size_t accepted_ = 0;
    std::size_t asked_ = 0;
    std::size_t connects_ = 0;
    std::size_t turn_ = 0;
    std::size_t woken_ = 0;
    bool posted_ = false;
};

} // namespace watchers::rooms::test
