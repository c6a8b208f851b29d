// SPDX-License-Identifier: BSL-1.0
#include "apply_journal.hpp"

#include <algorithm>
#include <utility>

namespace roomctl {

namespace rooms = watchers::rooms;

namespace {

// To be counted up when a manifest's entries come to stand for other operations, or for others in number or
// order: the indices of older journals then mean something else.
constexpr int version_of_operations = 1;

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

rooms::journal open_apply_journal(const std::string& path, const manifest& m, std::uint64_t operations,
                                  const rooms::config& config)
{
    const std::string mode = "apply " + std::to_string(version_of_operations) + ' ' +
                             std::to_string(operations) + ' ' + origin_of(config);
    try {
        return rooms::journal(path, m.journal_digest(mode), operations);
    } catch (const rooms::error& e) {
        rooms::diagnostics d = e.diagnostics();
        if (d.message().ends_with("is of another manifest"))
            d.set_message(d.message() + ", --shard or service");
        throw rooms::error(e.code(), std::move(d));
    }
}

} // namespace roomctl
