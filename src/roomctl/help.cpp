// SPDX-License-Identifier: BSL-1.0
#include "help.hpp"

#include "exit_code.hpp"

namespace roomctl {

std::string general_help()
{
    std::string text =
        R"(Credentials come from the environment (WATCHERS_API_KEY, WATCHERS_BEARER_TOKEN) or from
--credentials FILE, never from arguments. WATCHERS_BASE_URL names another host.

Times: '2026-12-31 20:00' (UTC), 2026-12-31T20:00:00Z, 2026-12-31T21:00+01:00, or +30m from now.
Durations: 500ms, 5s, 1.5m, 2h. An argument that begins with a dash goes behind `--`.

What fails in a way that may pass is tried again within --timeout; a create whose answer is lost is
looked up, and told as confirmed when the room is there with the members asked for. --no-retry
sends one request and tells what became of it.

With --json every outcome, errors included, is one JSON object per line on standard output (errors
of export: on standard error); an error has the members error, effect (none, applied, unknown),
http_status and message.

Exit codes:
)";
    for (const auto& [code, meaning] : exit_code_meanings)
        text += "  " + std::to_string(static_cast<int>(code)) + "  " + std::string(meaning) + '\n';
    text += R"(
Examples:
  roomctl create match-321 Final 'Kick-off at 20:00' --starts-at '2026-12-31 20:00'
  roomctl status match-321 LIVE
  roomctl --json get match-321 | jq .room
  roomctl plan rooms.csv && roomctl apply --plan rooms.csv
  roomctl apply rooms.jsonl --journal rooms.journal
  roomctl demo

`roomctl COMMAND --help` tells more of each command.)";
    return text;
}

} // namespace roomctl
