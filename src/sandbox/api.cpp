// SPDX-License-Identifier: BSL-1.0
#include "api.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace watchers::rooms::sandbox::detail {
namespace {

namespace json = boost::json;

constexpr std::string_view room_path = "/external/room";
constexpr std::string_view admin_prefix = "/sandbox/";

int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool same_ignoring_case(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// The path of a target in origin or absolute form.
std::string_view path_of(std::string_view target)
{
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!target.starts_with(scheme)) continue;
        const auto slash = target.find('/', scheme.size());
        target = slash == target.npos ? std::string_view("/") : target.substr(slash);
    }
    return target.substr(0, target.find('?'));
}

call no_route(unsigned status, std::string allow = {})
{
    call c;
    c.route_status = status;
    c.allow = std::move(allow);
    return c;
}

call route_to(operation op, std::string room = {})
{
    call c;
    c.op = op;
    c.room = std::move(room);
    return c;
}

call route_admin(std::string_view method, std::string_view name)
{
    struct entry
    {
        std::string_view name, methods;
    };
    static constexpr entry entries[] = {{"faults", "POST, DELETE"},
                                        {"counters", "GET"},
                                        {"rooms", "GET"},
                                        {"creations", "GET"},
                                        {"reset", "POST"}};
    for (const entry& e : entries) {
        if (e.name != name) continue;
        if (method.empty() || e.methods.find(method) == e.methods.npos)
            return no_route(405, std::string(e.methods));
        call c = route_to(operation::admin);
        c.admin_path = name;
        return c;
    }
    return no_route(404);
}

/// Members of a request's body, and what is wrong with them.
class body_reader
{
public:
    body_reader(dialect how, const json::object& object, std::vector<std::string>& mistakes)
        : how_(how)
        , object_(object)
        , mistakes_(mistakes)
    {}

    std::string required_text(const char* name)
    {
        auto text = optional_text(name, true);
        if (text && text->empty() && how_ == dialect::vendor) object_to(name, "should not be empty");
        return text ? std::move(*text) : std::string();
    }

    std::optional<std::string> optional_text(const char* name, bool required = false)
    {
        const json::value* const value = member(name);
        if (value != nullptr && value->is_string()) return std::string(value->get_string());
        if (value != nullptr || required) object_to(name, "must be a string");
        return std::nullopt;
    }

    std::string room_id()
    {
        const std::size_t before = mistakes_.size();
        std::string id = required_text("roomId");
        if (id.empty() && mistakes_.size() == before) object_to("roomId", "should not be empty");
        return id;
    }

    bool flag(const char* name, bool required)
    {
        const json::value* const value = member(name);
        if (value == nullptr && !required) return false;
        if (value != nullptr && value->is_bool()) return value->get_bool();
        if (value != nullptr && value->is_string()) {
            const json::string& text = value->get_string();
            if (text == "true" || text == "1") return true;
            if (text == "false" || text == "0") return false;
        }
        object_to(name, "must be a boolean value");
        return false;
    }

    std::optional<time_point> time(const char* name)
    {
        const json::value* const value = member(name);
        if (value == nullptr) return std::nullopt;
        std::optional<time_point> result;
        if (value->is_string()) result = parse_time(std::string_view(value->get_string()));
        if (!result) object_to(name, "must be a time as 2024-12-31 05:33:32 or 2024-12-31T05:33:32.000Z");
        return result;
    }

    room_state state(const char* name)
    {
        const json::value* const value = member(name);
        std::optional<room_state> result;
        if (value != nullptr && value->is_string())
            result = parse_state(std::string_view(value->get_string()));
        if (!result) object_to(name, "must be one of the following values: LIVE, SOON, ENDED, DISABLED");
        return result.value_or(room_state::live);
    }

    void object_to(const char* name, const char* what)
    {
        mistakes_.push_back(std::string(name) + ' ' + what);
    }

private:
    /// An explicit null counts as absent.
    const json::value* member(const char* name) const
    {
        const json::value* const value = object_.if_contains(name);
        return value != nullptr && !value->is_null() ? value : nullptr;
    }

    dialect how_;
    const json::object& object_;
    std::vector<std::string>& mistakes_;
};

void read_new_room(call& c, body_reader& body)
{
    c.room = body.room_id();
    c.record.name = body.required_text("name");
    c.record.about = body.required_text("about");
    c.record.voice = body.flag("isSpeak", false);
    const auto start = body.time("startTime");
    const auto end = body.time("endTime");
    if (start && end && *end <= *start) body.object_to("endTime", "must be later than startTime");
    c.record.times = schedule(start, end);
    c.record.picture = body.optional_text("pic");
    c.record.stream_url = body.optional_text("streamUrl");
    c.record.source_url = body.optional_text("sourceUrl");
    c.record.stream_start = body.time("streamStartTime");
    c.record.stream_end = body.time("streamEndTime");
}

answer room_answer(unsigned status, dialect how, std::string_view id, const room_record& room, time_point now)
{
    answer a(status);
    append_json(a.body, how, id, room, now);
    return a;
}

bool has_token(const request& r, std::string_view token)
{
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view given = r.authorization.value_or(std::string_view());
    return same_ignoring_case(given.substr(0, scheme.size()), scheme) && given.substr(scheme.size()) == token;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text)
{
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0) return std::nullopt;
        result += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return result;
}

call route(std::string_view method, std::string_view target)
{
    const std::string_view path = path_of(target);
    if (path.starts_with(admin_prefix)) return route_admin(method, path.substr(admin_prefix.size()));
    if (path == room_path) return method == "POST" ? route_to(operation::create) : no_route(405, "POST");
    if (!path.starts_with(room_path) || path[room_path.size()] != '/') return no_route(404);
    const std::string_view rest = path.substr(room_path.size() + 1);
    if (rest.empty() || rest.find('/') != rest.npos) return no_route(404);
    auto id = percent_decode(rest);
    if (!id) {
        call c;
        c.mistakes.push_back("the path is not percent-encoded correctly");
        return c;
    }
    if (method == "GET") return route_to(operation::get, std::move(*id));
    if (method == "DELETE") return route_to(operation::remove, std::move(*id));
    const bool speak = *id == "speak";
    const bool status = *id == "status";
    if (method == "POST" && speak) return route_to(operation::voice);
    if (method == "POST" && status) return route_to(operation::status);
    return no_route(405, speak || status ? "GET, DELETE, POST" : "GET, DELETE");
}

void read_body(dialect how, call& c, std::string_view body)
{
    if (c.op != operation::create && c.op != operation::voice && c.op != operation::status) return;
    unsigned char memory[4096];
    json::monotonic_resource resource(memory, sizeof memory);
    boost::system::error_code ec;
    const json::value value = json::parse(json::string_view(body.data(), body.size()), ec, &resource);
    if (ec || !value.is_object()) {
        c.mistakes.push_back("the body must be a JSON object");
        return;
    }
    body_reader reader(how, value.get_object(), c.mistakes);
    if (c.op == operation::create) {
        read_new_room(c, reader);
    } else {
        c.room = reader.room_id();
        if (c.op == operation::voice)
            c.voice = reader.flag("isSpeak", true);
        else
            c.state = reader.state("status");
    }
}

std::optional<answer> refuse_credentials(dialect how, const request& r, const credential_pair& expected)
{
    const bool token_right = has_token(r, expected.bearer_token);
    const bool key_right = r.api_key == expected.api_key;
    if (how == dialect::vendor) { // the key names the project, which is looked up first
        if (!key_right) return refusal(how, 404, "Project not found");
        if (!token_right) return refusal(how, 403, "The bearer token is missing or not valid");
        return std::nullopt;
    }
    if (!r.api_key || !token_right) return refusal(how, 401, "Unauthorized");
    if (!key_right) return refusal(how, 403, "Forbidden resource");
    return std::nullopt;
}

answer perform(dialect how, call&& c, room_store& store, time_point now)
{
    if (c.route_status != 0) {
        answer a = refusal(how, c.route_status,
                           c.route_status == 404 ? "No such route" : "No such method on this route");
        a.allow = std::move(c.allow);
        return a;
    }
    if (!c.mistakes.empty()) return bad_request(how, c.mistakes);
    if (c.op == operation::create) {
        const room_record* const made = store.create(c.room, std::move(c.record), now);
        return made != nullptr ? room_answer(201, how, c.room, *made, now)
                               : refusal(how, 409, "Room already exists");
    }
    room_record* const room = store.find(c.room);
    if (room == nullptr) return refusal(how, 404, "Room not found");
    if (c.op == operation::get) return room_answer(200, how, c.room, *room, now);

    if (c.op == operation::remove) {
        store.remove(c.room);
        return how == dialect::vendor ? answer(200, "true") : answer(204);
    }
    if (c.op == operation::voice) room->voice = c.voice;
    if (c.op == operation::status) room->times.set(c.state, now);
    room->updated = now;
    return how == dialect::vendor ? answer(201, "true") : room_answer(200, how, c.room, *room, now);
}

} // namespace watchers::rooms::sandbox::detail
