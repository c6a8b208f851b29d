// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/detail/initiate.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/operation.hpp>
#include <watchers/rooms/room.hpp>
#include <watchers/rooms/stats.hpp>
#include <watchers/rooms/with_diagnostics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms {

namespace detail {
template <class T>
concept token = !std::convertible_to<T, call_options>;
template <class T>
concept bulk_token = !std::convertible_to<T, bulk_options>;
} // namespace detail

/// A client of the Room API: five operations over a pool of keep-alive HTTPS connections, opened when calls
/// need them.
///
/// @par What the operations have in common
/// - **Completion.** Each operation completes exactly once, never before the initiating function has
///   returned, by its handler on the handler's associated executor (the client's, if it has none). The
///   signature is `void(error_code, room)` except where stated. Any completion token does; the default is
///   `with_diagnostics(use_awaitable)`: under `co_await` it returns the room or throws @ref error.
/// - **Options.** The form with @ref call_options sets this call's timeout and takes a @ref diagnostics to
///   fill; a diagnostics object can be passed in its place. It must live until the handler is called.
/// - **Errors.** @ref errc, with its groups in @ref condition. Arguments are checked before anything is
///   sent: errc::invalid_argument, and the diagnostics name the field and the rule.
/// - **Effect.** diagnostics::effect tells of every error whether the room was changed: *none*, *applied*
///   or *unknown*.
/// - **Retries.** As config::retry or call_options::retry() says: what was not sent, or not accepted because
///   of load (429), is sent again for all operations; what may have been carried out, for idempotent ones
///   only. A create that may have been carried out is confirmed (see @ref async_create_room).
/// - **Deadline.** The call's timeout bounds everything: waits, all attempts, confirmation. The diagnostics
///   name the phase that was cut, the attempts made and the last failure.
/// - **Order.** A change to a room begins when the client's earlier changes to the same room have ended
///   (config::ordered_changes).
/// - **Throttling.** A 429 holds back all calls of the client for as long as it asks for; a call whose
///   deadline is nearer than that ends at once with errc::rate_limited, effect none.
/// - **Cancellation.** By the handler's cancellation slot. *terminal* and *partial* end the call at any
///   time with errc::cancelled: effect none until writing of a request was started that may have been carried
///   out, unknown from then on (none for *get*); a connection in use is closed. *total* is honoured until
///   writing of the first request was started and ignored from then on.
/// - **Replay.** When a connection that had served before turns out dead before any byte of an answer, an
///   idempotent request is sent once more, at once, on a fresh connection
///   (retry_policy::replay_on_dead_connection); a create is confirmed instead.
/// - **Executor and allocator.** The handler's associated executor and allocator are used.
///
/// @par Lifetime
/// The execution context must outlive the client. Destroying the client ends each call under way with
/// errc::shutting_down. A client holds no work: `io_context::run()` and `thread_pool::join()` return when no
/// call is under way, though connections may be idle. (On other execution contexts idle connections count as
/// work until they are closed.) A name resolution that stalls is abandoned on time, but the io_context's
/// destructor waits for it, since `getaddrinfo` cannot be cancelled.
///
/// @par Thread safety
/// By default any thread may call member functions, several threads may run the executor, and the client may
/// be destroyed by any thread. (Moving and assigning the client object itself is not guarded.) With
/// threading::single one thread at a time uses the client and runs its executor; two at the same time end the
/// process, see config::threading. Any thread may call stats() at any time.
///
/// @par fork()
/// In the child of a fork() a client may not be used, not even be destroyed: its connections, TLS sessions
/// and locks are shared with the parent or copied in an unknown state. The child may call only exec or
/// _exit(). All descriptors of the client are close-on-exec.
class client
{
public:
    using executor_type = boost::asio::any_io_executor;
    using default_token = with_diagnostics_t<boost::asio::use_awaitable_t<>>;

    /// @param executor runs the client; its context's I/O is used.
    /// @param c copied.
    /// @throws error errc::invalid_argument if check(c) names a fault, or the trust settings cannot be
    /// loaded.
    client(executor_type executor, const config& c);

    client(client&&) noexcept = default;
    client& operator=(client&& other) noexcept;
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Ends every call under way with errc::shutting_down; their handlers are called later, by their
    /// executors.
    ~client();

    executor_type get_executor() const;

    /// Creates a room: `POST /external/room`. With a start time it is scheduled.
    /// @returns what the answer told of the room; its id and what was sent, if it told nothing.
    /// @par Confirmation
    /// When the answer is lost, the room is looked for (retry_policy::confirm_creates). Found with the
    /// members that were asked for, the call succeeds, and room::confirmed() and diagnostics::confirmed() say
    /// so: it cannot be told who created it. Found with others, it ends with errc::conflict, effect unknown.
    /// Not found, nor after retry_policy::settle_delay, it is created once more. Where none of this leads to
    /// an answer in time, the call ends with errc::outcome_unknown (or errc::deadline_exceeded), effect
    /// unknown: look before you create again.
    /// @par Effect applied on success; none on a refusal (errc::conflict: a room of that id exists); unknown
    ///      after a failure once writing was started.
    template <detail::token Token = default_token>
    auto async_create_room(new_room r, Token&& token = {})
    {
        return async_create_room(std::move(r), call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_create_room(new_room r, call_options options, Token&& token = {})
    {
        return call(detail::call_request::create(std::move(r)), options, std::forward<Token>(token));
    }

    /// Gets a room: `GET /external/room/:roomId`.
    /// @param room_id 1 to 1,024 bytes of UTF-8, not `.` or `..`; encoded by the client.
    /// @returns what the answer told of the room. An answer that is no JSON object is errc::bad_body.
    /// @par Effect none, always.
    template <detail::token Token = default_token>
    auto async_get_room(std::string room_id, Token&& token = {})
    {
        return async_get_room(std::move(room_id), call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_get_room(std::string room_id, call_options options, Token&& token = {})
    {
        return call(detail::call_request::get(std::move(room_id)), options, std::forward<Token>(token));
    }

    /// Turns voice chat on or off: `POST /external/room/speak`.
    /// @param room_id as for @ref async_get_room.
    /// @returns what the answer told of the room; its id and what was set, if it told nothing.
    /// @par Effect applied on success; none on a refusal; unknown after a failure once writing was started.
    template <detail::token Token = default_token>
    auto async_set_voice(std::string room_id, bool on, Token&& token = {})
    {
        return async_set_voice(std::move(room_id), on, call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_set_voice(std::string room_id, bool on, call_options options, Token&& token = {})
    {
        return call(detail::call_request::set_voice(std::move(room_id), on), options,
                    std::forward<Token>(token));
    }

    /// Changes the status: `POST /external/room/status`.
    /// @param room_id as for @ref async_get_room.
    /// @returns what the answer told of the room; its id and what was set, if it told nothing.
    /// @par Effect applied on success; none on a refusal; unknown after a failure once writing was started.
    template <detail::token Token = default_token>
    auto async_set_status(std::string room_id, room_status status, Token&& token = {})
    {
        return async_set_status(std::move(room_id), status, call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_set_status(std::string room_id, room_status status, call_options options, Token&& token = {})
    {
        return call(detail::call_request::set_status(std::move(room_id), status), options,
                    std::forward<Token>(token));
    }

    /// Deletes a room: `DELETE /external/room/:roomId`. Completes with `void(error_code)`.
    /// @param room_id as for @ref async_get_room.
    /// @par Effect applied on success; none on a refusal (errc::not_found: there is no such room); unknown
    ///      after a failure once writing was started. Not found after an earlier request of the same call
    ///      whose answer was lost is success: that one deleted it, and the diagnostics' note says so.
    template <detail::token Token = default_token>
    auto async_delete_room(std::string room_id, Token&& token = {})
    {
        return async_delete_room(std::move(room_id), call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_delete_room(std::string room_id, call_options options, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code)>(
            detail::initiate_delete(engine_, detail::call_request::erase(std::move(room_id)), options),
            token);
    }

    /// Carries out one operation that is given as a value. The room is empty after a delete.
    template <detail::token Token = default_token>
    auto async_execute(operation op, Token&& token = {})
    {
        return async_execute(std::move(op), call_options(), std::forward<Token>(token));
    }
    template <class Token = default_token>
    auto async_execute(operation op, call_options options, Token&& token = {})
    {
        return call(std::move(op).request(), options, std::forward<Token>(token));
    }

    // Bulk runs: defined in <watchers/rooms/async_bulk.hpp>, which <watchers/rooms.hpp> includes.

    /// Carries out many operations: those of the same room in the order of the source, those of different
    /// rooms concurrently, at most bulk_options::max_in_flight at a time.
    /// @param source a range of operations (an lvalue must outlive the run; an rvalue is moved in), or a
    /// function without parameters that gives a `std::optional<operation>`, none at the end, or an awaitable
    /// of it. Pulled only as fast as work is done: memory does not grow with the number of operations.
    /// @param sink a function that is called once for each operation with its @ref bulk_result. It may return
    /// an awaitable: the next result comes when it is done, and the run waits when too many are held back.
    /// (Functions are moved or copied into the run: `std::ref` has one referenced.)
    /// @param options copied, but for the journal and the diagnostics.
    /// @par Completion `void(error_code, bulk_summary)`, when each operation that was pulled has had its
    /// result. No error: the source has come to its end, whatever became of single operations (see
    /// bulk_summary). Else what stopped the run: errc::stopped (bulk_options::stop_on), errc::cancelled,
    /// errc::unauthorized, errc::forbidden, errc::credentials_failed, errc::tls_untrusted,
    /// errc::tls_host_mismatch and errc::tls_expired (nothing else can succeed),
    /// errc::draining, errc::shutting_down, errc::callback_failed or the code of the exception (source or
    /// sink threw), errc::journal_failed, errc::resource_exhausted, errc::invalid_argument (options; nothing
    /// was pulled). What more there is to tell is in bulk_options::diagnostics, and in the @ref error that
    /// the default token throws; the summary is then to be had with `asio::as_tuple(asio::use_awaitable)`
    /// only.
    /// @par Cancellation *total* pulls no more and lets those under way end; *partial* and *terminal* cancel
    /// them, and an awaitable sink. What was pulled and not begun ends with errc::stopped. An awaitable
    /// source is cancelled by each type (*terminal*): what it has taken by then and not given is its own to
    /// keep.
    /// @par Executor source, sink and progress are called on the client's executor, never at the same time.
    /// Single calls that are made meanwhile are served before the run's.
    template <class Source, class Sink, class Token = default_token>
    auto async_bulk(Source&& source, Sink&& sink, bulk_options options, Token&& token = {});
    template <class Source, class Sink, detail::bulk_token Token = default_token>
    auto async_bulk(Source&& source, Sink&& sink, Token&& token = {})
    {
        return async_bulk(std::forward<Source>(source), std::forward<Sink>(sink), bulk_options(),
                          std::forward<Token>(token));
    }

    /// As async_bulk, with one result for each input, in their order:
    /// `void(error_code, std::vector<bulk_result>)`. There is no error but errc::invalid_argument for the
    /// options: where a run was stopped, those not begun end with errc::stopped, and tell why.
    /// @param rooms a range of new_room.
    template <class Rooms, class Token = default_token>
    auto async_create_rooms(Rooms&& rooms, bulk_options options, Token&& token = {});
    template <class Rooms, detail::bulk_token Token = default_token>
    auto async_create_rooms(Rooms&& rooms, Token&& token = {})
    {
        return async_create_rooms(std::forward<Rooms>(rooms), bulk_options(), std::forward<Token>(token));
    }

    /// As async_create_rooms.
    /// @param room_ids a range of what makes a std::string.
    template <class Ids, class Token = default_token>
    auto async_get_rooms(Ids&& room_ids, bulk_options options, Token&& token = {});
    template <class Ids, detail::bulk_token Token = default_token>
    auto async_get_rooms(Ids&& room_ids, Token&& token = {})
    {
        return async_get_rooms(std::forward<Ids>(room_ids), bulk_options(), std::forward<Token>(token));
    }

    /// As async_get_rooms.
    template <class Ids, class Token = default_token>
    auto async_set_status_all(Ids&& room_ids, room_status status, bulk_options options, Token&& token = {});
    template <class Ids, detail::bulk_token Token = default_token>
    auto async_set_status_all(Ids&& room_ids, room_status status, Token&& token = {})
    {
        return async_set_status_all(std::forward<Ids>(room_ids), status, bulk_options(),
                                    std::forward<Token>(token));
    }

    /// As async_get_rooms.
    template <class Ids, class Token = default_token>
    auto async_delete_rooms(Ids&& room_ids, bulk_options options, Token&& token = {});
    template <class Ids, detail::bulk_token Token = default_token>
    auto async_delete_rooms(Ids&& room_ids, Token&& token = {})
    {
        return async_delete_rooms(std::forward<Ids>(room_ids), bulk_options(), std::forward<Token>(token));
    }

    /// Takes no new calls (they end with errc::draining), waits until those under way have ended, and closes
    /// the connections. Completes with `void(error_code)`. May be awaited more than once; there is no way
    /// back.
    /// @par Cancellation Any type ends the wait with errc::cancelled; the client goes on draining.
    /// @par Errors errc::shutting_down if the client is destroyed first.
    template <class Token = boost::asio::use_awaitable_t<>>
    auto async_drain(Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_drain(engine_), token);
    }

    /// Uses other credentials for the requests that are written from now on. A request that was written with
    /// the former ones and is refused (401, 403, unknown project) is sent once more with these. Takes effect
    /// at once without a strand, after what is queued on it with one.
    /// @throws error errc::invalid_argument; the client then keeps the former ones.
    void set_credentials(credentials c);

    /// The client's state and totals. Any thread.
    rooms::stats stats() const noexcept;

private:
    template <class Token>
    auto gather(std::vector<operation> operations, bulk_options options, Token&& token);

    template <class Token>
    auto call(detail::call_request request, const call_options& options, Token&& token)
    {
        return boost::asio::async_initiate<Token, void(error_code, room)>(
            detail::initiate_call(engine_, std::move(request), options), token);
    }

    std::shared_ptr<detail::engine> engine_;
};

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/client.ipp>
#endif
