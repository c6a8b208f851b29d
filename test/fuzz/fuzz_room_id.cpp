// SPDX-License-Identifier: BSL-1.0
// Settings, then any bytes: as a room id, which goes through the library's requests to the sandbox's parser
// and routing; as a base URL; and as a bearer token.

#include "fuzz.hpp"

#include <src/sandbox/api.hpp>
#include <src/sandbox/request_parser.hpp>
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/impl/sansio/credential_rules.hpp>
#include <watchers/rooms/impl/sansio/json_text.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/percent.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/sansio/room_builder.hpp>
#include <watchers/rooms/impl/sansio/utf8.hpp>
#include <watchers/rooms/impl/sansio/validate.hpp>

#include <boost/json.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace watchers::rooms;
using fuzz::require;

constexpr std::string_view api_key = "key-of-the-fuzzer";

class settings
{
public:
    explicit settings(fuzz::input& in)
    {
        const unsigned flags = in.byte();
        voice = (flags & 1U) != 0;
        plain_http = (flags & 2U) != 0;
        format = (flags & 4U) != 0 ? time_format::iso_8601 : time_format::specification;
        status = static_cast<room_status>((flags >> 3) & 3U);
        starts_at = time_point(std::chrono::milliseconds(std::int64_t(in.number()) * 2'000));
    }

    bool voice = false;
    bool plain_http = false;
    time_format format = time_format::specification;
    room_status status = room_status::live;
    time_point starts_at{};
};

// The rules of a room id, written anew.
bool acceptable(std::string_view id)
{
    if (id.empty() || id.size() > 1024 || !fuzz::printable(id)) return false;
    std::string segment;
    for (const char c : std::string(id) + '/') {
        if (c != '/' && c != '\\') {
            segment += c;
            continue;
        }
        if (segment.empty() || segment == "." || segment == "..") return false;
        segment.clear();
    }
    return true;
}

// One request, read as the sandbox's connection reads it.
class parsed
{
public:
    explicit parsed(std::string_view bytes)
    {
        sandbox::detail::request_parser parser(got);
        parser.eager(true);
        parser.header_limit((std::numeric_limits<std::uint32_t>::max)());
        boost::beast::error_code ec;
        while (!ec && !parser.is_done() && used < bytes.size())
            used += parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
        require(!ec && parser.is_done(), "a request is a request");
        require(parser.keep_alive(), "a request leaves the connection open");
    }

    sandbox::detail::received_request got;
    std::size_t used = 0;
};

using sandbox::detail::received_request;

void check_fields(const received_request& r, std::string_view token)
{
    require(r.version == 11 && r.hosts == 1 && r.authorizations == 1 && r.api_keys == 1, "each field once");
    require(r.api_key == api_key && r.authorization == "Bearer " + std::string(token),
            "the secrets are as given");
    require(!r.has_coding && !r.expects_continue && r.has_length == !r.body.empty(),
            "a length where there is a body, and nothing else to frame it");
}

// What a proxy that decodes the path before it resolves it would pass on.
void check_no_dots(std::string_view target)
{
    const auto decoded = sandbox::detail::percent_decode(target);
    require(decoded.has_value(), "a target is well encoded");
    for (const std::string_view dots :
         {"/./", "/../", "\\.\\", "\\..\\", "/.\\", "/..\\", "\\./", "\\../", "//", "\\\\", "/\\", "\\/"})
        require((*decoded + '/').find(dots) == std::string::npos, "a target has nothing to resolve");
    require(std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < '\x7F'; }),
            "a target is visible ASCII");
}

using sandbox::operation;

operation operation_of(operation_kind k)
{
    switch (k) {
    case operation_kind::create_room: return operation::create;
    case operation_kind::get_room: return operation::get;
    case operation_kind::set_voice: return operation::voice;
    case operation_kind::set_status: return operation::status;
    case operation_kind::delete_room: return operation::remove;
    }
    return operation::other;
}

void check_understood(const detail::call_request& r, const received_request& got)
{
    sandbox::detail::call call = sandbox::detail::route(got.method, got.target);
    sandbox::detail::read_body(sandbox::dialect::plain, call, got.body); // which takes empty texts
    require(call.route_status == 0 && call.mistakes.empty(), "the sandbox understands it");
    require(call.op == operation_of(r.kind()), "as the same operation");
    require(call.room == r.room_id(), "of exactly the same room");
    if (r.kind() == operation_kind::set_voice) require(call.voice == r.voice(), "with the same voice");
    if (r.kind() == operation_kind::set_status)
        require(to_string(call.state) == to_string(r.status()), "with the same status");
    if (r.kind() != operation_kind::create_room) return;
    const new_room& wanted = r.created();
    require(call.record.name == wanted.name() && call.record.about == wanted.about() &&
                call.record.picture == wanted.picture_url() && call.record.voice == wanted.voice(),
            "with the same members");
    require(wanted.starts_at() == std::chrono::floor<std::chrono::milliseconds>(*call.record.times.start()),
            "with the same time");
}

void check_request_of(const detail::call_request& r, const detail::request_heads& heads,
                      std::string_view token, time_format format)
{
    detail::encoded_call call;
    detail::encode_call(r, format, call);
    check_no_dots(call.target);
    std::string bytes;
    detail::append_request(bytes, heads, call);
    const std::string alone = bytes;
    detail::append_request(bytes, heads, call);
    require(bytes == alone + alone, "a request that is appended is the same");

    const parsed request(bytes);
    require(request.used == alone.size(), "one request is exactly one");
    check_fields(request.got, token);
    check_understood(r, request.got);

    const room told = detail::room_builder::synthesize(r);
    require(told.id() == r.room_id() && told.raw_json().empty(), "what is told without an answer has the id");
    if (r.kind() == operation_kind::create_room)
        require(detail::room_builder::matches(told, r.created()), "and what was asked for");
}

std::vector<detail::call_request> requests_for(const std::string& id, const settings& s)
{
    using detail::call_request;
    new_room created(id, id, "about " + id);
    created.voice(s.voice).starts_at(s.starts_at).picture_url(id);
    return {call_request::create(std::move(created)), call_request::get(id),
            call_request::set_voice(id, s.voice), call_request::set_status(id, s.status),
            call_request::erase(id)};
}

void check_room_id(const std::string& id, const detail::request_heads& heads, std::string_view token,
                   const settings& s)
{
    for (const detail::call_request& r : requests_for(id, s)) {
        const std::string fault = detail::check_request(r);
        require(fault.empty() == acceptable(id), "an id is taken if it breaks no rule");
        require(fault.empty() || fault.starts_with("roomId: "), "a fault names the member");
        require(fault.size() < 100 && fuzz::printable(fault), "and the rule, in the library's own words");
        if (fault.empty()) check_request_of(r, heads, token, s.format);
    }
}

// What is true of text of any kind.
void check_encodings(std::string_view text)
{
    std::string encoded;
    detail::append_percent_encoded(encoded, text);
    require(sandbox::detail::percent_decode(encoded) == text, "percent-encoding loses nothing");
    require(detail::valid_utf8(text) == fuzz::well_formed(text), "what is valid UTF-8");
    for (const std::size_t most : {0U, 1U, 3U, 8U, 512U}) {
        const std::string shown = detail::printable(text, most);
        require(shown.size() <= most && fuzz::printable(shown), "what is shown is printable and short");
    }
    if (!detail::valid_utf8(text)) return;
    require(detail::has_control_character(text) == !fuzz::printable(text), "what is a control character");
    std::string quoted;
    detail::append_json_string(quoted, text);
    const boost::json::value read = boost::json::parse(quoted);
    require(std::string_view(read.get_string().data(), read.get_string().size()) == text,
            "a JSON string loses nothing");
}

void check_address(const detail::origin& o)
{
    std::array<unsigned char, 16> v6{};
    std::array<unsigned char, 4> v4{};
    const bool is_v6 = inet_pton(AF_INET6, o.host().c_str(), v6.data()) == 1;
    const bool is_v4 = inet_pton(AF_INET, o.host().c_str(), v4.data()) == 1;
    require(o.is_address_literal() == (is_v4 || is_v6), "an address is one for the system, too");
    const bool loopback = is_v6 ? std::memcmp(v6.data(), &in6addr_loopback, v6.size()) == 0
                                : (is_v4 ? v4[0] == 127 : o.host() == "localhost");
    require(o.tls() || loopback, "without TLS to loopback only");
}

void check_refused_address(std::string_view url)
{
    constexpr std::string_view start = "https://[";
    if (!url.starts_with(start) || !url.ends_with("]")) return;
    const std::string host(url.substr(start.size(), url.size() - start.size() - 1));
    std::array<unsigned char, 16> v6{};
    if (host.find('\0') != host.npos) return;
    require(inet_pton(AF_INET6, host.c_str(), v6.data()) != 1, "an IPv6 address in brackets is taken");
}

std::optional<detail::origin> check_origin(std::string_view url, bool plain_http)
{
    std::string why = "of before";
    const auto o = detail::parse_origin(url, plain_http, why);
    require(o.has_value() == why.empty(), "a refusal, and nothing else, has a reason");
    if (!o) {
        require(why.size() < 100 && fuzz::printable(why), "a reason is the library's own text");
        check_refused_address(url);
        return o;
    }
    require(o->tls() || plain_http, "without TLS only where that is allowed");
    require(!o->host().empty() && o->port() != 0, "a host and a port");
    for (const char c : o->host_header())
        require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    std::string_view("-_.:[]").find(c) != std::string_view::npos,
                "nothing but a host and a port in the Host field");
    check_address(*o);
    const std::string canonical = (o->tls() ? "https://" : "http://") + o->host_header() + "/";
    const auto again = detail::parse_origin(canonical, plain_http, why);
    require(again && again->host() == o->host() && again->port() == o->port() && again->tls() == o->tls() &&
                again->host_header() == o->host_header(),
            "what is written is read as the same");
    return o;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const settings s(in);
    const std::string text(in.rest());

    auto to = check_origin(text, s.plain_http);
    std::string why;
    if (!to) to = detail::parse_origin("https://chatbackend.watchers.io", false, why);
    const bool sendable = detail::check_credentials(credentials(api_key, text)).empty();
    const std::string_view token = sendable ? std::string_view(text) : "token-of-the-fuzzer";
    const detail::request_heads heads(*to, credentials(api_key, token));

    check_encodings(text);
    check_room_id(text, heads, token, s);
    // With the host and the token of the input
    check_request_of(detail::call_request::set_voice("a room's id", s.voice), heads, token, s.format);
    return 0;
}
