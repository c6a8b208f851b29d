// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <optional>

namespace watchers::rooms::detail {

// What counts as work for the execution context: calls do, the client's own waiting does not, so that run()
// (a thread_pool's join()) returns when no call is under way although connections are idle. Asio counts each
// pending operation; here that is taken back while it is pending. Only an io_context and a thread_pool can be
// told; on other contexts pending operations count.
class work_count
{
public:
    explicit work_count(const boost::asio::any_io_executor& ex)
        : native_(below<native_executor>(ex))
        , pool_(below<pool_executor>(ex))
    {}

    // The io_context's own executor, if that is what runs all.
    const std::optional<boost::asio::io_context::executor_type>& native() const noexcept { return native_; }

    // Likewise of a thread_pool.
    const std::optional<boost::asio::thread_pool::executor_type>& pool() const noexcept { return pool_; }

    void add() const noexcept
    {
        if (native_) native_->on_work_started();
        if (pool_) pool_->on_work_started();
    }
    void remove() const noexcept
    {
        if (native_) native_->on_work_finished();
        if (pool_) pool_->on_work_finished();
    }

    // Around one pending operation of the client's own: as soon as it has begun, and first in its handler.
    // Sooner, the context could run out of work, and stop.
    void operation_began() const noexcept { remove(); }
    void operation_ended() const noexcept { add(); }

private:
    using native_executor = boost::asio::io_context::executor_type;

    using pool_executor = boost::asio::thread_pool::executor_type;

    // The context's own executor in an executor, or in a strand around it.
    template <class Executor>
    static std::optional<Executor> below(const boost::asio::any_io_executor& ex)
    {
        using boost::asio::strand;
        if (const auto* n = ex.target<Executor>()) return *n;
        if (const auto* s = ex.target<strand<Executor>>()) return s->get_inner_executor();
        if (const auto* s = ex.target<strand<boost::asio::any_io_executor>>())
            return below<Executor>(s->get_inner_executor());
        return std::nullopt;
    }

    std::optional<native_executor> native_;
    std::optional<pool_executor> pool_;
};

} // namespace watchers::rooms::detail
