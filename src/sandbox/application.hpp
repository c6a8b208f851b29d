// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api.hpp"
#include "fault_script.hpp"
#include "room_store.hpp"
#include "tally.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sandbox::detail {

/// What a connection is to send, and how to misbehave while doing so.
struct reply
{
    reply() {}

    std::string bytes;
    std::optional<fault_plan> fault;
    bool close = false;
};

/// The server without its sockets: state, faults, credentials and counters under one lock. Requests in, bytes
/// out.
class application
{
public:
    explicit application(const options& opts);

    time_point now() const { return clock_(); }
    detail::tally& tally() { return tally_; }
    const detail::tally& tally() const { return tally_; }

    /// The answer to a complete request. `close`: the connection is not to be kept.
    reply serve(const request& r, bool close);
    /// The answer to what is no request, or one over a limit. The connection ends.
    reply reject(unsigned status, std::string_view message);

    std::optional<fault_plan> connection_fault(fault_stage stage);
    /// For a request whose head is complete.
    std::optional<fault_plan> early_fault(std::string_view method, std::string_view target);

    void set_credentials(credential_pair credentials);

    void inject(const std::vector<fault>& faults);
    void clear_faults();
    std::size_t pending_faults() const;

    /// Runs a function on the store, under the lock.
    template <class F>
    auto with_store(F&& f)
    {
        const std::lock_guard lock(mutex_);
        return f(store_);
    }

private:
    answer administer(const call& c, const request& r, time_point now);
    std::string counters_json() const;
    std::string creations_json() const;
    std::string rooms_json(time_point now) const;

    std::function<time_point()> clock_;
    const dialect dialect_;
    detail::tally tally_;
    mutable std::mutex mutex_;
    credential_pair credentials_;
    room_store store_;
    fault_script faults_;
};

} // namespace watchers::rooms::sandbox::detail
