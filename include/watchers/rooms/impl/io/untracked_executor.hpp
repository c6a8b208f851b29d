// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <utility>

namespace watchers::rooms::detail {

// An executor that cannot be asked to track outstanding work. Asio does that with each operation on an
// executor other than an io_context's, beside the count of the operation itself, where work_count cannot take
// it back.
template <class Inner>
class untracked_executor
{
public:
    explicit untracked_executor(Inner i) noexcept : inner_(std::move(i)) {}

    auto& query(boost::asio::execution::context_t p) const noexcept { return boost::asio::query(inner_, p); }

    auto require(boost::asio::execution::blocking_t::never_t p) const
    {
        using blocking_never = decltype(boost::asio::require(inner_, p));
        return untracked_executor<blocking_never>(boost::asio::require(inner_, p));
    }

    template <class F>
    void execute(F&& f) const
    {
        inner_.execute(std::forward<F>(f));
    }

    friend bool operator==(const untracked_executor& a, const untracked_executor& b) noexcept
    {
        return a.inner_ == b.inner_;
    }
    friend bool operator!=(const untracked_executor& a, const untracked_executor& b) noexcept
    {
        return !(a == b);
    }

private:
    Inner inner_;
};

} // namespace watchers::rooms::detail
