// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/sandbox.hpp>

#include <string>
#include <vector>

namespace watchers::rooms::sandbox::detail {

/// What a TLS server needs, and what its clients need to trust it, as PEM.
struct identity
{
    identity() {}

    std::string ca;    ///< to be trusted
    std::string chain; ///< to be sent, leaf first
    std::string key;   ///< of the leaf
};

/// Makes a CA and a server certificate, new keys each time.
/// `names` as in a subjectAltName of OpenSSL's configuration, on top of localhost, 127.0.0.1 and ::1.
/// @throws std::runtime_error
identity make_identity(certificate_kind kind, const std::vector<std::string>& names = {});

} // namespace watchers::rooms::sandbox::detail
