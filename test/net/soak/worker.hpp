// SPDX-License-Identifier: BSL-1.0
#pragma once

// One of the many callers: makes a room, changes and reads it, deletes it, and so on until told to stop.

#include "room_record.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace soak {

namespace asio = boost::asio;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What all callers share.
struct ledger
{
    void violation(const std::string& room, const std::string& what)
    {
        constexpr int shown = 25;
        if (++violations <= shown) std::printf("violation: %s: %s\n", room.c_str(), what.c_str());
    }

    std::vector<room_record> records; // of rooms that no worker has any more
    std::map<std::string, std::uint64_t> errors;
    std::uint64_t operations = 0;
    std::uint64_t unknown = 0;
    std::uint64_t confirmed = 0;
    std::uint64_t violations = 0;
    std::uint64_t rooms = 0;
    milliseconds tolerance{0}; // beyond a call's timeout
    milliseconds timeout{0};
    bool stopping = false;
};

class worker
{
public:
    worker(asio::io_context& io, rooms::client& c, ledger& l, std::string name, std::uint64_t seed)
        : client_(c)
        , ledger_(l)
        , name_(std::move(name))
        , random_(seed)
        , timer_(io)
        , room_(next_id())
    {}

    bool done() const { return done_; }

    // Begins calls, one or a few at once; goes on when they have ended.
    void step()
    {
        if (ledger_.stopping) return leave();
        if (room_.closed()) new_room();
        size_ = 0;
        if (!room_.surely_exists()) {
            if (chance(10))
                plan(rooms::operation_kind::get_room); // which is not there
            else
                plan_create();
        } else if (chance(8)) {
            plan(rooms::operation_kind::delete_room);
        } else if (chance(2)) {
            return new_room(), step();
        } else if (chance(5)) {
            plan_create().other_members = true;
        } else if (chance(15)) {
            for (std::uint64_t left = 2 + pick(burst - 1); left > 0; --left)
                plan_change();
            if (size_ < burst && chance(50)) plan(rooms::operation_kind::get_room);
            for (std::size_t i = 0; i < size_; ++i)
                calls_[i].in_company = true;
        } else if (chance(50)) {
            plan(rooms::operation_kind::get_room);
        } else {
            plan_change();
        }
        begin();
    }

private:
    static constexpr std::size_t burst = 6;

    struct running : told_call
    {
        steady::time_point began;
        milliseconds timeout{};
        bool ended = false;
    };

    std::uint64_t pick(std::uint64_t below) { return random_() % below; }
    bool chance(unsigned percent) { return pick(100) < percent; }
    std::string next_id() { return name_ + " " + std::to_string(++rooms_); }

    void new_room()
    {
        ++ledger_.rooms;
        ledger_.records.push_back(std::move(room_));
        room_ = room_record(next_id());
    }

    void leave()
    {
        ++ledger_.rooms;
        ledger_.records.push_back(std::move(room_));
        done_ = true;
    }

    running& plan(rooms::operation_kind kind)
    {
        running& c = calls_[size_++];
        c = running();
        c.kind = kind;
        c.timeout = ledger_.timeout;
        return c;
    }

    running& plan_create()
    {
        running& c = plan(rooms::operation_kind::create_room);
        c.voice = chance(50);
        return c;
    }

    void plan_change()
    {
        using rooms::room_status;
        constexpr room_status all[] = {room_status::live, room_status::ended, room_status::disabled};
        const bool voice = chance(50);
        running& c = plan(voice ? rooms::operation_kind::set_voice : rooms::operation_kind::set_status);
        c.voice = chance(50);
        c.status = all[pick(3)];
    }

    void begin()
    {
        pending_ = size_;
        const bool hasty = size_ == 1 && chance(2);
        const bool cancelled = size_ == 1 && !hasty && chance(2);
        if (hasty) calls_[0].timeout = milliseconds(1 + pick(30));
        for (std::size_t i = 0; i < size_; ++i)
            start(i);
        if (!cancelled) return;
        timer_.expires_after(std::chrono::microseconds(pick(3000)));
        timer_.async_wait([this, number = batch_](const rooms::error_code& ec) {
            if (!ec && number == batch_) signals_[0].emit(asio::cancellation_type::terminal);
        });
    }

    void start(std::size_t i)
    {
        running& c = calls_[i];
        using rooms::operation_kind;
        ++ledger_.operations;
        c.began = steady::now();
        const auto options = rooms::call_options(c.diagnostics).timeout(c.timeout);
        auto handler = asio::bind_cancellation_slot(
            signals_[i].slot(), [this, &c, number = batch_](const rooms::error_code& ec, auto... room) {
                c.error = ec;
                ((c.room = std::move(room)), ...);
                on_end(c, number);
            });
        const std::string& id = room_.id();
        switch (c.kind) {
        case operation_kind::create_room:
            return client_.async_create_room(room_.as_new(c.voice, c.other_members), options,
                                             std::move(handler));
        case operation_kind::get_room: return client_.async_get_room(id, options, std::move(handler));
        case operation_kind::set_voice:
            return client_.async_set_voice(id, c.voice, options, std::move(handler));
        case operation_kind::set_status:
            return client_.async_set_status(id, c.status, options, std::move(handler));
        case operation_kind::delete_room: return client_.async_delete_room(id, options, std::move(handler));
        }
    }

    void on_end(running& c, std::uint64_t number)
    {
        if (number != batch_ || std::exchange(c.ended, true))
            return ledger_.violation(room_.id(), "a call ended twice");
        if (steady::now() - c.began > c.timeout + ledger_.tolerance)
            ledger_.violation(room_.id(), "ended after its deadline: " + describe(c));
        if (--pending_ > 0) return;
        ++batch_;
        timer_.cancel();
        for (std::size_t i = 0; i < size_; ++i) // changes of a room go in the order of their calls
            judge(calls_[i]);
        step();
    }

    void judge(const running& c)
    {
        using rooms::errc;
        if (c.error) ++ledger_.errors[c.error.message()];
        if (c.diagnostics.effect() == rooms::effect::unknown) ++ledger_.unknown;
        if (c.diagnostics.confirmed()) ++ledger_.confirmed;
        for (const errc never : {errc::invalid_argument, errc::shutting_down, errc::draining, errc::pool_full,
                                 errc::pool_timeout, errc::resource_exhausted, errc::tls_untrusted,
                                 errc::tls_host_mismatch, errc::credentials_failed})
            if (c.error == never) ledger_.violation(room_.id(), "not to be expected: " + describe(c));
        if (const char* wrong = room_.take(c))
            ledger_.violation(room_.id(), std::string(wrong) + ": " + describe(c));
    }

    static std::string describe(const running& c)
    {
        return c.error.message() + ": " + c.diagnostics.to_string();
    }

    rooms::client& client_;
    ledger& ledger_;
    std::string name_;
    std::mt19937_64 random_;
    asio::steady_timer timer_;
    std::array<asio::cancellation_signal, burst> signals_;
    std::array<running, burst> calls_;
    std::size_t size_ = 0;
    std::size_t pending_ = 0;
    std::uint64_t batch_ = 0;
    unsigned rooms_ = 0;
    bool done_ = false;
    room_record room_; // behind what its id is made of
};

} // namespace soak
