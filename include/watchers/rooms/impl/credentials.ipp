// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/impl/environment.ipp>
#include <watchers/rooms/impl/wipe.ipp>

namespace watchers::rooms {

WATCHERS_ROOMS_DECL void secret::wipe() noexcept { detail::wipe_text(text_); }

WATCHERS_ROOMS_DECL credentials credentials::from_environment()
{
    const std::string_view api_key = detail::required_variable("WATCHERS_API_KEY");
    return {api_key, detail::required_variable("WATCHERS_BEARER_TOKEN")};
}

} // namespace watchers::rooms
