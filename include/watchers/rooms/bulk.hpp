// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>
#include <watchers/rooms/operation.hpp>
#include <watchers/rooms/retry.hpp>
#include <watchers/rooms/room.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace watchers::rooms {

class journal;

namespace detail {
class bulk_counters;
}

/// How one operation of a bulk run ended.
class bulk_result
{
public:
    bulk_result(std::uint64_t position, rooms::operation op) : index(position), operation(std::move(op)) {}

    std::uint64_t index; ///< in the order of the source, from 0
    rooms::operation operation;
    /// Beside those of single calls errc::skipped_after_failure and errc::stopped: not begun, and what
    /// stopped the run is diagnostics.last_failure().
    error_code error;
    rooms::diagnostics diagnostics;
    rooms::room
        room; ///< as the single operation returns it; empty after a delete, a failure, or if journaled
    bool journaled = false; ///< done in an earlier run, as the journal has it, and not sent again
};

/// A bulk run's figures at one moment.
class bulk_progress
{
public:
    bulk_progress() noexcept {}

    std::uint64_t done = 0;      ///< succeeded, confirmed and journaled ones included
    std::uint64_t failed = 0;    ///< skipped ones included
    std::uint64_t journaled = 0; ///< of those done: in an earlier run
    std::uint64_t stopped = 0;   ///< pulled and not begun, because the run was stopped
    std::uint64_t retried = 0;   ///< operations that took more than one attempt
    std::uint64_t throttled = 0; ///< operations that met a 429 on their way
    std::size_t in_flight = 0;   ///< under way now
    std::size_t limit = 0;       ///< of in_flight now, as adaptive concurrency has it
    std::optional<std::uint64_t> total;
    std::chrono::nanoseconds elapsed{};

    /// Operations ended per second since the run began, but for those of an earlier run.
    double rate() const noexcept;

    /// Until the end, at that rate; a year at most. None without a known total, or as long as nothing ended.
    std::optional<std::chrono::nanoseconds> remaining() const noexcept;
};

/// Looks at a bulk run from outside, from any thread, during the run and after it.
class bulk_monitor
{
public:
    bulk_monitor();

    bulk_progress progress() const noexcept;

    /// For the library.
    const std::shared_ptr<detail::bulk_counters>& counters() const noexcept { return counters_; }

private:
    std::shared_ptr<detail::bulk_counters> counters_;
};

/// When a bulk run stops early because operations have failed. It then pulls no more operations and lets
/// those under way end. Operations that were pulled and not begun end with errc::stopped, and so does the
/// run.
///
/// Rules can be joined: `bulk_stop::above(0.1).or_unreachable(20)` stops the run at the limit that is reached
/// first.
///
/// With any rule, a run stops when no other operation can succeed:
/// - The credentials are refused: 401, errc::unknown_project, errc::credentials_failed, or a 403
///   whose message speaks of the token (diagnostics::credentials_refused()).
/// - Another 403 came, nothing has succeeded in this run or, according to its journal, in an earlier one, and
///   no operation that is under way succeeds. Until these have ended no further one is begun. A 403 that is a
///   web page comes from a firewall: the third one stops the run if nothing has succeeded.
/// - The service is not there: errc::not_the_service with 404 or 405. With 2xx (a sign-in page, for example)
///   the third one stops the run if no other response has come, and so does the hundredth in a row.
/// - The server is not trusted, or the client is drained or destroyed.
class bulk_stop
{
public:
    static bulk_stop never() noexcept { return bulk_stop(1.0, 0, 0); }
    static bulk_stop first_failure() noexcept { return bulk_stop(0.0, 1, 0); }

    /// When more than this part of the operations ended so far have failed.
    /// @param ratio 0 to 1.
    /// @param least this many must have ended before it counts.
    static bulk_stop above(double ratio, std::uint64_t least = 100) noexcept
    {
        return bulk_stop(ratio, least, 0);
    }

    /// After so many operations in a row that did not reach the service, as when it is gone for hours. The
    /// note of the run's diagnostics says so. Without this rule such a run goes through all its operations:
    /// max_in_flight of them in each bulk_options::timeout.
    ///
    /// An operation did not reach the service if it failed after all its retries and no byte of a response
    /// came: the name was not resolved, no connection was made, the TLS handshake failed, the connection was
    /// lost or a limit on time passed before a response. Any response resets the count, 429 and 5xx
    /// included (above() is the rule for a gateway that responds 502 or 503 while the service is gone).
    /// Operations that say nothing about the service (skipped, stopped, journaled, cancelled, invalid, no
    /// connection of the pool free) do not count and do not reset it.
    ///
    /// While the service is gone max_in_flight operations end at about the same time: when their timeout or
    /// their attempts are used up. So a number up to max_in_flight stops the run about one
    /// bulk_options::timeout (five minutes) after the service has gone.
    /// @param in_a_row zero: never.
    static bulk_stop unreachable(std::uint64_t in_a_row) noexcept { return bulk_stop(1.0, 0, in_a_row); }

    /// This rule joined with unreachable(), which replaces one that was joined before.
    bulk_stop or_unreachable(std::uint64_t in_a_row) const noexcept
    {
        return bulk_stop(ratio_, least_, in_a_row);
    }

    /// This rule joined with above(), which replaces first_failure() or an above() of this rule.
    bulk_stop or_above(double ratio, std::uint64_t least = 100) const noexcept
    {
        return bulk_stop(ratio, least, unreachable_);
    }

    /// This rule joined with first_failure(), which replaces an above() of this rule.
    bulk_stop or_first_failure() const noexcept { return bulk_stop(0.0, 1, unreachable_); }

    /// Whether the ratio is from 0 to 1.
    bool valid() const noexcept { return ratio_ >= 0 && ratio_ <= 1; }

    /// Whether the run stops when so many operations have ended and so many of these have failed.
    bool reached(std::uint64_t ended, std::uint64_t failed) const noexcept
    {
        return failed > 0 && ended >= least_ &&
               static_cast<double>(failed) > ratio_ * static_cast<double>(ended);
    }

    /// Whether the run stops after so many operations in a row that did not reach the service.
    bool unreached(std::uint64_t in_a_row) const noexcept
    {
        return unreachable_ != 0 && in_a_row >= unreachable_;
    }

private:
    bulk_stop(double ratio, std::uint64_t least, std::uint64_t in_a_row) noexcept
        : ratio_(ratio)
        , least_(least)
        , unreachable_(in_a_row)
    {}

    double ratio_;
    std::uint64_t least_;
    std::uint64_t unreachable_;
};

/// How a bulk run goes.
class bulk_options
{
public:
    bulk_options() {}

    /// Operations under way at most, 1 to 65,535. Zero: as many as config::max_connections.
    std::size_t max_in_flight = 0;

    /// Fewer while the service answers 429 or 503 or not in time: 0.7 times as many at each such answer to an
    /// operation begun since the last one, one more for each round of answers without. (Latency is no sign:
    /// it grows with the run's own queue as well.)
    bool adaptive = true;

    /// After a failure later operations on the same room fail with errc::skipped_after_failure, unsent. The
    /// run remembers 22 to 43 bytes for each failed room.
    bool skip_after_failure = true;

    bulk_stop stop_on = bulk_stop::never();

    /// Results reach the sink in the order of the source. Else as they come.
    bool in_order = false;
    /// Operations pulled and not yet handed to the sink, at most, as a multiple of max_in_flight, 1 to 1,000:
    /// what order, rooms with many operations and the journal may hold back. At most 1,048,576 in all.
    std::size_t window = 8;

    /// For each operation, in place of config::timeout and config::retry, which count if there is none here.
    /// Nobody waits for a single one of many operations: they have the time to outlast a service that
    /// restarts or asks to wait. (While it is down for hours, max_in_flight operations fail in each timeout:
    /// see bulk_stop::unreachable.) The time counts from an operation's first attempt, not from when it was
    /// pulled: single calls, max_requests_per_second and the pause that a 429 asks for may hold it back.
    std::optional<std::chrono::milliseconds> timeout = std::chrono::minutes(5);
    std::optional<retry_policy> retry = retry_policy::patient();
    /// Bounds each exchange in place of config::attempt_timeout. 1 ms to 365 days.
    std::optional<std::chrono::milliseconds> attempt_timeout;

    /// How many operations there are, for the progress; known by itself where the source is a sized range.
    std::optional<std::uint64_t> total;
    std::optional<bulk_monitor> monitor;
    /// Called each progress_interval, whatever happens meanwhile, and at the end. Zero: when an operation has
    /// ended, and each second. If it throws, also in its last call, when everything is done, the run stops
    /// and ends with errc::callback_failed.
    std::function<void(const bulk_progress&)> on_progress;
    std::chrono::milliseconds progress_interval{1000};

    /// Makes the run resumable; must live until it has completed. See @ref journal. A run that is resumed
    /// must be given the same operations in the same order. Needs skip_after_failure: else an operation
    /// that failed could be carried out by a later run after those that followed it in its room.
    rooms::journal* journal = nullptr;

    /// Filled if the run ends with an error that has details: the option that is not valid, the exception of
    /// the source, the sink or on_progress, the fault of the journal, or the end of the operation that
    /// stopped the run. Must live until the run has completed.
    rooms::diagnostics* diagnostics = nullptr;
};

/// What became of a bulk run.
class bulk_summary
{
public:
    bulk_summary() noexcept {}

    std::uint64_t operations = 0; ///< pulled from the source; each had one result
    std::uint64_t succeeded = 0;  ///< confirmed and journaled ones included
    std::uint64_t confirmed = 0;  ///< creates whose answer was lost, and whose room was found
    std::uint64_t journaled = 0;  ///< done in an earlier run
    std::uint64_t failed = 0;     ///< begun, and ended with an error
    std::uint64_t unknown = 0;    ///< of these, and of those skipped or stopped: effect unknown
    std::uint64_t skipped = 0;    ///< after a failure on the same room
    std::uint64_t stopped = 0;    ///< not begun, because the run was stopped
    std::uint64_t retried =
        0; ///< took more than one request, those included that looked for what an earlier run did
    std::chrono::nanoseconds elapsed{};

    bool all_succeeded() const noexcept { return succeeded == operations; }
};

/// @returns an empty text, or the first member at fault and its rule.
std::string check(const bulk_options&);

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/bulk.ipp>
#endif
