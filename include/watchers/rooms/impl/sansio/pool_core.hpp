// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/intrusive_list.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace watchers::rooms::detail {

struct pool_limits
{
    std::size_t connections;
    std::size_t waiting;
    clock::duration idle_timeout; // zero: none is kept idle
};

// Who gets which connection: the rules of the pool, without any I/O.
//
// - A connection is handed to the waiter that has waited longest before that waiter wakes, so that nobody
//   can take it in between.
// - Idle connections are taken last in, first out: the rest grow old and are closed.
// - Tickets in the background wait until no others do.
// - One connection is being opened for each waiter, as far as the bound allows. One that fails to open
//   fails the waiter that has waited longest: each call learns of one failure, and no waiter is left
//   without an attempt.
// - A ticket whose reused connection turned out dead keeps that connection's place and gets the one opened
//   in it (replace).
// - Connections may die silently while they are idle. A ticket that met such a connection (distrust) takes
// only
//   connections that have been heard from since: opened, or given back after a response. It waits in its turn
//   for one. If no place is left to open one, the connection that is idle longest is closed for it.
class pool_core
{
public:
    enum class slot_state : unsigned char
    {
        closed,
        opening, // for whoever has waited longest when it is open, or for `reserved_for`
        idle,
        busy,
    };

    class ticket;

    // A place for one connection.
    class slot : public list_hook<slot>
    {
    public:
        slot_state state() const noexcept { return state_; }

        // Of a connection in use: whether it was idle before, so that it may have died. Otherwise it was
        // handed on just after it had been heard from.
        bool taken_idle() const noexcept { return taken_idle_; }

    protected:
        ~slot() = default;

    private:
        friend class pool_core;
        slot_state state_ = slot_state::closed;
        ticket* reserved_for_ = nullptr;
        clock::time_point idle_since_{};
        bool taken_idle_ = false;
        clock::time_point expires_at_ = clock::time_point::max();
    };

    // A call's wish for a connection.
    class ticket : public list_hook<ticket>
    {
    public:
        bool waiting() const noexcept { return linked() || reserved_ != nullptr; }

        // Whether all others go first. Not to be set while waiting.
        bool background() const noexcept { return background_; }
        void set_background(bool b) noexcept { background_ = b; }

        // From now on the ticket takes no connection that has not been heard from since that time.
        void distrust(clock::time_point t) noexcept { heard_since_ = t; }
        void trust_all() noexcept { heard_since_ = clock::time_point::min(); }

    protected:
        ~ticket() = default;

    private:
        friend class pool_core;
        slot* reserved_ = nullptr;
        clock::time_point heard_since_ = clock::time_point::min();
        bool background_ = false;
    };

    enum class outcome : unsigned char
    {
        assigned,
        queued,
        full
    };

    struct acquisition
    {
        outcome result;
        slot* connection; // assigned only
    };

    explicit pool_core(pool_limits limits) noexcept : limits_(limits) {}

    // Adds a place, closed at first. The owner adds one when may_grow() says so.
    void add(slot&) noexcept;
    bool may_grow() const noexcept { return slots_ < limits_.connections; }

    // A connection for a call: an idle one at once, or a place in the queue.
    // @param beyond_limit into the queue also where it is full.
    acquisition acquire(ticket&, bool beyond_limit = false) noexcept;

    // Whether a call that asked now would get an idle connection, or have one opened for it.
    bool can_serve() const noexcept { return !idle_.empty() || queued() < opening_ + openable(); }

    // Takes the ticket out of the queue that would be served last; null if nobody waits for just any
    // connection.
    ticket* withdraw_last() noexcept
    {
        if (!background_.empty()) return &background_.pop_back();
        return waiting_.empty() ? nullptr : &waiting_.pop_back();
    }

    // Takes a ticket out of the background, to where others wait if it waits.
    void raise(ticket&) noexcept;

    // The ticket leaves the queue (a cancelled or timed-out call). What is being opened goes on for the
    // others.
    void withdraw(ticket&) noexcept;

    // Whether a connection should be opened now; if so, its place is take_closed(), after add() where
    // has_closed() is false.
    bool should_open() const noexcept;
    bool has_closed() const noexcept { return !closed_.empty(); }
    slot& take_closed() noexcept;

    // A connection is open: whose it is now, or null where it is idle.
    // @param expires_at it serves no new request after that.
    ticket* opened(slot&, clock::time_point now, clock::time_point expires_at) noexcept;

    // A connection could not be opened: whom to tell, or null.
    ticket* open_failed(slot&) noexcept;

    struct release_step
    {
        ticket* next; // the connection is this one's now
        bool close;   // the connection is to be closed, and its place is free already
    };

    // A call is done with its connection.
    release_step release(slot&, clock::time_point now, bool reusable) noexcept;

    // A connection in use is gone; a new one shall be opened in its place for the same call.
    void replace(slot&, ticket&) noexcept;

    // An idle connection is gone, or is to be closed.
    void evict(slot&) noexcept;

    // Takes out one idle connection that is too old; it is to be closed. The one that would be handed out
    // next is looked at first.
    slot* evict_expired(clock::time_point now) noexcept;

    // Takes out one connection that has been idle since that moment, or longer; null if there is none.
    slot* evict_idle_since(clock::time_point) noexcept;

    // Takes out the connection that is idle longest where its place is needed: all places are taken, and a
    // ticket waits that takes none of the idle ones. It is to be closed. Null otherwise.
    slot* evict_distrusted() noexcept;

    // The ticket that would be served next, or null.
    ticket* first_waiting() noexcept
    {
        if (!waiting_.empty()) return &waiting_.front();
        return background_.empty() ? nullptr : &background_.front();
    }

    // Whether the connection that acquire() would hand out is too old to be used.
    bool stale(clock::time_point now) noexcept { return !idle_.empty() && too_old(idle_.back(), now); }

    // The connection that acquire() would hand out, or null, and since when it is idle.
    slot* next_idle() noexcept { return idle_.empty() ? nullptr : &idle_.back(); }
    static clock::time_point idle_since(const slot& s) noexcept { return s.idle_since_; }

    // When evict_expired() is to be called next.
    std::optional<clock::time_point> next_expiry() noexcept;

    slot* any_idle() noexcept { return idle_.empty() ? nullptr : &idle_.front(); }
    std::size_t idle() const noexcept { return idle_.size(); }
    std::size_t busy() const noexcept { return busy_; }
    std::size_t opening() const noexcept { return opening_ + reserved_; }
    std::size_t waiting() const noexcept { return queued() + reserved_; }

private:
    std::size_t queued() const noexcept { return waiting_.size() + background_.size(); }
    ticket* take_next() noexcept;
    std::size_t openable() const noexcept { return closed_.size() + (limits_.connections - slots_); }
    bool too_old(const slot& s, clock::time_point now) const noexcept
    {
        return s.expires_at_ <= now || s.idle_since_ + limits_.idle_timeout <= now;
    }
    void close(slot&) noexcept;

    pool_limits limits_;
    intrusive_list<slot, slot> idle_; // the back is the one used last
    intrusive_list<slot, slot> closed_;
    intrusive_list<ticket, ticket> waiting_;    // the front has waited longest
    intrusive_list<ticket, ticket> background_; // when nobody else waits
    std::size_t slots_ = 0;
    std::size_t busy_ = 0;
    std::size_t opening_ = 0;  // not reserved
    std::size_t reserved_ = 0; // opening for one ticket
};

} // namespace watchers::rooms::detail
