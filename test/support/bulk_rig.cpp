// SPDX-License-Identifier: BSL-1.0
#include "bulk_rig.hpp"

namespace watchers::rooms::test {

namespace {

std::string member(std::string_view body, const std::string& name)
{
    const auto at = body.find('"' + name + "\":");
    if (at == std::string_view::npos) return {};
    body.remove_prefix(at + name.size() + 3);
    if (body.front() != '"') return std::string(body.substr(0, body.find_first_of(",}")));
    return std::string(body.substr(1, body.find('"', 1) - 1));
}

} // namespace

std::string text_member(const std::string& request, const std::string& name)
{
    return member(std::string_view(request).substr(request.find("\r\n\r\n") + 4), name);
}

std::string gist(const std::string& request)
{
    const std::string line = request.substr(0, request.find("\r\n"));
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    const std::string room = member(body, "roomId");
    if (line.starts_with("POST /external/room/speak "))
        return "voice " + room + ' ' + member(body, "isSpeak");
    if (line.starts_with("POST /external/room/status "))
        return "status " + room + ' ' + member(body, "status");
    if (line.starts_with("POST ")) return "create " + room;
    const auto slash = line.rfind("/external/room/") + 15;
    const std::string id = line.substr(slash, line.find(' ', slash) - slash);
    return (line.starts_with("GET ") ? "get " : "delete ") + id;
}

} // namespace watchers::rooms::test
