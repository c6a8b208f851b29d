// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "exit_code.hpp"
#include "invocation.hpp"
#include "latency_observer.hpp"

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/config.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace roomctl {

// Where progress is shown. None of it belongs among what programs read.
struct bulk_display
{
    bool bar = false;
    bool lines = false;
    bool words = false;                      // what interruptions bring about
    std::chrono::milliseconds grace{20'000}; // what is under way may take after the first interruption
};

struct bulk_job
{
    std::string_view name; // of static storage duration
    std::function<std::optional<rooms::operation>()> source;
    std::function<void(rooms::bulk_result&&)> sink;
    std::function<void()> tick; // a few times per second, in between; may be empty
    rooms::bulk_options options;
    bool completes = false; // the work of an earlier job: runs after one interruption, too, within its grace
};

struct bulk_end
{
    rooms::error_code why; // it ended before the source did; none otherwise
    std::string reason;    // more about `why` if the service was not reached; empty otherwise
    rooms::bulk_summary summary;
    std::exception_ptr thrown; // by source or sink

    // Operations that were sent or failed on their own, not those that were left out.
    std::uint64_t carried_out() const noexcept
    {
        return summary.operations - summary.stopped - summary.skipped - summary.journaled;
    }
};

// A client and the signals that interrupt it, for bulk runs one after the other. The first SIGINT, SIGTERM or
// SIGHUP lets what is under way end in the time of grace, a second one cancels that, a third one ends the
// program.
class bulk_session
{
public:
    // @param config its observer is passed on to.
    // @param of_all the operations in flight of each job, and the limit that stops one when the service is
    // gone.
    bulk_session(rooms::config config, const pace& of_all, const bulk_display&);
    bulk_session(const bulk_session&) = delete;
    bulk_session& operator=(const bulk_session&) = delete;
    ~bulk_session();

    bulk_end run(bulk_job);

    bool interrupted() const noexcept;
    const latency_observer& latencies() const noexcept { return *latencies_; }

    // Makes room on the terminal for something that is printed while a job is running.
    void clear_progress();

    // Ends the program at once where a name service that does not answer would keep it: it cannot be told to
    // stop. To be called when all has been said.
    void leave(exit_code);

private:
    class impl;

    std::shared_ptr<latency_observer> latencies_;
    std::unique_ptr<impl> impl_;
};

} // namespace roomctl
