// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms {

/// The operations of the Room API.
enum class operation_kind : unsigned char
{
    create_room, ///< POST /external/room
    get_room,    ///< GET /external/room/:roomId
    set_voice,   ///< POST /external/room/speak
    set_status,  ///< POST /external/room/status
    delete_room, ///< DELETE /external/room/:roomId
};

/// What a call did to its room, as far as can be known. A *get* never has an effect.
enum class effect : unsigned char
{
    /// The call did nothing to the room: nothing was sent, or the service refused. A refusal is believed. It
    /// is untrue only if something between client and service repeats the request, so that the service
    /// carries out the copy and refuses the original (see errc::conflict, errc::not_found).
    none,
    applied, ///< the service answered that the change is made
    unknown, ///< a request was, or may have been, sent, and no answer tells what became of it
};

/// How far a call had come when it ended.
enum class phase : unsigned char
{
    validation,  ///< arguments being checked; nothing sent
    turn,        ///< waiting for an earlier change of the same room
    credentials, ///< waiting for the credential provider
    throttle,    ///< waiting because the service asked for it, or for config::max_requests_per_second
    backoff,     ///< waiting before another attempt
    confirm,     ///< finding out whether a room was created: waits and requests
    queue,       ///< waiting for a connection of the pool
    resolve,     ///< the host name being resolved
    connect,     ///< TCP connection being established
    handshake,   ///< TLS handshake
    write,       ///< request being written
    wait,        ///< request written, no byte of the answer yet
    read,        ///< answer being read
    answered,    ///< answer complete
};

std::string_view to_string(operation_kind) noexcept;
std::string_view to_string(effect) noexcept;
std::string_view to_string(phase) noexcept;

/// What is known of one call beyond its error_code.
///
/// Pass one to an operation (it must live until the completion handler runs) or catch it inside @ref error.
/// It is written before the handler runs and holds no secrets. Text that came from the server is escaped
/// (no control characters, valid UTF-8) and cut to 512 bytes. A plain value: copy it freely; not thread-safe.
class diagnostics
{
public:
    /// The operation that was called.
    rooms::operation_kind operation() const noexcept { return operation_; }

    /// What happened to the room.
    rooms::effect effect() const noexcept { return effect_; }

    /// Where the call was when it ended.
    rooms::phase phase() const noexcept { return phase_; }

    /// Requests of which writing was started: the first, retries, replays, and those that confirmed. Zero if
    /// no connection could be had, however often that was tried.
    unsigned attempts() const noexcept { return attempts_; }

    /// The last failure that the call tried to get over: what its last attempt but one ended with, or its
    /// last one if a limit on time or the caller ended the call while it waited for the next. Zero if there
    /// was none. That a confirmation did not find the room is no failure.
    error_code last_failure() const noexcept { return last_failure_; }

    /// Of a create that succeeded: its answer was lost, and the room was then found, with the members that
    /// were asked for. This cannot prove who created it.
    bool confirmed() const noexcept { return confirmed_; }

    /// The status of the last complete answer, but for a confirmation's 404 by which there is no such room; 0
    /// if there was none.
    unsigned http_status() const noexcept { return http_status_; }

    /// The last response refused the credentials, not just this request: 401, the 404 of the project
    /// (errc::unknown_project), or a 403 whose message speaks of the token or the key.
    bool credentials_refused() const noexcept { return credentials_refused_; }

    /// The last response was a web page: it came from something between client and service (a firewall, a
    /// sign-in page, a proxy), or from another service.
    bool web_page() const noexcept { return web_page_; }

    /// The last response has the form of the API's responses: a 2xx that is not a web page, or a 4xx with a
    /// JSON object that holds `message`, `error` or `statusCode`. If an errc::not_found is not recognized,
    /// the host may be another one than the service's: check config::base_url.
    bool recognized() const noexcept { return recognized_; }

    /// For errc::invalid_argument the field and the rule; else what the service said (its `message` or
    /// `error` members, or the text of its answer). Empty if there is nothing to tell.
    const std::string& message() const noexcept { return message_; }

    /// What else is worth knowing: what the answer lacked although the call succeeded (a body that could not
    /// be read after a change, members of another type), or why a failure was not retried. Empty as a rule.
    const std::string& note() const noexcept { return note_; }

    /// The cause below an errc: the error of the operating system, of the resolver or of OpenSSL. Zero if
    /// none.
    error_code cause() const noexcept { return cause_; }

    /// The time the service asked to wait, from Retry-After.
    std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }

    /// One line for logs, to stand behind the error_code's message: operation, effect, phase, attempts,
    /// last failure, status, Retry-After, cause, message and note, as far as there are any.
    std::string to_string() const;

    diagnostics& set_operation(rooms::operation_kind v) noexcept
    {
        return operation_ = v, of_call_ = true, *this;
    }
    diagnostics& set_effect(rooms::effect v) noexcept { return effect_ = v, *this; }
    diagnostics& set_phase(rooms::phase v) noexcept { return phase_ = v, *this; }
    diagnostics& set_attempts(unsigned v) noexcept { return attempts_ = v, *this; }
    diagnostics& set_last_failure(error_code v) noexcept { return last_failure_ = v, *this; }
    diagnostics& set_confirmed(bool v) noexcept { return confirmed_ = v, *this; }
    diagnostics& set_http_status(unsigned v) noexcept { return http_status_ = v, *this; }
    diagnostics& set_response_kind(bool refuses_credentials, bool page, bool of_api) noexcept
    {
        return credentials_refused_ = refuses_credentials, web_page_ = page, recognized_ = of_api, *this;
    }
    diagnostics& set_message(std::string v) noexcept { return message_ = std::move(v), *this; }
    diagnostics& set_note(std::string v) noexcept { return note_ = std::move(v), *this; }
    diagnostics& set_cause(error_code v) noexcept { return cause_ = v, *this; }
    diagnostics& set_retry_after(std::optional<std::chrono::seconds> v) noexcept
    {
        return retry_after_ = v, *this;
    }

private:
    error_code cause_;
    error_code last_failure_;
    std::string message_;
    std::string note_;
    std::optional<std::chrono::seconds> retry_after_;
    unsigned attempts_ = 0;
    unsigned http_status_ = 0;
    rooms::operation_kind operation_ = rooms::operation_kind::get_room;
    rooms::effect effect_ = rooms::effect::none;
    rooms::phase phase_ = rooms::phase::validation;
    bool confirmed_ = false;
    bool credentials_refused_ = false;
    bool web_page_ = false;
    bool recognized_ = false;
    bool of_call_ = false; // not so for an error of the client's constructor, say
};

/// The exception thrown under `co_await` with the default token, by the client's constructor and by use of
/// @ref with_diagnostics: an error_code with its @ref diagnostics.
class error : public boost::system::system_error
{
public:
    /// @param ec what happened; must be set.
    explicit error(error_code ec, rooms::diagnostics d = {})
        : system_error(ec)
        , diagnostics_(std::move(d))
        , what_(ec.message())
    {
        if (const std::string details = diagnostics_.to_string(); !details.empty()) what_ += ": " + details;
    }

    /// The error_code's message and diagnostics::to_string().
    const char* what() const noexcept override { return what_.c_str(); }

    const rooms::diagnostics& diagnostics() const noexcept { return diagnostics_; }

private:
    rooms::diagnostics diagnostics_;
    std::string what_;
};

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/diagnostics.ipp>
#endif
