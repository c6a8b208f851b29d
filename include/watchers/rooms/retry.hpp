// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/diagnostics.hpp>

#include <chrono>
#include <initializer_list>
#include <string>

namespace watchers::rooms {

/// A set of operations.
class operation_set
{
public:
    constexpr operation_set() noexcept = default;
    constexpr operation_set(std::initializer_list<operation_kind> kinds) noexcept
    {
        for (const operation_kind k : kinds)
            bits_ |= bit(k);
    }

    constexpr bool contains(operation_kind k) const noexcept { return (bits_ & bit(k)) != 0; }
    constexpr operation_set& insert(operation_kind k) noexcept { return bits_ |= bit(k), *this; }
    constexpr operation_set& erase(operation_kind k) noexcept { return bits_ &= ~bit(k), *this; }

    friend constexpr bool operator==(operation_set, operation_set) noexcept = default;

private:
    static constexpr unsigned bit(operation_kind k) noexcept { return 1U << static_cast<unsigned>(k); }

    unsigned bits_ = 0;
};

/// When a failed operation is tried again, and how a create whose answer was lost is confirmed. One for the
/// client (config::retry); call_options::retry() sets another for one call.
///
/// Everything happens within the call's timeout: a wait that would outlast it is not begun, and the call ends
/// at once with the failure that it would have waited for (a create that is being confirmed with
/// errc::outcome_unknown).
class retry_policy
{
public:
    using milliseconds = std::chrono::milliseconds;

    retry_policy() noexcept {}

    /// One request per call, however it ends; nothing is confirmed. (After a 401, a 403 or an unknown project
    /// the call is still sent with other credentials, and it still waits while other calls are throttled.)
    static retry_policy none() noexcept;

    /// For work that nobody waits for, as in bulk runs, where it is the default: outlasts a service that is
    /// not reached or asks to wait for as long as the call's timeout allows, and one that fails (500, 502
    /// ...) for about half a minute. No budget: limit yourself how many such calls there are at a time.
    static retry_policy patient() noexcept;

    // How often, 1 to 100 attempts that fail in one way; 1 means that such a failure is final. The ways are
    // counted apart.

    /// Nothing was sent: the name service, the connection or the TLS handshake failed in a way that may pass;
    /// or a 421. Retried for all operations.
    unsigned unsent_attempts = 4;
    /// The request was, or may have been, carried out: the connection was lost or timed out after writing
    /// began, 408, 500, 502, 503, 504. Retried for idempotent operations; a create is confirmed, and sent
    /// once more at most: these are then the attempts of the gets that confirm it.
    unsigned ambiguous_attempts = 4;
    /// 429. Retried for all operations. The client's other calls wait as well: for the time that the answer
    /// asks for (up to config::retry's max_retry_after), or backoff_base if it does not say.
    unsigned throttled_attempts = 6;

    // How long between them: uniformly from zero to backoff_base, doubled at each retry of the call up to
    // backoff_cap ("full jitter"); the service's Retry-After, if it is longer.

    milliseconds backoff_base{100};   ///< above zero
    milliseconds backoff_cap{10'000}; ///< at least backoff_base
    /// A longer Retry-After is not waited for: the call fails at once, and the diagnostics tell what was
    /// asked for. Zero: none is.
    milliseconds max_retry_after{60'000};

    /// Operations that may be sent again although they may have been carried out already (RFC 9110, 9.2.2):
    /// reading does no harm, voice and status are set to absolute values, a room can be deleted only once. A
    /// create cannot be in it.
    operation_set idempotent{operation_kind::get_room, operation_kind::set_voice, operation_kind::set_status,
                             operation_kind::delete_room};

    /// Send an idempotent request once more, at once, where a connection that had served before turns out
    /// dead before any byte of an answer. Not counted as a failed attempt.
    bool replay_on_dead_connection = true;

    /// After a create that may have been carried out, get the room, and tell by its members whether it is the
    /// one asked for.
    /// These gets are retried as such, whatever `idempotent` holds.
    bool confirm_creates = true;
    /// Whether a create that is refused as a duplicate (409, or a 400 that says so) is confirmed also if no
    /// earlier attempt is in doubt: the client gets the room, and the call succeeds, as confirmed, if the
    /// room has the members asked for. If something between client and service repeats requests, the service
    /// may carry out the copy and refuse the original: the refusal does not prove that another call created
    /// the room. If false, the call fails with errc::conflict and effect none, without another request. Needs
    /// confirm_creates.
    bool confirm_conflicts = false;
    /// How long after a get that found no room the next one follows, before the create is sent once more.
    milliseconds settle_delay{500};

    /// Tokens that the retries of all calls of a client share: a retry takes 5, or 10 after an attempt that
    /// timed out, and a call that succeeds gives back what its last retry took, or 1. Without enough of them
    /// the failure is final: a service that is down is not asked several times as often. Only config::retry's
    /// counts. Zero: no such limit.
    unsigned budget = 500;

    /// async_delete_room of a room that is not there succeeds. (It does so in any case where an earlier
    /// request of the same call may have deleted it.)
    bool accept_missing_on_delete = false;
};

/// Checks every member's range; the client's constructor and every call with a policy of its own do.
/// @returns an empty text, or the first member at fault and its rule.
std::string check(const retry_policy&);

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/retry.ipp>
#endif
