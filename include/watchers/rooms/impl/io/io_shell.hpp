// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/tls_context.hpp>
#include <watchers/rooms/impl/io/work_count.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>

#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace watchers::rooms::detail {

// What all I/O objects of one client share. They run on `io`, the plainest executor there is (an io_context's
// own saves an eighth of the instructions of a request); the client's state is guarded by `guard`, where that
// is not the same.
template <class Executor>
class io_shell
{
public:
    io_shell(Executor ex, std::optional<boost::asio::any_io_executor> guarded_by, work_count w,
             std::unique_ptr<tls_context> t)
        : io(std::move(ex))
        , guard(std::move(guarded_by))
        , work(std::move(w))
        , tls(std::move(t))
    {}

    // Runs a completed operation's handler where the client's state may be touched.
    template <class F>
    void enter(F f)
    {
        work.operation_ended();
        if (guard)
            boost::asio::dispatch(*guard, std::move(f));
        else
            f();
    }

    const Executor io;
    const std::optional<boost::asio::any_io_executor> guard;
    const work_count work;
    const std::unique_ptr<tls_context> tls; // null: plain HTTP

    // Plaintext on its way from TLS to a parser; never kept between two operations, so one serves all
    // connections.
    std::array<char, 16 * 1024> plaintext;
};

} // namespace watchers::rooms::detail
