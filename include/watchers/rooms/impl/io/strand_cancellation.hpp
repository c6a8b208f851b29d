// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace watchers::rooms::detail {

// A cancellation signal of the strand's own. It holds the strand as well, so that nothing in the caller's
// slot does, which may outlive the execution context.
class strand_signal
{
public:
    explicit strand_signal(boost::asio::any_io_executor ex) : strand(std::move(ex)) {}

    boost::asio::any_io_executor strand;
    boost::asio::cancellation_signal signal;
};

// A handler with such a signal. Signals are not thread-safe: the caller's is
// touched only where he begins the operation and where he emits, this one only on the strand.
template <class... Values>
class strand_handler
{
public:
    using handler_type = boost::asio::any_completion_handler<void(error_code, Values...)>;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    strand_handler(handler_type h, std::shared_ptr<strand_signal> s)
        : inner(std::move(h))
        , signal_(std::move(s))
    {}

    void operator()(error_code ec, Values... values) { std::move(inner)(ec, std::move(values)...); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return signal_->signal.slot(); }

    handler_type inner;

private:
    std::shared_ptr<strand_signal> signal_;
};

// What the caller's signal holds in its place: passes on what it emits, as long as the handler lives.
class strand_canceller
{
public:
    explicit strand_canceller(const std::shared_ptr<strand_signal>& s) : signal_(s) {}

    void operator()(boost::asio::cancellation_type type) const
    {
        if (const auto s = signal_.lock()) boost::asio::post(s->strand, [s, type] { s->signal.emit(type); });
    }

private:
    std::weak_ptr<strand_signal> signal_;
};

// The handler as the strand may use it. Called by the initiating function, in its caller's thread.
template <class... Values>
boost::asio::any_completion_handler<void(error_code, Values...)>
cancelled_on_strand(const boost::asio::any_io_executor& strand,
                    boost::asio::any_completion_handler<void(error_code, Values...)> handler)
{
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected()) return handler;
    auto signal = std::make_shared<strand_signal>(strand);
    slot.template emplace<strand_canceller>(signal);
    return strand_handler<Values...>(std::move(handler), std::move(signal));
}

} // namespace watchers::rooms::detail

template <template <class, class> class Associator, class... Values, class Default>
struct boost::asio::associator<Associator, watchers::rooms::detail::strand_handler<Values...>, Default>
    : Associator<typename watchers::rooms::detail::strand_handler<Values...>::handler_type, Default>
{
    static auto get(const watchers::rooms::detail::strand_handler<Values...>& h,
                    const Default& d = Default()) noexcept
    {
        using inner = typename watchers::rooms::detail::strand_handler<Values...>::handler_type;
        return Associator<inner, Default>::get(h.inner, d);
    }
};
