// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/engine.hpp>

#include <boost/asio/execution_context.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// Tells the engines of an execution context that it is being destroyed. A call that is under way then would
// otherwise keep itself alive for ever where the caller's coroutine owns the client: client, engine, call,
// handler, coroutine.
class engine_registry final : public boost::asio::execution_context::service
{
public:
    using key_type = engine_registry;
    static inline boost::asio::execution_context::id id;

    explicit engine_registry(boost::asio::execution_context& context) : service(context) {}

    void add(std::weak_ptr<engine> e)
    {
        const std::lock_guard lock(mutex_);
        engines_.erase(
            std::remove_if(engines_.begin(), engines_.end(), [](const auto& w) { return w.expired(); }),
            engines_.end());
        engines_.push_back(std::move(e));
    }

private:
    void shutdown() override
    {
        std::vector<std::weak_ptr<engine>> engines;
        {
            const std::lock_guard lock(mutex_);
            engines.swap(engines_);
        }
        for (const auto& w : engines)
            if (const auto e = w.lock()) e->abandon();
    }

    std::mutex mutex_;
    std::vector<std::weak_ptr<engine>> engines_;
};

} // namespace watchers::rooms::detail
