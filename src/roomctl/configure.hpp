// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "invocation.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/credentials.hpp>

namespace roomctl {

// The credentials file if one was named, else the environment. Throws usage_error.
rooms::credentials find_credentials(const settings& options);

// How the client is to be set up for calls of the service. Arguments win over the environment.
rooms::config make_config(const settings& options);

// What make_config does for any client, credentials and place of the service aside.
void apply_common(rooms::config& config, const settings& options);

} // namespace roomctl
