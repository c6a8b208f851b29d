// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace watchers::rooms::sandbox::detail {

/// See server::write_ca().
void write_ca_file(const std::string& path, const std::string& pem);

} // namespace watchers::rooms::sandbox::detail
