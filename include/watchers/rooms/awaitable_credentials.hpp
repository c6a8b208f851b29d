// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace watchers::rooms {

namespace detail {

// As Boost's, so that the codes of the two can be compared.
inline error_code code_of(const std::error_code& ec) noexcept
{
    if (ec.category() == std::generic_category()) return {ec.value(), boost::system::generic_category()};
    if (ec.category() == std::system_category()) return {ec.value(), boost::system::system_category()};
    return ec;
}

// What a credential provider's exception is as an error_code.
inline error_code code_of(std::exception_ptr thrown)
{
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const boost::system::system_error& e) {
        return e.code();
    } catch (const std::system_error& e) {
        return code_of(e.code());
    } catch (...) {
        return errc::credentials_failed;
    }
}

} // namespace detail

/// Makes a @ref credential_provider of a coroutine. It is in a header of its own, which rooms.hpp does not
/// include, since it costs what Asio's coroutines cost to compile.
/// @code
/// config.credential_provider = rooms::awaitable_credentials(
///     io.get_executor(), [&vault]() -> asio::awaitable<rooms::credentials> {
///         const auto token = co_await vault.async_token();
///         co_return rooms::credentials(vault.key(), token);
///     });
/// @endcode
/// @param ex runs the coroutine; it need not be the client's.
/// @param f a function object, `boost::asio::awaitable<credentials>()`. It is copied for each question, and
///          the copy lives until its coroutine has ended; what it refers to must live as long. A question
///          that has timed out (config::attempt_timeout), or whose client is gone, is not cancelled: its
///          answer is thrown away.
/// @par Errors
/// An exception is the question's failure: the calls that wait end with errc::credentials_failed, and the
/// cause is the exception's code, if it is a system_error (Boost's or the standard library's; @ref error is
/// one), or errc::credentials_failed. Its text is not kept, since it may hold secrets: log it in `f`.
template <std::copy_constructible F>
    requires std::same_as<std::invoke_result_t<F&>, boost::asio::awaitable<credentials>>
credential_provider awaitable_credentials(boost::asio::any_io_executor ex, F f)
{
    return [ex = std::move(ex), f = std::move(f)](credential_reply reply) {
        boost::asio::co_spawn(ex, F(f), [reply = std::move(reply)](std::exception_ptr thrown, credentials c) {
            if (thrown)
                reply(detail::code_of(std::move(thrown)));
            else
                reply(std::move(c));
        });
    };
}

} // namespace watchers::rooms
