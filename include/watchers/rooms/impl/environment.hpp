// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <optional>
#include <string_view>

namespace watchers::rooms::detail {

// The text of an environment variable, empty if it is unset; valid until the environment is changed.
// Throws error (errc::invalid_argument, naming the variable) if it is set but empty: that is a deployment
// gone wrong, and must not quietly mean the default.
std::optional<std::string_view> optional_variable(const char* name);

// The same, and throws also if it is unset.
std::string_view required_variable(const char* name);

} // namespace watchers::rooms::detail
