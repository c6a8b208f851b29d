// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// Appends bytes as one segment of a path: all but RFC 3986's unreserved characters are percent-encoded.
void append_percent_encoded(std::string& out, std::string_view bytes);

} // namespace watchers::rooms::detail
