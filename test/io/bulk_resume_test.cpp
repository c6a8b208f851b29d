// SPDX-License-Identifier: BSL-1.0
// Bulk runs with a journal: what a run that is resumed sends, and what it tells of what an earlier one did.
#include "support/bulk_rig.hpp"
#include "support/retrying.hpp"
#include "support/scratch_folder.hpp"

#include <watchers/rooms/journal.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

namespace {

const journal::digest manifest{};

// Runs to the end what may wait for a journal.
void finish(bulk_rig& b, journal& j, const std::function<std::string(const std::string&)>& reply)
{
    for (int i = 0; i < 100 && b.ended == 0; ++i) {
        b.serve_all(reply);
        std::promise<void> written;
        j.commit([&](error_code) { written.set_value(); });
        written.get_future().wait();
        b.r.sim.poll();
    }
    REQUIRE(b.ended == 1);
}

// The result of one operation of which a journal knows that it was begun, and what was sent for it.
class resumed_operation
{
public:
    // @param earlier what the run before this one recorded of it.
    resumed_operation(
        const operation& op, const std::function<std::string(const std::string&)>& reply,
        const std::function<void(journal&)>& earlier = [](journal& j) { j.begin(0); }, bool check_ids = false)
        : journal_(files_.file(0), manifest)
        , b(checked(with_connections(1), check_ids))
    {
        earlier(journal_);
        journal_.close();
        journal_ = journal(files_.file(0), manifest);
        bulk_options o;
        o.journal = &journal_;
        o.retry.reset();
        b.start(std::vector<operation>{op}, o);
        finish(b, journal_, reply);
        REQUIRE(b.results.size() == 1);
    }

    static config checked(config c, bool check_ids)
    {
        c.check_room_ids = check_ids;
        return c;
    }

    const bulk_result& result() const { return b.results.front(); }
    journal::state recorded() const { return journal_.state_of(0); }
    std::vector<std::string> sent() const
    {
        std::vector<std::string> all;
        for (const std::string& request : b.served)
            all.push_back(gist(request));
        return all;
    }

private:
    scratch_folder files_;
    journal journal_;
    bulk_rig b;
};

using gists = std::vector<std::string>;

std::string conflicts_then_is_there(const std::string& request)
{
    return gist(request) == "create a" ? answer("409 Conflict", "") : created("a");
}

} // namespace

TEST_CASE("bulk_resume a_status_that_may_have_been_set_of_a_room_that_is_gone_is_in_doubt")
{
    const resumed_operation r(operation::set_status("a", room_status::live),
                              [](const std::string&) { return not_there(); });

    CHECK(r.sent() == gists{"get a", "status a LIVE"});
    CHECK(r.result().error == errc::not_found);
    CHECK(r.result().diagnostics.effect() == effect::unknown);
    CHECK(r.recorded() == journal::state::unknown);
}

TEST_CASE("bulk_resume a_status_that_is_set_is_not_set_again")
{
    const resumed_operation r(operation::set_status("a", room_status::live),
                              [](const std::string&) { return ok(R"({"roomId":"a","status":"LIVE"})"); });

    CHECK(r.sent() == gists{"get a"});
    CHECK_FALSE(r.result().error);
    CHECK(r.recorded() == journal::state::done);
}

// Row 67.
TEST_CASE("fault_67_bulk_resume_a_404_that_is_not_of_the_api_proves_no_delete")
{
    for (const std::string& stray :
         {answer("404 Not Found", ""), answer("404 Not Found", "no healthy upstream"),
          answer("404 Not Found", R"({"fault":{"faultstring":"x"}})")}) {
        CAPTURE(stray);
        const resumed_operation lost(operation::erase("a"), [&](const std::string&) { return stray; });
        CHECK(lost.sent() == gists{"get a", "delete a"});
        CHECK(lost.result().error == errc::not_found);
        CHECK(lost.result().diagnostics.effect() == effect::unknown);
        CHECK(lost.recorded() == journal::state::unknown);

        const resumed_operation proven(operation::erase("a"), [&](const std::string& request) {
            return gist(request) == "get a" ? stray : not_there();
        });
        CHECK(proven.sent() == gists{"get a", "delete a"});
        CHECK_FALSE(proven.result().error);
        CHECK(proven.recorded() == journal::state::done);
    }
}

TEST_CASE("fault_67_bulk_resume_a_404_that_is_not_of_the_api_leads_to_no_create")
{
    const resumed_operation r(operation::create(new_room("a", "a name", "about it")),
                              [](const std::string&) { return answer("404 Not Found", ""); });
    CHECK(r.sent() == gists{"get a"});
    CHECK(r.result().error == errc::outcome_unknown);
    CHECK(r.recorded() == journal::state::unknown);
}

TEST_CASE("bulk_resume a_delete_that_was_carried_out_late_is_done")
{
    const resumed_operation r(operation::erase("a"), [](const std::string& request) {
        return gist(request) == "get a" ? ok(R"({"roomId":"a"})") : not_there();
    });

    CHECK(r.sent() == gists{"get a", "delete a"});
    CHECK_FALSE(r.result().error);
    CHECK(r.result().diagnostics.effect() == effect::applied);
    CHECK(r.recorded() == journal::state::done);
}

TEST_CASE("bulk_resume a_create_that_was_carried_out_late_is_found")
{
    const resumed_operation r(operation::create(new_room("a", "a name", "about it")),
                              [looks = 0](const std::string& request) mutable {
                                  if (gist(request) == "create a") return answer("409 Conflict", "");
                                  return ++looks == 1 ? not_there() : created("a");
                              });

    CHECK(r.sent() == gists{"get a", "create a", "get a"});
    CHECK_FALSE(r.result().error);
    CHECK(r.result().diagnostics.confirmed());
    CHECK(r.result().room.confirmed());
    CHECK(r.recorded() == journal::state::done);
}

TEST_CASE("bulk_resume a_create_that_an_earlier_run_carried_out_is_confirmed")
{
    const resumed_operation r(operation::create(new_room("a", "a name", "about it")),
                              [](const std::string&) { return created("a"); });

    CHECK(r.sent() == gists{"get a"});
    CHECK_FALSE(r.result().error);
    CHECK(r.result().diagnostics.confirmed());
    CHECK(r.result().room.confirmed());
    CHECK(r.recorded() == journal::state::done);
}

TEST_CASE("bulk_resume what_the_journal_tells_of_a_create_is_told_of_its_room")
{
    for (const bool confirmed : {false, true}) {
        CAPTURE(confirmed);
        const resumed_operation r(
            operation::create(new_room("a", "a name", "about it")),
            [](const std::string&) { return created("a"); },
            [&](journal& j) {
                j.begin(0);
                j.end(0, journal::outcome(0, effect::applied, confirmed));
            });

        CHECK(r.sent().empty());
        CHECK_FALSE(r.result().error);
        CHECK(r.result().journaled);
        CHECK(r.result().diagnostics.confirmed() == confirmed);
        CHECK(r.result().room.confirmed() == confirmed);
    }
}

TEST_CASE("bulk_resume credentials_that_are_refused_while_looking_stop_the_run")
{
    const resumed_operation r(operation::create(new_room("a", "a name", "about it")),
                              [](const std::string&) { return unauthorized(); });

    CHECK(r.sent() == gists{"get a"});
    CHECK(r.result().error == errc::unauthorized);
    CHECK(r.result().diagnostics.effect() == effect::unknown);
    CHECK(r.recorded() == journal::state::unknown);
}

TEST_CASE("bulk_resume the_requests_that_looked_are_counted")
{
    const resumed_operation r(operation::set_status("a", room_status::live),
                              [](const std::string&) { return ok(R"({"roomId":"a","status":"SOON"})"); });

    CHECK(r.sent() == gists{"get a", "status a LIVE"});
    CHECK_FALSE(r.result().error);
    CHECK(r.result().diagnostics.attempts() == 2);
}

TEST_CASE("bulk_resume an_answer_about_another_room_tells_nothing")
{
    for (const bool check_ids : {false, true}) { // the room may have an id of the service's own
        CAPTURE(check_ids);
        const resumed_operation r(
            operation::set_status("a", room_status::live),
            [](const std::string&) { return ok(R"({"roomId":"b","status":"LIVE"})"); },
            [](journal& j) { j.begin(0); }, check_ids);

        const gists all{"get a", "status a LIVE"};
        CHECK(r.sent() == gists(all.begin(), check_ids ? all.end() : all.begin() + 1));
    }
}

TEST_CASE("bulk_resume a_room_that_was_there_before_is_nobodys_to_confirm")
{
    // The earlier run was told of the conflict.
    const operation create = operation::create(new_room("a", "a name", "about it"));
    const resumed_operation r(create, conflicts_then_is_there, [](journal& j) {
        j.begin(0);
        j.end(0, journal::outcome(static_cast<int>(errc::conflict), effect::none));
    });

    CHECK(r.sent() == gists{"create a"});
    CHECK(r.result().error == errc::conflict);
    CHECK(r.result().diagnostics.effect() == effect::none);
}

TEST_CASE("bulk_resume a_create_unknown_to_a_journal_that_was_closed_is_not_looked_for")
{
    const operation create = operation::create(new_room("a", "a name", "about it"));
    const resumed_operation r(create, conflicts_then_is_there, [](journal& j) { j.begin(1); });

    CHECK(r.sent() == gists{"create a"});
    CHECK(r.result().error == errc::conflict);
}

TEST_CASE("bulk_resume one_journal_serves_one_run")
{
    scratch_folder files;
    journal j(files.file(0), manifest);
    diagnostics d;
    bulk_rig first(with_connections(1));
    bulk_rig second(with_connections(1));
    bulk_options o;
    o.journal = &j;
    first.start(std::vector{operation::get("a"), operation::get("b")}, o);
    first.r.sim.poll();

    o.diagnostics = &d;
    second.start(std::vector{operation::get("a")}, o);
    second.r.sim.poll();

    CHECK(second.error == errc::journal_failed);
    CHECK(second.results.empty());
    CHECK(d.message() ==
          "the journal is in use by another bulk run, or has served one to its end: open it anew");
    finish(first, j, {});
    CHECK_FALSE(first.error);
    CHECK(first.results.size() == 2);
    bulk_rig third(with_connections(1));
    third.start(std::vector{operation::get("a")}, o);
    third.r.sim.poll();
    CHECK(third.error == errc::journal_failed); // it would be told of other operations
}

TEST_CASE("bulk_resume a_run_that_was_cancelled_is_gone_on_with_though_its_source_had_ended")
{
    // Setup: all is pulled, and one of two operations is under way.
    scratch_folder files;
    journal j(files.file(0), manifest);
    bulk_options o;
    o.max_in_flight = 1;
    o.retry.reset();
    o.journal = &j;
    const std::vector both{operation::get("a"), operation::get("b")};
    bulk_rig first(with_connections(1));
    bool ended = false;
    std::size_t next = 0;
    first.start(
        [&]() -> std::optional<operation> {
            if (next < both.size()) return both[next++];
            ended = true;
            return std::nullopt;
        },
        o);
    for (int i = 0; i < 100 && (!ended || first.pending().empty()); ++i) {
        first.settle();
        std::promise<void> written;
        j.commit([&](error_code) { written.set_value(); });
        written.get_future().wait();
        first.r.sim.poll();
    }
    REQUIRE(ended);
    REQUIRE(first.pending().size() == 1);

    // Run
    first.cancel.emit(boost::asio::cancellation_type::terminal);
    finish(first, j, {});
    bulk_rig second(with_connections(1));
    second.start(both, o);
    finish(second, j, {});

    // Check
    CHECK(first.error == errc::cancelled);
    CHECK(first.summary.succeeded == 0);
    CHECK_FALSE(second.error);
    CHECK(second.summary.succeeded == 2);
}

TEST_CASE("bulk_resume a_slow_source_holds_up_nothing_that_can_be_sent")
{
    // Its third operation takes until the first two are on their way.
    scratch_folder files;
    journal j(files.file(0), manifest);
    const auto empty = std::filesystem::file_size(files.file(0));
    bulk_rig b(with_connections(2));
    bulk_options o;
    o.max_in_flight = 2;
    o.journal = &j;
    int pulled = 0;
    bool written = false;
    b.start(
        [&]() -> std::optional<operation> {
            if (++pulled == 3)
                for (int i = 0; i < 1'000'000 && !written; ++i) {
                    written = std::filesystem::file_size(files.file(0)) > empty;
                    std::this_thread::yield();
                }
            if (pulled > 10) return std::nullopt;
            return operation::get("room-" + std::to_string(pulled));
        },
        o);
    finish(b, j, {});

    CHECK(written);
    CHECK(b.results.size() == 10);
}
