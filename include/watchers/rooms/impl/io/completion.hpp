// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/initiate.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <new>
#include <optional>
#include <tuple>
#include <utility>

namespace watchers::rooms::detail {

// When the caller's handler runs.
enum class when : bool
{
    later,   // posted
    at_once, // as the last act of the function that is told so; on the client's executor only
};

// Where a client's state is guarded, and where its caller wants to be called if he does not say otherwise.
class executor_pair
{
public:
    executor_pair(asio::any_io_executor guard, asio::any_io_executor callers)
        : guard_(std::move(guard))
        , callers_(std::move(callers))
        , separate_(guard_ != callers_)
    {}

    const asio::any_io_executor& guard() const noexcept { return guard_; }
    const asio::any_io_executor& callers() const noexcept { return callers_; }

    // Whether the guard is a strand of the client's own. No code of the caller's may run on it: it would hold
    // up all other calls.
    bool separate() const noexcept { return separate_; }

    // The execution context is being destroyed, and the strand must not outlive it.
    void let_go_of_strand() noexcept { guard_ = callers_; }

private:
    asio::any_io_executor guard_;
    asio::any_io_executor callers_;
    bool separate_;
};

// The caller's handler until it is called: keeps its executor from running out of work, and calls it there.
template <class... Values>
class completion
{
public:
    using handler_type = asio::any_completion_handler<void(error_code, Values...)>;

    completion(handler_type h, const executor_pair& home) : handler_(std::move(h))
    {
        const asio::any_completion_executor ex = asio::get_associated_executor(handler_, home.callers());
        if (!ex) throw std::bad_alloc(); // Asio gives an empty one then
        if (!same(ex, home.callers()))
            executor_.emplace(asio::prefer(ex, asio::execution::outstanding_work.tracked));
    }

    handler_type& handler() noexcept { return handler_; }

    // Without Asio's look at what the handler is associated with, which ends badly when memory is short.
    void complete(when w, const executor_pair& home, error_code ec, Values... values) &&
    {
        if (w == when::later || home.separate())
            return asio::post(home.callers(), outcome(std::move(*this), ec, std::move(values)...));
        std::move(*this).run(ec, std::move(values)...);
    }

private:
    // On the caller's executor.
    void run(error_code ec, Values... values) &&
    {
        if (!executor_) return std::move(handler_)(ec, std::move(values)...);
        const auto ex = *std::exchange(executor_, std::nullopt);
        ex.execute(outcome(std::move(*this), ec, std::move(values)...));
    }

    // The handler with its arguments.
    class outcome
    {
    public:
        outcome(completion&& c, error_code ec, Values&&... values)
            : completion_(std::move(c))
            , arguments_(ec, std::move(values)...)
        {}

        void operator()()
        {
            const auto call = [this](error_code ec, Values&... values) {
                std::move(completion_).run(ec, std::move(values)...);
            };
            std::apply(call, arguments_);
        }

    private:
        completion completion_;
        std::tuple<error_code, Values...> arguments_;
    };

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
    std::optional<asio::any_completion_executor> executor_; // none: the caller's io_context
};

} // namespace watchers::rooms::detail
