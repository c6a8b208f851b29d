// SPDX-License-Identifier: BSL-1.0
#include "project_identity.hpp"

#include "digest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace roomctl {

namespace rooms = watchers::rooms;

namespace {

constexpr std::string_view project_start = " project ";
constexpr std::size_t fingerprint_size = 8; // bytes

std::string_view origin_in(std::string_view service) noexcept
{
    return service.substr(0, service.rfind(project_start));
}

bool has_project(std::string_view service) { return service.rfind(project_start) != service.npos; }

} // namespace

std::string origin_of(const rooms::config& config)
{
    std::string url = config.base_url;
    std::transform(url.begin(), url.end(), url.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (url.ends_with('/')) url.pop_back();
    for (const auto& [scheme, port] : {std::pair("https://", ":443"), std::pair("http://", ":80")})
        if (url.starts_with(scheme) && url.ends_with(port)) url.resize(url.rfind(':'));
    return url;
}

std::string project_of(const rooms::secret& api_key)
{
    constexpr std::string_view purpose("roomctl project\0", 16); // no other hash of the key begins so
    constexpr std::string_view digits = "0123456789abcdef";
    sha256 hash;
    hash.update(purpose);
    hash.update(api_key.reveal());
    const digest whole = hash.finish();
    std::string text;
    for (std::size_t i = 0; i < fingerprint_size; ++i) {
        text += digits[whole[i] >> 4U];
        text += digits[whole[i] & 15U];
    }
    return text;
}

std::string service_of(const rooms::config& config)
{
    return origin_of(config).append(project_start) + project_of(config.credentials.api_key());
}

bool is_same_origin(std::string_view a, std::string_view b) noexcept { return origin_in(a) == origin_in(b); }

service_difference compare_services(std::string_view of_file, std::string_view of_run)
{
    if (!is_same_origin(of_file, of_run))
        return {"is of another service, " + std::string(origin_in(of_file)),
                "Use the URL of that service, or move the file away"};
    if (!has_project(of_file))
        return {"does not name its project: an older version of roomctl wrote it",
                "If it is of this project, give --accept-project; or move the file away"};
    return {"is of another project, or the API key was changed since",
            "Use the API key of that project, or move the file away (it is sound, and needs no editing). If "
            "it is of "
            "this project, whose key was changed, give --accept-project"};
}

} // namespace roomctl
