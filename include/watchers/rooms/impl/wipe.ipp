// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/wipe.hpp>

#include <openssl/crypto.h>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL void wipe_text(std::string& s) noexcept
{
    s.resize(s.capacity()); // within the capacity: nothing is allocated, moved or thrown
    OPENSSL_cleanse(s.data(), s.size());
    s.clear();
}

} // namespace watchers::rooms::detail
