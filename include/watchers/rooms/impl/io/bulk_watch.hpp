// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/timers.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// What a bulk run learns of the client while nothing of its own moves on: that time passes, and that the
// client is gone. Used on the engine's executor; the listener is called on its own.
class bulk_watch final : private deadline
{
public:
    class listener
    {
    public:
        virtual void on_tick() = 0;
        virtual void on_client_stopped() = 0;

    protected:
        ~listener() = default;
    };

    bulk_watch(boost::asio::any_io_executor ex, std::weak_ptr<listener> l, clock::duration interval) noexcept
        : executor_(std::move(ex))
        , listener_(std::move(l))
        , interval_(interval)
    {}

    bool expired() const noexcept { return listener_.expired(); }

    void begin(timers& t, clock::time_point now)
    {
        timers_ = &t;
        t.set(*this, now + interval_);
    }

    void stop() noexcept
    {
        end();
        tell([](listener& l) { l.on_client_stopped(); });
    }

    // The execution context is going, or the run is over.
    void end() noexcept
    {
        if (timers_ != nullptr) timers_->cancel(*this);
        timers_ = nullptr;
    }

private:
    void on_deadline(clock::time_point now) override
    {
        if (expired()) return;
        tell([](listener& l) { l.on_tick(); });
        timers_->set(*this, now + interval_);
    }

    template <class F>
    void tell(F f) noexcept
    {
        auto l = listener_.lock();
        if (!l) return;
        try {
            boost::asio::post(executor_, [l = std::move(l), f] { f(*l); });
        } catch (const std::bad_alloc&) {
            // It learns of it later, or by how its calls end.
        }
    }

    boost::asio::any_io_executor executor_;
    std::weak_ptr<listener> listener_;
    clock::duration interval_;
    timers* timers_ = nullptr;
};

} // namespace watchers::rooms::detail
