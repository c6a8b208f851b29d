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
#include <new>
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
        , timer_(std::make_unique<timer>(shell_->io))
        , spare_timer_(std::make_unique<timer>(shell_->io))
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
        // The former alarm lives until memory for this one has been found.
        spare_timer_->expires_at(when);
        spare_timer_->async_wait([shell = shell_, l = listener_](error_code ec) {
            shell->enter([l, ec] {
                const auto alive = l.lock();
                if (alive && !ec) alive->on_wake();
            });
        });
        shell_->work.operation_began();
        timer_->cancel();
        std::swap(timer_, spare_timer_);
    }

    bool resolving() const noexcept override { return shell_->looking_up.load(std::memory_order_relaxed); }

    void resolve() override
    {
        if (!resolver_) return;
        error_code not_an_address;
        const auto address = boost::asio::ip::make_address(origin_.host(), not_an_address);
        auto under_way = std::make_shared<look_up>(shell_);
        if (!not_an_address) {
            boost::asio::post(shell_->io,
                              [l = listener_, e = endpoint(address, origin_.port()), under_way]() mutable {
                                  enter_from(std::move(under_way), [l, e] {
                                      if (const auto alive = l.lock()) alive->on_resolved({}, {e});
                                  });
                              });
        } else {
            resolver_->async_resolve(origin_.host(), std::to_string(origin_.port()),
                                     boost::asio::ip::resolver_base::numeric_service,
                                     [l = listener_, under_way,
                                      local = !shell_->tls](error_code ec, const results& found) mutable {
                                         enter_from(std::move(under_way), [l, ec, found, local] {
                                             if (const auto alive = l.lock())
                                                 tell_resolved(*alive, ec, found, local);
                                         });
                                     });
        }
        under_way->begin(); // not sooner: the context must not run out of work
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
        spare_timer_.reset();
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

    // Held by the handler of a look-up, which Asio destroys if it finds no memory for the addresses.
    class look_up
    {
    public:
        explicit look_up(std::shared_ptr<io_shell<Executor>> s) : shell_(std::move(s))
        {
            shell_->looking_up = true;
        }
        look_up(const look_up&) = delete;
        look_up& operator=(const look_up&) = delete;
        ~look_up()
        {
            shell_->looking_up = false;
            if (began_ && !ended_) shell_->work.operation_ended();
        }

        void begin() noexcept
        {
            began_ = true;
            shell_->work.operation_began();
        }

        std::shared_ptr<io_shell<Executor>> end() noexcept
        {
            ended_ = true; // enter() counts
            return shell_;
        }

    private:
        std::shared_ptr<io_shell<Executor>> shell_;
        bool began_ = false;
        bool ended_ = false;
    };

    template <class F>
    static void enter_from(std::shared_ptr<look_up> l, F f)
    {
        const auto shell = l->end();
        shell->enter([l = std::move(l), f = std::move(f)]() mutable {
            l.reset(); // f may begin another one
            f();
        });
    }

    // The listener is told in any case: without that no other look-up would be begun.
    // @param local only addresses of this machine: plain HTTP is for loopback, wherever "localhost" leads to
    static void tell_resolved(listener& l, error_code ec, const results& found, bool local)
    {
        std::vector<endpoint> addresses;
        try {
            for (const auto& entry : found)
                if (const endpoint e = entry; !local || e.address().is_loopback()) addresses.push_back(e);
        } catch (const std::bad_alloc&) {
            addresses.clear();
            ec = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
        }
        l.on_resolved(ec, std::move(addresses));
    }

    boost::asio::any_io_executor executor_;
    boost::asio::any_io_executor callers_executor_;
    std::shared_ptr<io_shell<Executor>> shell_;
    origin origin_;
    std::weak_ptr<listener> listener_;
    std::unique_ptr<timer> timer_;
    std::unique_ptr<timer> spare_timer_;
    std::optional<resolver> resolver_;
    std::mt19937_64 random_;
};

} // namespace watchers::rooms::detail
