// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>

#include <string>

namespace roomctl {

// Reads WATCHERS_API_KEY= and WATCHERS_BEARER_TOKEN= from a file that only its owner, the user, may read.
// Throws usage_error; no message ever holds a value.
watchers::rooms::credentials read_credentials_file(const std::string& path);

} // namespace roomctl
