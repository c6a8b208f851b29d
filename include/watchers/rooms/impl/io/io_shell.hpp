// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/thread_check.hpp>
#include <watchers/rooms/impl/io/tls_context.hpp>
#include <watchers/rooms/impl/io/work_count.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace watchers::rooms::detail {

// What all I/O objects of one client share. They run on `io`, the plainest executor there is (an io_context's
// own saves an eighth of the instructions of a request). The client's state is guarded by `guard`: a strand,
// or the caller's executor where that is not `io`. Without a guard (threading::single on an io_context)
// handlers touch the state where they run. Where no strand is known, `check` finds two threads that do so at
// the same time.
template <class Executor>
class io_shell
{
public:
    io_shell(Executor ex, std::optional<boost::asio::any_io_executor> guarded_by,
             std::shared_ptr<thread_check> c, work_count w, std::unique_ptr<tls_context> t)
        : io(std::move(ex))
        , guard(std::move(guarded_by))
        , check(std::move(c))
        , work(std::move(w))
        , tls(std::move(t))
    {}

    // Runs a completed operation's handler where the client's state may be touched.
    template <class F>
    void enter(F f)
    {
        work.operation_ended();
        if (plain_strand_) return boost::asio::dispatch(*plain_strand_, std::move(f));
        if (guard)
            return boost::asio::dispatch(*guard, [c = check, f = std::move(f)]() mutable {
                const thread_check::scope in_use(c.get());
                f();
            });
        const thread_check::scope in_use(check.get());
        f();
    }

    // The execution context is being destroyed, and the strand must not outlive it.
    void let_go_of_strand() noexcept
    {
        plain_strand_.reset();
        guard.reset();
    }

    const Executor io;
    std::optional<boost::asio::any_io_executor> guard;
    const std::shared_ptr<thread_check> check; // null: a strand serialises
    const work_count work;
    const std::unique_ptr<tls_context> tls; // null: plain HTTP

    std::atomic<bool> looking_up = false; // a look-up of the name is under way

    // Plaintext on its way from TLS to a parser; never kept between two operations, so one serves all
    // connections.
    std::array<char, 16 * 1024> plaintext;

private:
    using strand = boost::asio::strand<Executor>;

    std::optional<strand> strand_in(const std::optional<boost::asio::any_io_executor>& ex) const
    {
        const auto* const s = ex ? ex->template target<strand>() : nullptr;
        return s != nullptr ? std::optional<strand>(*s) : std::nullopt;
    }

    // The guard without type erasure, which costs two allocations a dispatch.
    std::optional<strand> plain_strand_ = strand_in(guard);
};

} // namespace watchers::rooms::detail
