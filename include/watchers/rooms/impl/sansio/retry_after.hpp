// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace watchers::rooms::detail {

// A Retry-After field: seconds, or a date (RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime) measured against
// the same answer's Date field, so that neither clock needs to be right. A date that has passed is zero
// seconds; more than 2^31 - 1 seconds are cut to that. Anything else, or a date without a usable Date, is
// none.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::string_view date_header);

} // namespace watchers::rooms::detail
