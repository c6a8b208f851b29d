// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/sandbox.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::sandbox::detail {

/// The faults injected and not used up, in the order of their injection. Pure state, no lock.
class fault_script
{
public:
    /// @throws std::invalid_argument for a fault that cannot be: early, and yet with the ordinary answer.
    static void check(const fault& f);
    /// Checks, too.
    void inject(const fault& f);
    void clear() { entries_.clear(); }
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }

    /// The fault due at this point, if any. At the stages of a connection, operation and room mean nothing.
    std::optional<fault_plan> due(fault_stage stage, operation op = operation::any,
                                  std::string_view room = {});

private:
    struct entry
    {
        explicit entry(const fault_plan& p) : plan(p) {}

        fault_plan plan;
        std::uint64_t seen = 0;
        std::uint64_t fired = 0;
    };

    std::vector<entry> entries_;
};

/// Faults from JSON: one object, or an array of them. Members, all optional but action:
///   action     the name of a static function of class fault: "drop_after", "respond", ...
///   op         "create", "get", "voice", "status", "delete", "other" or "any"
///   room       the id
///   nth, every, times     numbers; times 0 is without end
///   delay_ms   wait before the answer          interval_ms  one byte of the answer per interval
///   after_ms   wait after the answer           cut          bytes of the answer that are sent
///   apply, close_notify, announce, beneath_tls, early       booleans
///   then       "keep", "close", "reset" or "stall": what follows the answer
///   status     of respond                      headers      an object of strings, of respond
///   body       of respond: a string, sent as it is, or any other JSON
///   bytes      of raw, stray and the kinds of garbage       location     of redirect
/// @throws std::invalid_argument naming what is wrong.
std::vector<fault> parse_faults(std::string_view json);

/// The bytes of fault_answer::given.
std::string given_answer(const fault_plan& plan);

std::string_view to_string(operation op);

} // namespace watchers::rooms::sandbox::detail
