// SPDX-License-Identifier: BSL-1.0
// Observers that throw.
#include "support/rig.hpp"

#include <watchers/rooms/observer.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace watchers::rooms;
using namespace watchers::rooms::test;
using rig = watchers::rooms::test::rig;

enum hook : unsigned
{
    call_starts = 1,
    attempt_ends = 2,
    retry_is_planned = 4,
    call_ends = 8,
    all_hooks = 15,
};

class throwing_observer final : public observer
{
public:
    explicit throwing_observer(unsigned hooks) noexcept : hooks_(hooks) {}

    void on_call_start(const call_start&) override { run(call_starts); }
    void on_attempt_end(const attempt_end&) override { run(attempt_ends); }
    void on_retry(const retry_planned&) override { run(retry_is_planned); }
    void on_call_end(const call_end&) override { run(call_ends); }

    unsigned thrown = 0;

private:
    void run(hook h)
    {
        if ((hooks_ & h) == 0) return;
        if (++thrown % 2 == 0) throw thrown; // not derived from std::exception
        throw std::runtime_error("of an observer");
    }

    unsigned hooks_;
};

} // namespace

// Row 76: whichever hook throws, each call completes once and the client goes on.
TEST_CASE("fault_76_exceptions_of_an_observer_are_swallowed_and_counted")
{
    for (const unsigned hooks :
         {0U + call_starts, 0U + attempt_ends, 0U + retry_is_planned, 0U + call_ends, 0U + all_hooks}) {
        CAPTURE(hooks);
        // Setup
        const auto o = std::make_shared<throwing_observer>(hooks);
        config c = with_connections(1);
        c.observer = o;
        c.retry = retry_policy();
        c.retry.backoff_base = 1ms;
        rig r(c);

        // Run
        call_record& retried = r.voice("r", true);
        call_record& waits_for_it = r.voice("r", false); // its turn in the room comes afterwards
        call_record& waits_for_connection = r.get("other");
        r.sim.resolved();
        r.transport(0).connected(boost::asio::error::connection_refused);
        r.sim.advance(1s);
        r.open_all();
        r.newest().answer(answer("503 Busy", ""));
        r.sim.advance(1s);
        for (int i = 0; i < 3; ++i)
            serve(r, r.newest());
        call_record& cancelled = r.get("cancelled");
        r.cancel(cancelled);
        call_record& stopped = r.get("stopped");
        r.stop();
        r.sim.poll();

        // Check
        CHECK(retried.ending() == success());
        CHECK(waits_for_it.ending() == success());
        CHECK(waits_for_connection.ending() == success(effect::none));
        CHECK(cancelled.error == errc::cancelled);
        CHECK(cancelled.handler_calls == 1);
        CHECK(stopped.error == errc::shutting_down);
        CHECK(stopped.handler_calls == 1);
        CHECK(o->thrown > 0);
        CHECK(r.stats().observer_exceptions == o->thrown);
        CHECK(r.stats().calls == 0);
        CHECK(r.sim.work() == 0);
        CHECK(r.sim.breaches() == "");
    }
}
