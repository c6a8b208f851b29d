// SPDX-License-Identifier: BSL-1.0

// Bulk runs with a journal in processes that crash, are cancelled and meet faults, one after the other, until
// all is done: nothing is forgotten, doubled or done in another order, and what the results tell is so.

#include "support/bulk_process.hpp"
#include "support/retrying.hpp"
#include "support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace watchers::rooms;
using namespace watchers::rooms::test;

namespace {

namespace fs = std::filesystem;

const journal::digest manifest = manifest_digest().update("operations").finish();

// Rooms that are made, changed, deleted, and made anew, their operations mixed.
std::vector<operation> make_operations(dice& d)
{
    const std::size_t rooms = 1 + d.roll(6);
    std::vector<std::vector<operation>> of_rooms;
    for (std::size_t i = 0; i < rooms; ++i) {
        const std::string id = "room-" + std::to_string(i);
        std::vector<operation> all;
        for (std::size_t life = 0; life <= d.roll(3); ++life) {
            all.push_back(operation::create(new_room(id, "life-" + std::to_string(life), "about it")));
            const bool voiced = d.one_in(2);
            if (voiced) all.push_back(operation::set_voice(id, true));
            if (d.one_in(2)) all.push_back(operation::set_status(id, room_status::live));
            if (d.one_in(3)) all.push_back(operation::get(id));
            if (d.one_in(2)) all.push_back(operation::set_status(id, room_status::ended));
            if (voiced) all.push_back(operation::set_voice(id, false)); // else a look could not tell
            all.push_back(operation::erase(id));
        }
        if (d.one_in(2)) all.pop_back();
        of_rooms.push_back(std::move(all));
    }
    std::vector<operation> mixed;
    while (!of_rooms.empty()) {
        auto& one = of_rooms[d.roll(of_rooms.size())];
        mixed.push_back(one.front());
        one.erase(one.begin());
        std::erase_if(of_rooms, [](const auto& r) { return r.empty(); });
    }
    return mixed;
}

class totals
{
public:
    std::size_t processes = 0, crashes = 0, journaled = 0, confirmed = 0, unknown = 0, skipped = 0;
};

void run_to_the_end(std::uint64_t seed, totals& sum)
{
    scratch_folder files;
    dice d(seed);
    const std::vector<operation> all = make_operations(d);
    room_service service(all, true);
    bool done = false;
    for (std::size_t n = 0; !done; ++n) {
        REQUIRE(n < 60);
        ++sum.processes;
        const bool healthy = n > 20;
        journal j(files.file(n), manifest);
        service.forget_known();
        for (std::uint64_t i = 0; i < all.size(); ++i) {
            const auto recorded = j.state_of(i);
            if (recorded == journal::state::done) service.note_known(i);
            if (recorded == journal::state::in_flight || recorded == journal::state::unknown)
                service.note_in_doubt(i);
        }
        config c = retrying(1 + d.roll(5));
        if (d.one_in(3)) c.retry = retry_policy::none();
        if (d.one_in(4)) c.retry.confirm_creates = false;
        bulk_options o;
        o.max_in_flight = 1 + d.roll(6);
        o.window = 1 + d.roll(4);
        o.in_order = d.one_in(3);
        o.adaptive = d.one_in(2);
        o.journal = &j;
        o.timeout.reset();
        o.retry.reset();
        const auto how = healthy ? process_end::none : static_cast<process_end>(d.roll(5));
        std::size_t steps = how == process_end::none ? 100'000 : d.roll(2 * all.size());

        bulk_process p(c, all, service, d, healthy ? 0 : 2 + d.roll(10));
        p.begin(o);
        while (steps > 0 && p.step())
            --steps;
        if (p.b.ended > 0) {
            p.check_summary();
            done = p.b.summary.operations == all.size() && p.b.summary.all_succeeded();
        } else {
            if (how == process_end::crash) { // what the disk has at this moment
                fs::copy_file(files.file(n), files.file(n + 1));
                ++sum.crashes;
            }
            p.end_by(how);
        }
        sum.journaled += p.b.summary.journaled;
        sum.confirmed += p.b.summary.confirmed;
        sum.unknown += p.b.summary.unknown;
        sum.skipped += p.b.summary.skipped;
        REQUIRE(service.violations == "");
        if (!fs::exists(files.file(n + 1))) {
            j.close();
            fs::copy_file(files.file(n), files.file(n + 1));
        }
    }
    for (std::uint64_t i = 0; i < all.size(); ++i)
        if (all[static_cast<std::size_t>(i)].kind() != operation_kind::get_room) CHECK(service.applied(i));
}

} // namespace

TEST_CASE("bulk_crash every_operation_is_carried_out_once_and_in_order")
{
    totals sum;
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        CAPTURE(seed);
        run_to_the_end(seed, sum);
    }

    MESSAGE(sum.processes << " processes, " << sum.crashes << " crashes, " << sum.journaled << " journaled, "
                          << sum.confirmed << " confirmed, " << sum.unknown << " unknown, " << sum.skipped
                          << " skipped");
    CHECK(sum.crashes > 100);
    CHECK(sum.confirmed > 100);
}
