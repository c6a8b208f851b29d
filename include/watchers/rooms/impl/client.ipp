// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/client.hpp>
#include <watchers/rooms/impl/io/asio_environment.hpp>
#include <watchers/rooms/impl/io/bulk_run.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/engine_registry.hpp>
#include <watchers/rooms/impl/io/strand_cancellation.hpp>
#include <watchers/rooms/impl/io/untracked_executor.hpp>
#include <watchers/rooms/impl/sansio/credential_rules.hpp>

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/src.hpp>
#endif

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <new>
#include <optional>
#include <utility>

namespace watchers::rooms {
namespace detail {

// Whether the executor is a strand, of the kinds that can be recognised.
inline bool is_strand(const boost::asio::any_io_executor& ex)
{
    using boost::asio::strand;
    return ex.target<strand<boost::asio::io_context::executor_type>>() != nullptr ||
           ex.target<strand<boost::asio::thread_pool::executor_type>>() != nullptr ||
           ex.target<strand<boost::asio::any_io_executor>>() != nullptr;
}

// The executor that guards a client's state: an internal strand where the caller's executor does not do it.
// An io_context does not: it cannot be asked how many threads run it (its concurrency hint is not public, and
// does not count the threads that make calls).
inline boost::asio::any_io_executor guarding_executor(const boost::asio::any_io_executor& ex, threading t)
{
    using native = boost::asio::io_context::executor_type;
    if (t == threading::single || (t == threading::automatic && is_strand(ex))) return ex;
    if (const native* n = ex.target<native>()) return boost::asio::make_strand(*n);
    return boost::asio::make_strand(ex);
}

template <class Executor>
std::unique_ptr<environment> make_environment(boost::asio::any_io_executor own,
                                              boost::asio::any_io_executor callers, Executor io,
                                              work_count work, const config& c, const origin& o)
{
    // An io_context's own executor needs no way back to itself.
    std::optional<boost::asio::any_io_executor> guard;
    if (own.target<boost::asio::io_context::executor_type>() == nullptr) guard = own;
    auto tls = o.tls() ? std::make_unique<tls_context>(c.trust, o) : nullptr;
    auto check = is_strand(own) ? nullptr : std::make_shared<thread_check>();
    auto shell = std::make_shared<io_shell<Executor>>(std::move(io), std::move(guard), std::move(check),
                                                      std::move(work), std::move(tls));
    return std::make_unique<asio_environment<Executor>>(std::move(own), std::move(callers), std::move(shell),
                                                        o);
}

inline std::shared_ptr<engine> make_engine(const boost::asio::any_io_executor& ex, const config& c)
{
    if (std::string fault = check(c); !fault.empty())
        throw error(errc::invalid_argument, diagnostics().set_message(std::move(fault)));
    std::string why;
    const std::optional<origin> o = parse_origin(c.base_url, c.plain_http_to_loopback, why);

    auto own = guarding_executor(ex, c.threading);
    work_count work(ex);
    boost::asio::any_io_executor other(ex);
    if (work.pool()) other = untracked_executor(*work.pool());
    auto env = work.native() ? make_environment(own, ex, *work.native(), work, c, *o)
                             : make_environment(own, ex, std::move(other), work, c, *o);
    auto e = std::make_shared<engine>(std::move(env), c, *o);
    e->open();
    boost::asio::use_service<engine_registry>(boost::asio::query(ex, boost::asio::execution::context)).add(e);
    return e;
}

inline bool guarded(const engine& e) noexcept
{
    return e.executor().target<boost::asio::io_context::executor_type>() == nullptr;
}

// Runs f where the engine's state may be touched: here, unless a strand guards it.
template <class F>
void enter(const engine& e, F f)
{
    if (!guarded(e)) return f();
    using plain_strand = boost::asio::strand<boost::asio::io_context::executor_type>;
    if (const auto* s = e.executor().target<plain_strand>())
        boost::asio::dispatch(*s, std::move(f));
    else
        boost::asio::dispatch(e.executor(), std::move(f));
}

// The handler's executor, kept from running out of work on the way to the strand.
template <class Handler>
asio::any_completion_executor executor_with_work(const engine& e, const Handler& h)
{
    const asio::any_completion_executor ex = asio::get_associated_executor(h, e.home().callers());
    if (!ex) throw std::bad_alloc(); // Asio gives an empty one then
    return asio::prefer(ex, asio::execution::outstanding_work.tracked);
}

// The handler as f of enter() may use it.
template <class Handler>
Handler handler_for(const engine& e, Handler h)
{
    return guarded(e) ? cancelled_on_strand(e.executor(), std::move(h)) : std::move(h);
}

WATCHERS_ROOMS_DECL void start_call(const std::shared_ptr<engine>& e, call_request request,
                                    const call_options& options, room_handler handler)
{
    if (!guarded(*e)) return e->start(std::move(request), options, std::move(handler));
    auto work = executor_with_work(*e, handler);
    enter(*e, [e, r = std::move(request), options, h = handler_for(*e, std::move(handler)),
               w = std::move(work)]() mutable { e->start(std::move(r), options, std::move(h)); });
}

WATCHERS_ROOMS_DECL void start_drain(const std::shared_ptr<engine>& e, drain_handler handler)
{
    if (!guarded(*e)) return e->drain(std::move(handler));
    auto work = executor_with_work(*e, handler);
    enter(*e, [e, h = handler_for(*e, std::move(handler)), w = std::move(work)]() mutable {
        e->drain(std::move(h));
    });
}

WATCHERS_ROOMS_DECL void start_bulk(const std::shared_ptr<engine>& e, std::unique_ptr<bulk_source> source,
                                    std::unique_ptr<bulk_sink> sink, bulk_options options,
                                    bulk_handler handler)
{
    // A strand of its own where the client has one: the caller's functions may take their time on it.
    boost::asio::any_io_executor ex = e->home().callers();
    if (e->home().separate()) ex = boost::asio::make_strand(ex);
    auto run = std::make_shared<bulk_run>(e, ex, std::move(source), std::move(sink), std::move(options),
                                          std::move(handler));
    run->listen_for_cancellation();
    boost::asio::post(ex, [run] { run->start(); });
}

} // namespace detail

WATCHERS_ROOMS_DECL client::client(executor_type executor, const config& c)
    : engine_(detail::make_engine(executor, c))
{}

WATCHERS_ROOMS_DECL client::~client()
{
    if (!engine_ || engine_->abandoned()) return;
    try {
        detail::enter(*engine_, [e = engine_] { e->stop(); });
    } catch (const std::bad_alloc&) { // of the strand
        engine_->free_reserve();
        detail::enter(*engine_, [e = engine_] { e->stop(); });
    }
}

WATCHERS_ROOMS_DECL client& client::operator=(client&& other) noexcept
{
    client old(std::move(*this));
    engine_ = std::move(other.engine_);
    return *this;
}

WATCHERS_ROOMS_DECL client::executor_type client::get_executor() const { return engine_->home().callers(); }

WATCHERS_ROOMS_DECL void client::set_credentials(credentials c)
{
    if (std::string fault = detail::check_credentials(c); !fault.empty())
        throw error(errc::invalid_argument, diagnostics().set_message(std::move(fault)));
    detail::enter(*engine_, [e = engine_, changed = std::move(c)] { e->set_credentials(changed); });
}

WATCHERS_ROOMS_DECL stats client::stats() const noexcept { return engine_->totals(); }

} // namespace watchers::rooms
