// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string>

namespace watchers::rooms {
class credentials;
}

namespace watchers::rooms::detail {

// Empty if both secrets can be sent; else the header field and the rule. Never repeats a secret.
std::string check_credentials(const credentials&);

} // namespace watchers::rooms::detail
