// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/initiate.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <optional>
#include <utility>

namespace watchers::rooms::detail {

// When the caller's handler runs.
enum class when : bool
{
    later,   // posted
    at_once, // as the last act of the function that is told so; on the client's executor only
};

// The caller's handler until it is called: keeps its executor from running out of work, and calls it there.
template <class... Values>
class completion
{
public:
    using handler_type = asio::any_completion_handler<void(error_code, Values...)>;

    completion(handler_type h, const asio::any_io_executor& own) : handler_(std::move(h))
    {
        const asio::any_completion_executor ex = asio::get_associated_executor(handler_, own);
        inline_ = same(ex, own);
        if (!inline_) work_.emplace(asio::prefer(ex, asio::execution::outstanding_work.tracked));
    }

    handler_type& handler() noexcept { return handler_; }

    void complete(when w, const asio::any_io_executor& own, error_code ec, Values... values) &&
    {
        if (w == when::later)
            asio::post(own, asio::append(std::move(handler_), ec, std::move(values)...));
        else if (inline_)
            std::move(handler_)(ec, std::move(values)...);
        else
            asio::dispatch(asio::append(std::move(handler_), ec, std::move(values)...));
    }

private:
    // Whether code that runs on `own` may call the handler directly. An executor is compared as what it
    // holds, since coroutines come with an any_io_executor around it and callbacks without.
    static bool same(const asio::any_completion_executor& ex, const asio::any_io_executor& own) noexcept
    {
        using native = asio::io_context::executor_type;
        const native* mine = own.target<native>();
        if (mine == nullptr) return false;
        if (const native* n = ex.target<native>()) return *n == *mine;
        if (const auto* any = ex.target<asio::any_io_executor>())
            if (const native* n = any->target<native>()) return *n == *mine;
        return false;
    }

    handler_type handler_;
    std::optional<asio::any_completion_executor> work_;
    bool inline_ = false;
};

} // namespace watchers::rooms::detail
