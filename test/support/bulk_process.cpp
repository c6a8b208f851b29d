// SPDX-License-Identifier: BSL-1.0
#include "bulk_process.hpp"

#include "retrying.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace watchers::rooms::test {

bulk_process::bulk_process(const config& c, const std::vector<operation>& all, room_service& s, dice& d,
                           std::size_t fault_every)
    : b(c)
    , operations_(all)
    , service_(s)
    , dice_(d)
    , fault_every_(fault_every)
{}

void bulk_process::begin(bulk_options o)
{
    options_ = o;
    auto next = [this, i = std::size_t(0)]() mutable -> std::optional<operation> {
        if (i == operations_.size()) return std::nullopt;
        return operations_[i++];
    };
    auto sink = [this](bulk_result&& r) {
        check_result(r);
        results.push_back(std::move(r));
    };
    b.start(std::move(next), std::move(sink), std::move(o));
    b.settle();
}

bool bulk_process::step()
{
    b.settle();
    if (b.ended > 0) return false;
    auto waiting = b.pending();
    if (waiting.size() > options_.max_in_flight) service_.violations += "too many in flight\n";
    std::erase_if(waiting, [this](const scripted_transport* t) { return stalled_.contains(t); });
    if (!waiting.empty()) {
        idle_ = 0;
        serve(*waiting[dice_.roll(waiting.size())]);
    } else if (options_.journal != nullptr && idle_ % 2 == 0) {
        // The journal's thread may be at work, which no virtual clock knows of.
        std::promise<void> written;
        options_.journal->commit([&written](error_code) { written.set_value(); });
        written.get_future().wait();
        b.r.sim.poll();
        ++idle_;
    } else if (b.r.sim.alarm()) {
        b.r.sim.advance(*b.r.sim.alarm() - b.r.sim.now());
        ++idle_;
    } else {
        ++idle_;
    }
    if (idle_ < 200) return true;
    service_.violations += "stuck\n";
    return false;
}

void bulk_process::serve(scripted_transport& t)
{
    const std::string request = t.requests().back();
    service_.note_arrival(request);
    const auto applied = [&] { return service_.serve(request); };
    if (fault_every_ == 0 || !dice_.one_in(fault_every_)) return b.answer(t, applied());
    switch (dice_.roll(refuses ? 9 : 8)) {
    case 0: t.reset(); break;
    case 1: applied(), t.reset(); break;
    case 2: b.answer(t, unavailable()); break;
    case 3: applied(), b.answer(t, unavailable()); break;
    case 4: b.answer(t, throttled(dice_.one_in(2) ? "Retry-After: 1\r\n" : "")); break;
    case 5: t.data(applied().substr(0, 40)), t.cut_off(); break;
    case 6: stalled_.insert(&t); break;
    case 7: applied(), stalled_.insert(&t); break;
    default: b.answer(t, answer("400 Bad Request", R"({"message":"not today"})"));
    }
    b.r.sim.poll();
}

void bulk_process::end_by(process_end how)
{
    using boost::asio::cancellation_type;
    switch (how) {
    case process_end::none: break;
    case process_end::crash:
        for (scripted_transport* t : b.pending()) {
            if (stalled_.contains(t) || !dice_.one_in(2)) continue;
            service_.note_arrival(t->requests().back());
            service_.serve(t->requests().back());
        }
        b.r.abandon();
        b.r.forget_engine();
        b.r.sim.destroy_io();
        return;
    case process_end::client_destroyed: b.r.stop(); break;
    case process_end::cancelled_total: b.cancel.emit(cancellation_type::total); break;
    case process_end::cancelled_terminal: b.cancel.emit(cancellation_type::terminal); break;
    }
    while (step()) {
    }
    check_summary();
}

void bulk_process::violate(std::string_view rule, const bulk_result& r)
{
    service_.violations.append(rule).append(": ").append(change_of(r.operation)).append(": ");
    service_.violations.append(r.error.message()).append(": ").append(r.diagnostics.to_string()).append("\n");
}

void bulk_process::check_result(const bulk_result& r)
{
    if (!ended_.insert(r.index).second) violate("two results", r);
    if (options_.in_order && r.index + 1 != ended_.size()) violate("not in order", r);
    if (r.operation.kind() == operation_kind::get_room || !options_.skip_after_failure) return;
    const bool applied = service_.applied(r.index);
    if (!r.error && !applied) violate("no success", r);
    if (r.diagnostics.effect() == effect::applied && !applied) violate("not applied", r);
    if (r.diagnostics.effect() == effect::none && applied) violate("applied", r);
    if (r.journaled && r.diagnostics.attempts() > 0) violate("journaled, and sent", r);
}

void bulk_process::check_summary()
{
    const bulk_summary& s = b.summary;
    const auto count = [this](const auto& what) {
        return static_cast<std::uint64_t>(std::count_if(results.begin(), results.end(), what));
    };
    const bool right =
        b.ended == 1 && s.operations == results.size() && s.operations == ended_.size() &&
        (b.error || s.operations == operations_.size()) &&
        s.succeeded + s.failed + s.skipped + s.stopped == s.operations &&
        s.succeeded == count([](const bulk_result& r) { return !r.error; }) &&
        s.skipped == count([](const bulk_result& r) { return r.error == errc::skipped_after_failure; }) &&
        s.stopped == count([](const bulk_result& r) { return r.error == errc::stopped; }) &&
        s.journaled == count([](const bulk_result& r) { return r.journaled; }) &&
        s.confirmed == count([](const bulk_result& r) { return r.diagnostics.confirmed(); }) &&
        s.unknown == count([](const bulk_result& r) { return r.diagnostics.effect() == effect::unknown; });
    if (!right) service_.violations += "the summary is wrong\n";
}

} // namespace watchers::rooms::test
