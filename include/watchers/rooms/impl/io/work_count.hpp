// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <optional>

namespace watchers::rooms::detail {

// What counts as work for the io_context: calls do, the client's own waiting does not, so that run() returns
// when no call is under way although connections are idle. Asio counts each pending operation; here that is
// taken back while it is pending. Only an io_context can be told; on other contexts pending operations count.
class work_count
{
public:
    explicit work_count(const boost::asio::any_io_executor& ex) : native_(native_below(ex)) {}

    // The io_context's own executor, if that is what runs all.
    const std::optional<boost::asio::io_context::executor_type>& native() const noexcept { return native_; }

    void add() const noexcept
    {
        if (native_) native_->on_work_started();
    }
    void remove() const noexcept
    {
        if (native_) native_->on_work_finished();
    }

    // Around one pending operation of the client's own: before it is begun, and first in its handler.
    void operation_began() const noexcept { remove(); }
    void operation_ended() const noexcept { add(); }

private:
    using native_executor = boost::asio::io_context::executor_type;

    // The io_context's executor in an executor, or in a strand around it.
    static std::optional<native_executor> native_below(const boost::asio::any_io_executor& ex)
    {
        using boost::asio::strand;
        if (const auto* n = ex.target<native_executor>()) return *n;
        if (const auto* s = ex.target<strand<native_executor>>()) return s->get_inner_executor();
        if (const auto* s = ex.target<strand<boost::asio::any_io_executor>>()) return native_below(s->get_inner_executor());
        return std::nullopt;
    }

    std::optional<native_executor> native_;
};

} // namespace watchers::rooms::detail
