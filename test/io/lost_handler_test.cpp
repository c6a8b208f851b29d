// SPDX-License-Identifier: BSL-1.0
// A handler whose completion cannot be queued for want of memory is destroyed. It may have owned the client,
// as a coroutine does: the client is then destroyed by what was at work in it.
#include "support/allocation_gate.hpp"
#include "support/retrying.hpp"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#ifndef WATCHERS_ROOMS_TEST_ALLOCATIONS_CANNOT_FAIL

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

// A client in the hands of the handlers of its calls.
class owned_client
{
public:
    explicit owned_client(const config& c) : r(c) {}

    void start(detail::call_request request)
    {
        if (gone) return;
        ++calls;
        handler h(*this);
        guarded([&] {
            const allocation_gate::counted counting;
            r.start(std::move(request), detail::room_handler(std::move(h)));
        });
    }

    void guarded(const std::function<void()>& f)
    {
        try {
            f();
        } catch (const std::bad_alloc&) {
            ++thrown;
        }
    }

    std::size_t calls = 0;
    std::size_t ended = 0; // called or lost
    std::size_t thrown = 0;
    bool gone = false;
    bool over = false;
    rig r;

private:
    class life
    {
    public:
        explicit life(owned_client& c) noexcept : client_(c) {}
        life(const life&) = delete;
        life& operator=(const life&) = delete;
        ~life()
        {
            const allocation_gate::uncounted guard;
            ++client_.ended;
            if (called || client_.over || std::exchange(client_.gone, true)) return;
            client_.r.stop();
            client_.r.forget_engine();
        }

        bool called = false;

    private:
        owned_client& client_;
    };

    class handler
    {
    public:
        explicit handler(owned_client& c) : life_(std::make_shared<life>(c)) {}
        void operator()(error_code, const room&) const { life_->called = true; }

    private:
        std::shared_ptr<life> life_;
    };
};

// Something that ends several calls without an answer of their own.
class blow
{
public:
    std::string_view name;
    std::function<config()> make_config;
    std::function<void(owned_client&)> strike;
};

void start_some(owned_client& c)
{
    c.start(detail::call_request::set_voice("r", true));
    c.start(detail::call_request::set_voice("r", false));
    c.start(detail::call_request::get("1"));
    c.start(detail::call_request::get("2"));
}

config of_one_connection()
{
    config c = retrying(1);
    c.retry.unsent_attempts = 1;
    c.retry.ambiguous_attempts = 1;
    c.retry.replay_on_dead_connection = false;
    return c;
}

const std::vector<blow> blows{
    {"connection refused", of_one_connection,
     [](owned_client& c) {
         c.guarded([&] { c.r.sim.resolved(); });
         for (std::size_t i = 0; i < c.r.sim.transports(); ++i)
             c.guarded([&] { c.r.transport(i).connected(boost::asio::error::connection_refused); });
     }},
    {"a limit on the rate, and the connection refused",
     [] {
         config c = of_one_connection();
         c.max_requests_per_second = 1000;
         return c;
     },
     [](owned_client& c) {
         for (int n = 0; n < 3; ++n) {
             c.guarded([&] { c.r.sim.resolved(); });
             for (std::size_t i = 0; i < c.r.sim.transports(); ++i)
                 c.guarded([&] { c.r.transport(i).connected(boost::asio::error::connection_refused); });
             c.guarded([&] { c.r.sim.advance(2ms); });
         }
     }},
    {"a long pause", of_one_connection,
     [](owned_client& c) {
         c.guarded([&] { c.r.open_all(); });
         if (c.r.sim.transports() > 0)
             c.guarded([&] { c.r.newest().answer(throttled("Retry-After: 3600\r\n")); });
     }},
    {"the connection lost", of_one_connection,
     [](owned_client& c) {
         c.guarded([&] { c.r.open_all(); });
         if (c.r.sim.transports() > 0 && !c.r.newest().is_closed()) c.guarded([&] { c.r.newest().reset(); });
     }},
    {"all deadlines", of_one_connection,
     [](owned_client& c) {
         c.guarded([&] { c.r.open_all(); });
         for (int i = 0; i < 4; ++i)
             c.guarded([&] { c.r.sim.advance(1h); });
     }},
    {"no place to wait",
     [] {
         config c = of_one_connection();
         c.max_waiting_calls = 0;
         return c;
     },
     [](owned_client& c) { c.guarded([&] { c.r.sim.poll(); }); }},
    {"no credentials",
     [] {
         config c = of_one_connection();
         c.credentials = credentials();
         c.credential_provider = [](const credential_reply& reply) { reply(errc::forbidden); };
         return c;
     },
     [](owned_client& c) {
         for (int i = 0; i < 4; ++i)
             c.guarded([&] { c.r.sim.poll(); });
     }},
};

} // namespace

TEST_CASE("lost_handler of_one_drain_touches_no_other")
{
    for (const bool destroyed : {false, true}) {
        CAPTURE(destroyed);
        for (std::size_t n = 1;; ++n) {
            CAPTURE(n);
            // Setup
            rig r(of_one_connection());
            call_record& call = r.voice("r", true);
            r.open_all();
            for (int i = 0; i < 3; ++i)
                r.drain();
            std::size_t thrown = 0;

            // Run
            allocation_gate::fail_at(n);
            try {
                if (destroyed) {
                    const allocation_gate::counted counting;
                    CHECK_NOTHROW(r.stop());
                } else {
                    r.newest().answer(ok());
                }
            } catch (const std::bad_alloc&) {
                ++thrown;
            }
            const bool over = allocation_gate::failed() == 0;
            allocation_gate::never_fail();
            r.sim.poll();

            // Check
            std::size_t lost = 0;
            for (const call_record& c : r.calls()) {
                CHECK_FALSE(c.handler_lives());
                lost += c.done() ? 0 : 1;
            }
            CHECK(lost <= (over ? 0 : 1));
            if (!destroyed) CHECK(call.done());
            if (!destroyed) CHECK(thrown >= lost);
            CHECK(r.sim.work() == 0);
            if (over) break;
            REQUIRE(n < 1000);
        }
    }
}

TEST_CASE("lost_handler takes_the_client_with_it")
{
    for (const blow& b : blows) {
        CAPTURE(b.name);
        for (const std::size_t more : {0U, 2U, 20U}) {
            CAPTURE(more);
            for (std::size_t n = 1;; ++n) {
                CAPTURE(n);
                // Setup
                owned_client c(b.make_config());

                // Run
                allocation_gate::fail_at(n, more);
                start_some(c);
                b.strike(c);
                const bool over = allocation_gate::failed() == 0;
                allocation_gate::never_fail();
                c.r.sim.poll();

                // Check
                CHECK((!c.gone || c.thrown > 0));
                if (!c.gone) c.r.stop();
                c.over = true;
                c.r.sim.poll();
                CHECK(c.ended == c.calls);
                CHECK(c.r.sim.work() == 0);
                if (over) break;
                REQUIRE(n < 1000);
            }
        }
    }
}

#endif
