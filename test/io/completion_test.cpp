// SPDX-License-Identifier: BSL-1.0
// Where and when a handler runs.
#include "support/rig.hpp"

#include <doctest/doctest.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <string>

namespace {

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::call_request;
using rig = watchers::rooms::test::rig;

// How often it was called, and what its executor said then.
template <class Executor>
class probe
{
public:
    explicit probe(Executor e) : executor(e) {}

    detail::room_handler handler()
    {
        return detail::room_handler(boost::asio::bind_executor(executor, [this](error_code ec, const room&) {
            ++calls;
            error = ec;
            on_its_executor = executor.running_in_this_thread();
        }));
    }

    Executor executor;
    int calls = 0;
    error_code error;
    bool on_its_executor = false;
};

} // namespace

TEST_CASE("completion on_the_handler's_own_executor")
{
    // Setup
    rig r;
    boost::asio::io_context other;
    probe p(other.get_executor());
    r.start(call_request::get("r"), p.handler());
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped()); // it is to wait for the handler
    r.open_all();

    // Run
    r.transport(0).answer(ok());
    r.sim.poll();

    // Check
    CHECK(p.calls == 0);
    CHECK(r.stats().calls == 0);
    CHECK(r.stats().idle_connections == 1);
    other.poll();
    CHECK(p.calls == 1);
    CHECK(p.on_its_executor);
    CHECK_FALSE(p.error);
    other.poll();
    CHECK(other.stopped());
}

TEST_CASE("completion of_a_refused_call_on_the_handler's_own_executor")
{
    rig r;
    boost::asio::io_context other;
    probe p(other.get_executor());

    r.start(call_request::get(""), p.handler());
    CHECK(p.calls == 0);
    r.sim.poll();
    CHECK(p.calls == 0);
    other.poll();

    CHECK(p.calls == 1);
    CHECK(p.error == errc::invalid_argument);
}

TEST_CASE("completion on_a_strand_of_the_client's_context")
{
    rig r;
    probe p(boost::asio::make_strand(r.sim.io()));
    r.start(call_request::get("r"), p.handler());
    r.open_all();
    r.transport(0).answer(ok());
    r.sim.poll();
    CHECK(p.calls == 1);
    CHECK(p.on_its_executor);
    CHECK(r.sim.io().stopped());
}

TEST_CASE("completion at_once_where_the_executor_is_the_client's")
{
    // Setup: known as it is, or wrapped as coroutines do.
    rig r;
    int calls = 0;
    const auto count = [&calls](error_code, const room&) { ++calls; };
    const boost::asio::any_io_executor wrapped = r.sim.io().get_executor();
    r.start(call_request::get("1"), detail::room_handler(boost::asio::bind_executor(wrapped, count)));
    r.start(call_request::get("2"),
            detail::room_handler(boost::asio::bind_executor(r.sim.io().get_executor(), count)));
    r.start(call_request::get("3"), detail::room_handler(count));
    r.open_all();

    // Run, Check
    for (std::size_t i = 0; i < 3; ++i) {
        r.transport(i).answer(ok());
        CHECK(calls == static_cast<int>(i) + 1); // without the executor's help
    }
}

TEST_CASE("completion never_on_the_strand_that_guards_the_client")
{
    // Setup
    rig r(rig::plain_config(), true);
    call_record& call = r.get("1");
    call_record& refused = r.get("");
    r.open_all();

    // Run, Check
    r.transport(0).answer(ok());
    CHECK_FALSE(call.done());
    r.sim.poll();
    CHECK(call.ending() == success(effect::none));
    CHECK(refused.error == errc::invalid_argument);
    CHECK(r.sim.io().stopped());

    // Cancellation comes by way of the strand.
    call_record& cancelled = r.get("2");
    r.cancel(cancelled);
    CHECK(cancelled.error == errc::cancelled);
}

TEST_CASE("completion handler_destroyed_with_its_executor")
{
    // The client goes on when the context that handlers run on is gone.
    rig r;
    {
        boost::asio::io_context other;
        probe p(other.get_executor());
        r.start(call_request::get("r"), p.handler());
        r.open_all();
        r.transport(0).answer(ok());
        r.sim.poll();
    }
    call_record& next = r.get("r");
    r.transport(0).answer(ok());
    CHECK(next.ending() == success(effect::none));
}
