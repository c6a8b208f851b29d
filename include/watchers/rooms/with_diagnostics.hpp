// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/initiate.hpp>
#include <watchers/rooms/diagnostics.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace watchers::rooms {

/// A completion token that makes a failed operation of this library throw @ref error, diagnostics included,
/// where the adapted token turns an exception_ptr into a throw: `with_diagnostics(asio::use_awaitable)`,
/// `with_diagnostics(asio::use_future)`. It is the default token of the client's operations, around
/// use_awaitable.
///
/// The completion signature `void(error_code, T...)` becomes `void(std::exception_ptr, T...)`. If the call's
/// options name a diagnostics object of the caller's, that is filled and thrown a copy of.
template <class Token>
class with_diagnostics_t
{
public:
    constexpr with_diagnostics_t() = default;
    template <class T>
        requires(!std::is_same_v<std::decay_t<T>, with_diagnostics_t>)
    constexpr explicit with_diagnostics_t(T&& t) : token(std::forward<T>(t))
    {}

    [[no_unique_address]] Token token{};
};

/// Adapts a token: see @ref with_diagnostics_t.
template <class Token>
constexpr with_diagnostics_t<std::decay_t<Token>> with_diagnostics(Token&& token)
{
    return with_diagnostics_t<std::decay_t<Token>>(std::forward<Token>(token));
}

namespace detail {

template <class Handler>
class throwing_handler
{
public:
    throwing_handler(Handler h, std::unique_ptr<diagnostics> own, diagnostics* used)
        : inner(std::move(h))
        , own_(std::move(own))
        , used_(used)
    {}

    template <class... Values>
    void operator()(error_code ec, Values&&... values)
    {
        std::exception_ptr thrown;
        if (ec) thrown = std::make_exception_ptr(error(ec, *used_));
        own_.reset();
        std::move(inner)(std::move(thrown), std::forward<Values>(values)...);
    }

    Handler inner;

private:
    std::unique_ptr<diagnostics> own_;
    diagnostics* used_;
};

template <class Initiation>
class throwing_initiation
{
public:
    explicit throwing_initiation(Initiation i) : initiation_(std::move(i)) {}

    template <class Handler>
    void operator()(Handler&& handler)
    {
        auto own = std::make_unique<diagnostics>();
        diagnostics* used = &initiation_.collect(*own);
        std::move(initiation_)(
            throwing_handler<std::decay_t<Handler>>(std::forward<Handler>(handler), std::move(own), used));
    }

private:
    Initiation initiation_;
};

template <class Signature>
struct throwing_signature;

template <class... Values>
struct throwing_signature<void(error_code, Values...)>
{
    using type = void(std::exception_ptr, Values...);
};

} // namespace detail
} // namespace watchers::rooms

template <class Token, class Signature>
class boost::asio::async_result<watchers::rooms::with_diagnostics_t<Token>, Signature>
{
    using throwing = typename watchers::rooms::detail::throwing_signature<Signature>::type;

public:
    template <class Initiation, class T>
    static auto initiate(Initiation&& initiation, T&& token)
    {
        using watchers::rooms::detail::throwing_initiation;
        return asio::async_initiate<Token, throwing>(
            throwing_initiation<std::decay_t<Initiation>>(std::forward<Initiation>(initiation)), token.token);
    }
};

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, watchers::rooms::detail::throwing_handler<Handler>, Default>
    : Associator<Handler, Default>
{
    static auto get(const watchers::rooms::detail::throwing_handler<Handler>& h,
                    const Default& d = Default()) noexcept
    {
        return Associator<Handler, Default>::get(h.inner, d);
    }
};
