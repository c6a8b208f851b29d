// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/detail/call_request.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associator.hpp>

#include <memory>
#include <utility>

namespace watchers::rooms::detail {

namespace asio = boost::asio;

class engine;

using room_handler = asio::any_completion_handler<void(error_code, room)>;
using drain_handler = asio::any_completion_handler<void(error_code)>;

void start_call(const std::shared_ptr<engine>&, call_request, const call_options&, room_handler);
void start_drain(const std::shared_ptr<engine>&, drain_handler);

// Calls a void(error_code) handler for an operation whose answer holds no room.
template <class Handler>
class without_room
{
public:
    explicit without_room(Handler h) : inner(std::move(h)) {}
    void operator()(error_code ec, const room&) { std::move(inner)(ec); }

    Handler inner;
};

// The initiation of the four operations that complete with a room.
class initiate_call
{
public:
    initiate_call(std::shared_ptr<engine> e, call_request r, call_options o)
        : engine_(std::move(e))
        , request_(std::move(r))
        , options_(o)
    {}

    // Takes diagnostics unless the caller gave his own.
    diagnostics& collect(diagnostics& fallback) noexcept
    {
        if (options_.diagnostics() == nullptr) options_.diagnostics(fallback);
        return *options_.diagnostics();
    }

    template <class Handler>
    void operator()(Handler&& handler)
    {
        start_call(engine_, std::move(request_), options_, room_handler(std::forward<Handler>(handler)));
    }

protected:
    std::shared_ptr<engine> engine_;
    call_request request_;
    call_options options_;
};

// The initiation of delete, which completes without one.
class initiate_delete : public initiate_call
{
public:
    using initiate_call::initiate_call;

    template <class Handler>
    void operator()(Handler&& handler)
    {
        initiate_call::operator()(without_room<std::decay_t<Handler>>(std::forward<Handler>(handler)));
    }
};

class initiate_drain
{
public:
    explicit initiate_drain(std::shared_ptr<engine> e) : engine_(std::move(e)) {}

    template <class Handler>
    void operator()(Handler&& handler)
    {
        start_drain(engine_, drain_handler(std::forward<Handler>(handler)));
    }

private:
    std::shared_ptr<engine> engine_;
};

} // namespace watchers::rooms::detail

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, watchers::rooms::detail::without_room<Handler>, Default>
    : Associator<Handler, Default>
{
    static auto get(const watchers::rooms::detail::without_room<Handler>& h,
                    const Default& d = Default()) noexcept
    {
        return Associator<Handler, Default>::get(h.inner, d);
    }
};
