// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>
#include <watchers/rooms/journal.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// Brings the word of a journal's commit from the journal's thread to a run, which it keeps alive meanwhile.
// When the execution context is destroyed, it lets go of the run there and then: the journal may be at work
// still, and neither may the context be posted to from then on, nor what the run holds of it be destroyed
// later.
class bulk_commit final : public std::enable_shared_from_this<bulk_commit>
{
public:
    class listener
    {
    public:
        virtual void on_committed(error_code) = 0; // on the executor

    protected:
        ~listener() = default;
    };

    static std::shared_ptr<bulk_commit> make(const boost::asio::any_io_executor& ex)
    {
        auto c = std::make_shared<bulk_commit>(ex);
        boost::asio::use_service<registry>(boost::asio::query(ex, boost::asio::execution::context)).add(c);
        return c;
    }

    explicit bulk_commit(boost::asio::any_io_executor ex) noexcept : executor_(std::move(ex)) {}

    // One at a time. If it throws, the listener hears nothing.
    void begin(journal& j, std::shared_ptr<listener> l)
    {
        {
            const std::lock_guard lock(mutex_);
            listener_ = std::move(l);
        }
        try {
            j.commit([self = shared_from_this()](error_code ec) { self->end(ec); });
        } catch (...) {
            const auto held = take();
            throw;
        }
    }

    // The run is over: the journal's thread, which may hold this longest, is left with nothing of the
    // context.
    void forget() noexcept { abandon(); }

private:
    class registry final : public boost::asio::execution_context::service
    {
    public:
        using key_type = registry;
        static inline boost::asio::execution_context::id id;

        explicit registry(boost::asio::execution_context& context) : service(context) {}

        void add(std::weak_ptr<bulk_commit> c)
        {
            const std::lock_guard lock(mutex_);
            std::erase_if(all_, [](const auto& w) { return w.expired(); });
            all_.push_back(std::move(c));
        }

    private:
        void shutdown() override
        {
            std::vector<std::weak_ptr<bulk_commit>> all;
            {
                const std::lock_guard lock(mutex_);
                all.swap(all_);
            }
            for (const auto& w : all)
                if (const auto c = w.lock()) c->abandon();
        }

        std::mutex mutex_;
        std::vector<std::weak_ptr<bulk_commit>> all_;
    };

    void end(error_code ec)
    {
        while (!post(ec)) // there is nobody to tell that memory is short
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    bool post(error_code ec)
    {
        const std::lock_guard lock(mutex_); // while it is held, the context is not destroyed
        if (!listener_) return true;
        try {
            // Not with the listener: it would be let go of here if this fails, or is overtaken.
            boost::asio::post(executor_, [self = shared_from_this(), ec] { self->deliver(ec); });
        } catch (const std::bad_alloc&) {
            return false;
        }
        return true;
    }

    void deliver(error_code ec)
    {
        if (const auto l = take()) l->on_committed(ec);
    }

    void abandon() noexcept
    {
        boost::asio::any_io_executor ex;
        std::shared_ptr<listener> l;
        const std::lock_guard lock(mutex_);
        ex.swap(executor_);
        l.swap(listener_);
    }

    std::shared_ptr<listener> take() noexcept
    {
        const std::lock_guard lock(mutex_);
        return std::move(listener_);
    }

    std::mutex mutex_;
    boost::asio::any_io_executor executor_;
    std::shared_ptr<listener> listener_; // while a commit is under way
};

} // namespace watchers::rooms::detail
