// SPDX-License-Identifier: BSL-1.0
#include "apply_journal.hpp"

#include "project_identity.hpp"

#include <utility>

namespace roomctl {

namespace rooms = watchers::rooms;

namespace {

// To be counted up when a manifest's entries come to stand for other operations, or for others in number or
// order: the indices of older journals then mean something else.
constexpr int version_of_operations = 1;

} // namespace

rooms::journal open_apply_journal(const std::string& path, const manifest& m, std::uint64_t operations,
                                  const rooms::config& config)
{
    const std::string mode = "apply " + std::to_string(version_of_operations) + ' ' +
                             std::to_string(operations) + ' ' + service_of(config);
    try {
        return rooms::journal(path, m.journal_digest(mode), operations);
    } catch (const rooms::error& e) {
        rooms::diagnostics d = e.diagnostics();
        if (d.message().ends_with("is of another manifest"))
            d.set_message(d.message() +
                          ", --shard, service or project (the API key tells which), "
                          "or the API key was changed since; nothing was sent. After a change of the "
                          "key go on with --plan, without the journal");
        throw rooms::error(e.code(), std::move(d));
    }
}

} // namespace roomctl
