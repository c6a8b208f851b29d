// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>

#include <string>
#include <string_view>

namespace roomctl {

// The identity of the service and of the project that a run works on. The files that a run leaves for the
// next one (the journal, the kept file) hold it: work that was done in one project is not done in another.

// The service's URL, spelled in one way.
std::string origin_of(const watchers::rooms::config&);

// A fingerprint of a project: 64 bits of SHA-256, as 16 hexadecimal digits. The service tells projects apart
// by the API key alone. The fingerprint does not reveal the key.
std::string project_of(const watchers::rooms::secret& api_key);

// Both, as one text: `https://api.example project 0123456789abcdef`. A key that is renewed during the run
// does not change it.
std::string service_of(const watchers::rooms::config&);

// Whether the texts of service_of() differ at most by the project.
bool is_same_origin(std::string_view a, std::string_view b) noexcept;

struct service_difference
{
    std::string what;   // "is of another ..."
    std::string remedy; // a sentence for the user, without its full stop
};

// Tells how the service of a file differs from that of the run. Both are texts of service_of().
// @pre they differ.
service_difference compare_services(std::string_view of_file, std::string_view of_run);

} // namespace roomctl
