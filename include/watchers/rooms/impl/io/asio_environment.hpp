// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/environment.hpp>
#include <watchers/rooms/impl/io/io_shell.hpp>
#include <watchers/rooms/impl/io/tcp_transport.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// The world as Asio has it.
template <class Executor>
class asio_environment final : public environment
{
public:
    // @param own guards the client's state: the caller's executor, or a strand of the client's around it
    asio_environment(boost::asio::any_io_executor own, boost::asio::any_io_executor callers,
                     std::shared_ptr<io_shell<Executor>> s, origin o)
        : executor_(std::move(own))
        , callers_executor_(std::move(callers))
        , shell_(std::move(s))
        , origin_(std::move(o))
        , timer_(std::in_place, shell_->io)
        , resolver_(std::in_place, shell_->io)
        , random_(std::random_device()())
    {}

    void listen(std::weak_ptr<listener> l) override { listener_ = std::move(l); }
    boost::asio::any_io_executor executor() const override { return executor_; }
    boost::asio::any_io_executor callers_executor() const override { return callers_executor_; }
    thread_check* check() const noexcept override { return shell_->check.get(); }
    clock::time_point now() const noexcept override { return clock::now(); }
    std::uint64_t random() noexcept override { return random_(); }

    void wake_at(clock::time_point when) override
    {
        if (!timer_) return;
        timer_->expires_at(when);
        timer_->async_wait([shell = shell_, l = listener_](error_code ec) {
            shell->enter([l, ec] {
                const auto alive = l.lock();
                if (alive && !ec) alive->on_wake();
            });
        });
        shell_->work.operation_began();
    }

    void resolve() override
    {
        if (!resolver_) return;
        error_code not_an_address;
        const auto address = boost::asio::ip::make_address(origin_.host(), not_an_address);
        if (!not_an_address) {
            boost::asio::post(shell_->io,
                              [shell = shell_, l = listener_, e = endpoint(address, origin_.port())] {
                                  shell->enter([l, e] {
                                      if (const auto alive = l.lock()) alive->on_resolved({}, {e});
                                  });
                              });
        } else {
            resolver_->async_resolve(origin_.host(), std::to_string(origin_.port()),
                                     boost::asio::ip::resolver_base::numeric_service,
                                     [shell = shell_, l = listener_](error_code ec, const results& found) {
                                         std::vector<endpoint> addresses(found.begin(), found.end());
                                         // Plain HTTP is for loopback, wherever the name "localhost" leads
                                         // to.
                                         if (!shell->tls)
                                             std::erase_if(addresses, [](const endpoint& e) {
                                                 return !e.address().is_loopback();
                                             });
                                         shell->enter([l, ec, addresses = std::move(addresses)] {
                                             if (const auto alive = l.lock())
                                                 alive->on_resolved(ec, addresses);
                                         });
                                     });
        }
        shell_->work.operation_began();
    }

    std::shared_ptr<transport> make_transport() override
    {
        return std::make_shared<tcp_transport<Executor>>(shell_);
    }

    void work_started() noexcept override { shell_->work.add(); }
    void work_finished() noexcept override { shell_->work.remove(); }

    void abandon() noexcept override
    {
        timer_.reset();
        resolver_.reset();
    }

    void let_go_of_strand() noexcept override
    {
        executor_ = callers_executor_;
        shell_->let_go_of_strand();
    }

private:
    using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, Executor>;
    using resolver = boost::asio::ip::basic_resolver<boost::asio::ip::tcp, Executor>;
    using results = boost::asio::ip::tcp::resolver::results_type;

    boost::asio::any_io_executor executor_;
    boost::asio::any_io_executor callers_executor_;
    std::shared_ptr<io_shell<Executor>> shell_;
    origin origin_;
    std::weak_ptr<listener> listener_;
    std::optional<timer> timer_;
    std::optional<resolver> resolver_;
    std::mt19937_64 random_;
};

} // namespace watchers::rooms::detail
