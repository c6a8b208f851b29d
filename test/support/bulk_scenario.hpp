// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "allocation_gate.hpp"
#include "bulk_rig.hpp"
#include "retry_scenario.hpp"
#include "scratch_folder.hpp"

#include <watchers/rooms/journal.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms::test {

// How the scenario's run is made.
class bulk_variant
{
public:
    bool awaited = false; // source and sink
    bool in_order = false;
    bool journaled = false;
};

// A small bulk run with all that its operations may meet, and the network that serves it one event at a time.
// Between an event and what it posted to the executor there is a step, too. The journal is at rest when a
// step begins.
class bulk_scenario
{
public:
    explicit bulk_scenario(const bulk_variant& v)
        : variant_(v)
        , alive(std::make_shared<int>())
        , r(make_config())
    {
        if (!v.journaled) return;
        files_ = std::make_unique<scratch_folder>();
        journal_ = std::make_unique<journal>(files_->file(0), journal::digest());
    }

    ~bulk_scenario() { allocation_gate::never_fail(); }

    static std::vector<operation> operations()
    {
        return {operation::create(new_room("plain", "a name", "about it")),
                operation::set_voice("busy", true),
                operation::create(new_room("lost", "a name", "about it")),
                operation::get("plain"),
                operation::set_status("busy", room_status::live),
                operation::set_voice("bad", true),
                operation::erase("lost"),
                operation::set_status("bad", room_status::ended),
                operation::get("throttled"),
                operation::erase("gone"),
                operation::erase("plain"),
                operation::get("last")};
    }

    void begin()
    {
        bulk_options o;
        o.max_in_flight = 2;
        o.window = 2;
        o.in_order = variant_.in_order;
        o.journal = journal_.get();
        o.timeout.reset();
        o.retry.reset();
        auto handler = [this, a = alive](error_code ec, const bulk_summary& s) {
            ++ended;
            error = ec;
            summary = s;
        };
        const std::shared_ptr<int> a = std::exchange(alive, nullptr);
        watch = a;
        auto next = [a, all = operations(), i = std::size_t(0)]() mutable -> std::optional<operation> {
            const allocation_gate::uncounted guard;
            if (i == all.size()) return std::nullopt;
            return all[i++];
        };
        auto take = [this, a](bulk_result&& b) {
            const allocation_gate::uncounted guard;
            indices.insert(b.index);
            results.push_back(std::move(b));
        };
        try {
            if (variant_.awaited) {
                start(
                    [next]() mutable -> boost::asio::awaitable<std::optional<operation>> {
                        co_return next();
                    },
                    [take](bulk_result b) mutable -> boost::asio::awaitable<void> {
                        take(std::move(b));
                        co_return;
                    },
                    o, std::move(handler));
            } else {
                start(std::move(next), std::move(take), o, std::move(handler));
            }
        } catch (const std::bad_alloc&) {
            threw = true;
        }
        posted_ = true;
    }

    // @returns whether anything happened.
    bool step()
    {
        if (journal_) rest_journal();
        if (std::exchange(posted_, false)) return guarded([this] { r.sim.poll(); });
        const std::size_t idle = std::exchange(idle_, 0);
        posted_ = true;
        if (r.sim.resolving()) return guarded([this] { r.sim.resolved(); });
        if (scripted_transport* t = next_transport()) return guarded([&] { serve(*t); });
        posted_ = false;
        if (done()) return false;
        if (journal_ && idle < 4) { // one commit may be behind the other
            idle_ = idle + 1;
            return guarded([this] { r.sim.poll(); });
        }
        if (!r.sim.alarm()) {
            if (thrown == woken_) return false;
            woken_ = thrown;
            return guarded([this] { r.sim.wake_early(); });
        }
        return guarded([this] { r.sim.advance(*r.sim.alarm() - r.sim.now()); });
    }

    bool done() const { return threw || ended > 0 || watch.expired(); }

    void poke() noexcept { posted_ = true; }

    void break_all(bool hard)
    {
        posted_ = true;
        if (r.sim.resolving()) r.sim.resolved(boost::asio::error::host_not_found_try_again, {});
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport(i);
            if (t.at() == scripted_transport::stage::connecting)
                t.connected(boost::asio::error::connection_refused);
            else if (t.at() == scripted_transport::stage::ready)
                hard ? t.reset() : t.half_close();
        }
    }

private:
    bulk_variant variant_;
    std::unique_ptr<scratch_folder> files_;
    std::unique_ptr<journal> journal_; // outlives the rig

public:
    std::shared_ptr<int> alive; // until the run begins
    std::weak_ptr<int> watch;   // dies with handler, source and sink
    boost::asio::cancellation_signal cancel;
    std::vector<bulk_result> results;
    std::set<std::uint64_t> indices;
    int ended = 0;
    error_code error;
    bulk_summary summary;
    bool threw = false;     // out of the initiating function
    std::size_t thrown = 0; // std::bad_alloc out of the library
    rig r;

private:
    static config make_config() { return retrying(2); }

    template <class Source, class Sink, class Handler>
    void start(Source source, Sink sink, const bulk_options& o, Handler h)
    {
        const allocation_gate::counted counting;
        r.start_bulk(detail::make_bulk_source(std::move(source)), detail::make_bulk_sink(std::move(sink)), o,
                     boost::asio::bind_cancellation_slot(cancel.slot(), std::move(h)));
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

    // Lets its thread do what it has to.
    void rest_journal()
    {
        const allocation_gate::uncounted guard;
        std::promise<void> written;
        journal_->commit([&written](error_code) { written.set_value(); });
        written.get_future().wait();
    }

    scripted_transport* next_transport()
    {
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport((turn_ + i) % r.sim.transports());
            if (t.at() == scripted_transport::stage::connecting ||
                t.at() == scripted_transport::stage::securing ||
                (t.at() == scripted_transport::stage::ready && t.answered < t.requests().size()))
                return &t;
        }
        return nullptr;
    }

    void serve(scripted_transport& t)
    {
        ++turn_;
        if (t.at() == scripted_transport::stage::connecting) return t.connected();
        if (t.at() == scripted_transport::stage::securing) return t.secured();
        ++t.answered;
        const std::string what = subject(t.requests().back());
        const std::size_t n = ++seen_[what];
        if (what == "voice busy" && n == 1) return t.answer(unavailable());
        if (what == "create lost" && n == 1) return t.reset();
        if (what == "get lost") return t.answer(created("lost"));
        if (what == "voice bad") return t.answer(answer("400 Bad Request", ""));
        if (what == "get throttled" && n == 1) return t.answer(throttled());
        if (what == "delete gone") return t.answer(not_there());
        t.answer(ok());
    }

    std::map<std::string, std::size_t> seen_;
    std::size_t turn_ = 0;
    std::size_t woken_ = 0;
    bool posted_ = false;
    std::size_t idle_ = 0; // steps in which there was nothing but the journal
};

} // namespace watchers::rooms::test
