// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/thread_check.hpp>
#include <watchers/rooms/impl/io/transport.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace watchers::rooms::detail {

// What the engine needs of the world outside: time, chance, names, connections. One is made of Asio, the
// tests make theirs.
class environment
{
public:
    // Whom the environment calls: the engine.
    class listener
    {
    public:
        // The moment asked for by wake_at() has come, or is near enough.
        virtual void on_wake() = 0;

        // The answer to resolve().
        virtual void on_resolved(error_code, std::vector<endpoint>) = 0;

    protected:
        ~listener() = default;
    };

    virtual ~environment() = default;

    // The listener is called as long as the weak pointer is alive.
    virtual void listen(std::weak_ptr<listener>) = 0;

    // Guards the client's state: all calls of the listener are made on it.
    virtual boost::asio::any_io_executor executor() const = 0;

    // What the caller made the client with: the same, unless the client has a strand of its own around it.
    virtual boost::asio::any_io_executor callers_executor() const { return executor(); }

    // Null where a strand guards the client's state, or one thread by nature.
    virtual thread_check* check() const noexcept { return nullptr; }

    virtual clock::time_point now() const noexcept = 0;

    // The local wall clock. Used for one purpose: to measure how far off a Retry-After date is if its
    // response has no Date.
    virtual std::chrono::system_clock::time_point wall_clock() const noexcept
    {
        return std::chrono::system_clock::now();
    }

    // Uniform over all values; different in each process.
    virtual std::uint64_t random() noexcept = 0;

    // Calls on_wake() at that moment or sooner. The earliest one asked for counts; on_wake() may be called
    // too early. The former moment stays if it throws.
    virtual void wake_at(clock::time_point) = 0;

    // Resolves the origin's name; one resolution at a time. Does not call the listener before it has
    // returned.
    virtual void resolve() = 0;

    // Whether a resolution is under way. One that runs out of memory ends without a call of the listener.
    virtual bool resolving() const noexcept = 0;

    virtual std::shared_ptr<transport> make_transport() = 0;

    // A call is under way: the execution context shall not run out of work. Nothing else here counts as work.
    virtual void work_started() noexcept = 0;
    virtual void work_finished() noexcept = 0;

    // The execution context is being destroyed: lets go of everything that belongs to it.
    virtual void abandon() noexcept = 0;

    // The same, for a strand of the client's own. Only when the execution context is being destroyed: before,
    // other threads may look at it.
    virtual void let_go_of_strand() noexcept {}
};

} // namespace watchers::rooms::detail
