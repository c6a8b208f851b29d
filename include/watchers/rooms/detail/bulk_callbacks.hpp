// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/operation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace watchers::rooms {

class bulk_result;

namespace detail {

// What the caller's source and sink are for a bulk run, and how those that take their time come back. All of
// it happens on the run's executor.
class bulk_feed
{
public:
    virtual boost::asio::any_io_executor callback_executor() const = 0;
    virtual boost::asio::cancellation_slot source_slot() = 0;
    virtual boost::asio::cancellation_slot sink_slot() = 0;
    virtual void on_pulled(std::optional<operation>) = 0;
    virtual void on_delivered() = 0;
    virtual void on_pull_failed(std::exception_ptr) = 0;
    virtual void on_delivery_failed(std::exception_ptr) = 0;

protected:
    ~bulk_feed() = default;
};

class bulk_source
{
public:
    enum class pulled : unsigned char
    {
        one,
        end,
        later, // bulk_feed::on_pulled() tells
    };

    virtual ~bulk_source() = default;

    // Not called again after it has returned `end` or thrown.
    virtual pulled pull(std::optional<operation>& out, const std::shared_ptr<bulk_feed>&) = 0;
    virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
};

class bulk_sink
{
public:
    virtual ~bulk_sink() = default;

    // Returns whether that was all; else bulk_feed::on_delivered() tells, and the result lives until then.
    virtual bool deliver(bulk_result&, const std::shared_ptr<bulk_feed>&) = 0;
};

template <class T>
struct awaited
{
    static constexpr bool value = false;
};
template <class T, class Executor>
struct awaited<boost::asio::awaitable<T, Executor>>
{
    static constexpr bool value = true;
    using type = T;
};

template <class F>
concept operation_source =
    std::invocable<F&> && std::convertible_to<std::invoke_result_t<F&>, std::optional<operation>>;

template <class F>
concept awaitable_operation_source = std::invocable<F&> && awaited<std::invoke_result_t<F&>>::value;

template <class R>
concept operation_range =
    std::ranges::input_range<R> && std::convertible_to<std::ranges::range_reference_t<R>, operation>;

template <class View>
class range_source final : public bulk_source
{
public:
    explicit range_source(View v) : view_(std::move(v)) {}

    pulled pull(std::optional<operation>& out, const std::shared_ptr<bulk_feed>&) override
    {
        // The iterator is advanced only now, since ++ may throw: the run has received the operation before.
        if (next_)
            ++*next_;
        else
            next_.emplace(std::ranges::begin(view_));
        if (*next_ == std::ranges::end(view_)) return pulled::end;
        out.emplace(**next_);
        return pulled::one;
    }

    std::optional<std::uint64_t> size() const override
    {
        if constexpr (std::ranges::sized_range<const View>)
            return static_cast<std::uint64_t>(std::ranges::size(view_));
        return std::nullopt;
    }

private:
    View view_;
    std::optional<std::ranges::iterator_t<View>> next_;
};

template <class F>
class function_source final : public bulk_source
{
public:
    explicit function_source(F f) : function_(std::move(f)) {}

    pulled pull(std::optional<operation>& out, const std::shared_ptr<bulk_feed>& feed) override
    {
        if constexpr (awaitable_operation_source<F>) {
            auto done = [feed](std::exception_ptr e, std::optional<operation> o) {
                if (e)
                    feed->on_pull_failed(std::move(e));
                else
                    feed->on_pulled(std::move(o));
            };
            boost::asio::co_spawn(feed->callback_executor(), function_(),
                                  boost::asio::bind_cancellation_slot(feed->source_slot(), std::move(done)));
            return pulled::later;
        } else {
            out = function_();
            return out ? pulled::one : pulled::end;
        }
    }

private:
    F function_;
};

template <class F>
class function_sink final : public bulk_sink
{
public:
    explicit function_sink(F f) : function_(std::move(f)) {}

    bool deliver(bulk_result& r, const std::shared_ptr<bulk_feed>& feed) override
    {
        using returned = std::invoke_result_t<F&, bulk_result&&>;
        if constexpr (awaited<returned>::value) {
            static_assert(std::is_void_v<typename awaited<returned>::type>,
                          "an awaitable of a bulk run's sink returns nothing");
            auto done = [feed](std::exception_ptr e) {
                if (e)
                    feed->on_delivery_failed(std::move(e));
                else
                    feed->on_delivered();
            };
            boost::asio::co_spawn(feed->callback_executor(), function_(std::move(r)),
                                  boost::asio::bind_cancellation_slot(feed->sink_slot(), std::move(done)));
            return false;
        } else {
            function_(std::move(r));
            return true;
        }
    }

private:
    F function_;
};

template <class Source>
std::unique_ptr<bulk_source> make_bulk_source(Source&& s)
{
    using plain = std::decay_t<Source>; // a function as well
    if constexpr (operation_range<Source>) {
        using view = std::views::all_t<Source>;
        return std::make_unique<range_source<view>>(std::views::all(std::forward<Source>(s)));
    } else {
        static_assert(
            operation_source<plain> || awaitable_operation_source<plain>,
            "a bulk run's source is a range of operations, or a function without parameters that returns "
            "std::optional<operation> or an awaitable of it");
        return std::make_unique<function_source<plain>>(std::forward<Source>(s));
    }
}

template <class Sink>
std::unique_ptr<bulk_sink> make_bulk_sink(Sink&& s)
{
    static_assert(
        std::invocable<std::decay_t<Sink>&, bulk_result&&>,
        "a bulk run's sink is a function that takes a bulk_result, and returns nothing or an awaitable");
    return std::make_unique<function_sink<std::decay_t<Sink>>>(std::forward<Sink>(s));
}

} // namespace detail
} // namespace watchers::rooms
