// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace watchers::rooms::detail {

// A Retry-After field: seconds, or a date (RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime).
//
// Seconds may have a fraction, as some services send them (1.5, 1. or .5), and are rounded up. A date is
// measured against the Date field of the same response, so that neither clock needs to be right. If that is
// absent or not a date, it is measured against `now`, the local wall clock. A date that has passed is zero
// seconds. The result is at most 2^31 - 1 seconds. Any other text is ignored.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::string_view date_header,
                                                      std::chrono::system_clock::time_point now);

} // namespace watchers::rooms::detail
