// SPDX-License-Identifier: BSL-1.0

// Bulk runs whose service is gone, and sources and callbacks that throw at the end.

#include "support/bulk_rig.hpp"
#include "support/retrying.hpp"

#include <watchers/rooms/impl/sansio/reach_rules.hpp>

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;
using detail::reach_rules;

TEST_CASE("fault_81 which_ends_say_that_the_service_is_gone")
{
    using sign = reach_rules::sign;
    const auto judge = [](error_code ec, error_code before = {}, phase p = phase::wait, unsigned status = 0) {
        return reach_rules::judge(
            ec, diagnostics().set_last_failure(before).set_phase(p).set_http_status(status));
    };
    for (const errc e : {errc::resolve_failed, errc::connect_failed, errc::connect_timeout, errc::tls_timeout,
                         errc::connection_lost, errc::write_timeout, errc::response_timeout}) {
        CAPTURE(error_code(e).message());
        CHECK(judge(e) == sign::unreached);
        CHECK(judge(e, {}, phase::wait, 503) == sign::reached);
        CHECK(judge(errc::deadline_exceeded, e, phase::backoff) == sign::unreached);
        CHECK(judge(errc::outcome_unknown, e, phase::confirm) == sign::unreached);
    }
    for (const errc e : {errc::truncated_response, errc::malformed_response, errc::not_found,
                         errc::rate_limited, errc::server_error}) {
        CAPTURE(error_code(e).message());
        CHECK(judge(e) == sign::reached);
        CHECK(judge(errc::deadline_exceeded, e, phase::backoff) == sign::reached);
    }
    for (const errc e : {errc::stopped, errc::skipped_after_failure, errc::cancelled, errc::invalid_argument,
                         errc::pool_timeout, errc::pool_full, errc::resource_exhausted})
        CHECK(judge(e) == sign::neither);
    CHECK(judge({}) == sign::reached);
    CHECK(judge(errc::deadline_exceeded, {}, phase::connect) == sign::unreached);
    CHECK(judge(errc::deadline_exceeded, {}, phase::queue) == sign::neither);
}

TEST_CASE("fault_81 a_run_stops_when_so_many_in_a_row_were_not_reached")
{
    // Setup
    bulk_rig b(with_connections(1));
    diagnostics d;
    bulk_options o;
    o.max_in_flight = 1;
    o.retry = retry_policy::none();
    o.stop_on = bulk_stop::never().or_unreachable(3);
    o.diagnostics = &d;
    std::vector<operation> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(operation::get("room-" + std::to_string(i)));
    b.start(all, o);
    b.r.sim.poll();

    // Run
    for (int i = 0; i < 300 && b.ended == 0; ++i) {
        if (b.r.sim.resolving()) b.r.sim.resolved();
        for (std::size_t t = 0; t < b.r.sim.transports(); ++t)
            if (b.r.transport(t).at() == scripted_transport::stage::connecting)
                b.r.transport(t).connected(boost::asio::error::connection_refused);
        b.r.sim.poll();
    }

    // Check
    CHECK(b.ended == 1);
    CHECK(b.error == errc::stopped);
    CHECK(b.summary.failed == 3);
    CHECK(b.summary.operations == b.results.size());
    CHECK(b.summary.operations == b.summary.failed + b.summary.stopped);
    CHECK(d.note().starts_with("3 operations in a row did not reach the service"));
}

TEST_CASE("fault_81 rules_can_be_joined")
{
    const bulk_stop both = bulk_stop::above(0.1, 10).or_unreachable(20);
    CHECK(both.reached(10, 2));
    CHECK_FALSE(both.reached(10, 1));
    CHECK(both.unreached(20));
    CHECK_FALSE(both.unreached(19));
    CHECK_FALSE(bulk_stop::never().unreached(1'000'000));
    CHECK_FALSE(bulk_stop::unreachable(0).unreached(1'000'000));
    CHECK(bulk_stop::unreachable(5).or_above(0.5, 1).reached(1, 1));
    CHECK(bulk_stop::unreachable(5).or_first_failure().reached(9, 1));
}

TEST_CASE("fault_76 an_operation_whose_range_throws_behind_it_is_not_lost")
{
    // Setup: ++ on the last iterator throws.
    int moved = 0;
    auto counted = std::views::iota(0) | std::views::transform([&moved](int i) {
                       if (i == 3) throw std::runtime_error("no more");
                       ++moved;
                       return operation::get("room-" + std::to_string(i));
                   });
    bulk_rig b(with_connections(2));
    diagnostics d;
    bulk_options o;
    o.diagnostics = &d;

    // Run
    b.start(counted, o);
    b.serve_all();

    // Check
    CHECK(b.ended == 1);
    CHECK(b.error == errc::callback_failed);
    CHECK(d.message() == "no more");
    CHECK(moved == 3);
    CHECK(b.results.size() == 3);
    CHECK(b.summary.operations == 3);
}

namespace {

// ++ on the last iterator but one throws.
class stumbling_range
{
public:
    class iterator
    {
    public:
        using difference_type = std::ptrdiff_t;
        using value_type = operation;

        explicit iterator(int at = 0) noexcept : at_(at) {}
        operation operator*() const { return operation::get("room-" + std::to_string(at_)); }
        iterator& operator++()
        {
            if (at_ == 2) throw std::runtime_error("no further");
            ++at_;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

    private:
        int at_;
    };

    iterator begin() const noexcept { return iterator(); }
    iterator end() const noexcept { return iterator(4); }
};

} // namespace

TEST_CASE("fault_76 an_operation_is_not_lost_if_moving_on_from_it_throws")
{
    for (const std::size_t in_flight : {1U, 2U, 8U}) {
        CAPTURE(in_flight);
        bulk_rig b(with_connections(in_flight));
        diagnostics d;
        bulk_options o;
        o.diagnostics = &d;

        b.start(stumbling_range(), o);
        b.serve_all();

        CHECK(b.ended == 1);
        CHECK(b.error == errc::callback_failed);
        CHECK(d.message() == "no further");
        std::vector<std::string> told; // those not begun yet are stopped
        for (const bulk_result& r : b.results) {
            told.push_back(r.operation.room_id());
            CHECK((!r.error || r.error == errc::stopped));
        }
        std::sort(told.begin(), told.end());
        CHECK(told == std::vector<std::string>{"room-0", "room-1", "room-2"});
        CHECK(b.summary.operations == 3);
    }
}

TEST_CASE("fault_76 progress_that_throws_when_all_is_done_is_told")
{
    bulk_rig b(with_connections(1));
    diagnostics d;
    bulk_options o;
    o.diagnostics = &d;
    o.on_progress = [](const bulk_progress& p) {
        if (p.done == 2) throw std::runtime_error("too late");
    };
    b.start(std::vector{operation::get("a"), operation::get("b")}, o);
    b.serve_all();

    CHECK(b.ended == 1);
    CHECK(b.error == errc::callback_failed);
    CHECK(d.message() == "too late");
    CHECK(b.summary.all_succeeded());
}
