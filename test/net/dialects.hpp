// SPDX-License-Identifier: BSL-1.0
#pragma once

// The sandbox's dialects, for tests that depend on their differences.

#include "net.hpp"

namespace net {

struct dialect_case
{
    const char* name;
    sandbox::dialect dialect;
    unsigned token_status; // of a bearer token that is not valid
    rooms::errc token_error;
    unsigned key_status; // of an API key that is not valid
    rooms::errc key_error;
};

inline constexpr dialect_case vendor_dialect{
    "vendor", sandbox::dialect::vendor, 403, rooms::errc::forbidden, 404, rooms::errc::unknown_project};
inline constexpr dialect_case plain_dialect{"plain", sandbox::dialect::plain, 401, rooms::errc::unauthorized,
                                            403,     rooms::errc::forbidden};
inline constexpr const dialect_case* all_dialects[] = {&vendor_dialect, &plain_dialect};

inline sandbox::options speaking(const dialect_case& d) { return sandbox::options().dialect(d.dialect); }

} // namespace net
