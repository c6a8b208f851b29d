// SPDX-License-Identifier: BSL-1.0
#include "model_server.hpp"

#include "plan.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <iterator>

namespace watchers::rooms::sim {

namespace {

reply refuse(unsigned status, std::string_view message)
{
    return {.status = status, .body = "{\"message\":\"" + std::string(message) + "\"}"};
}

} // namespace

const model_server::room* model_server::find(const std::string& id) const
{
    const auto found = rooms_.find(id);
    return found == rooms_.end() ? nullptr : &found->second;
}

reply model_server::serve(exchange& x)
{
    x.served = true;
    if (x.key != key_) return refuse_key(x);
    const room* r = find(x.room);
    if (x.kind == operation_kind::create_room) return create(x);
    if (r == nullptr) return refuse(404, "no such room");
    if (x.kind != operation_kind::get_room) return change(x);

    reply answer{.body = describe(x.room, *r), .found = r->creator};
    if (const caller* c = x.by; c != nullptr && c->wanted)
        answer.found_matching =
            r->name == c->wanted->name() && r->about == c->wanted->about() && r->voice == c->wanted->voice();
    return answer;
}

reply model_server::refuse_key(const exchange& x) const
{
    using enum plan::key_refusal;
    static constexpr plan::key_refusal all[] = {status_401, status_403, no_project};
    switch (plan_.wrong_key == one_or_another ? all[x.number % std::size(all)] : plan_.wrong_key) {
    case status_403: return refuse(403, "Bearer token is not valid");
    case no_project: {
        reply a = refuse(404, "Project not found");
        a.no_project = true;
        return a;
    }
    default: return refuse(401, "who are you?");
    }
}

reply model_server::create(exchange& x)
{
    if (find(x.room) != nullptr)
        return plan_.duplicate_by_400 ? refuse(400, "the room already exists") : refuse(409, "taken");
    const boost::json::object o = boost::json::parse(x.body).as_object();
    room r{.name = o.at("name").as_string().c_str(),
           .about = o.at("about").as_string().c_str(),
           .voice = o.at("isSpeak").as_bool(),
           .creator = o.at("sourceUrl").as_string().c_str()};
    reply answer{.status = 201, .body = describe(x.room, r)};
    rooms_.emplace(x.room, std::move(r));
    ++x.applied;
    on_applied(x);
    return answer;
}

reply model_server::change(exchange& x)
{
    reply answer;
    const auto r = rooms_.find(x.room);
    if (x.kind == operation_kind::delete_room) {
        rooms_.erase(r);
        answer = {.status = x.number % 2 == 0 ? 204U : 200U};
        if (answer.status == 200) answer.body = "{}";
    } else {
        const boost::json::object o = boost::json::parse(x.body).as_object();
        if (x.kind == operation_kind::set_voice)
            r->second.voice = o.at("isSpeak").as_bool();
        else
            r->second.status = o.at("status").as_string().c_str();
        answer.body = describe(x.room, r->second);
    }
    if (plan_.vendor) answer = {.status = 201, .body = "true"};
    ++x.applied;
    on_applied(x);
    return answer;
}

std::string model_server::describe(const std::string& id, const room& r) const
{
    boost::json::object o{{plan_.vendor ? "externalRoomId" : "roomId", id}, {"status", r.status}};
    if (plan_.vendor) o["id"] = 67890;
    if (plan_.tells_members) {
        o["name"] = r.name;
        o["about"] = r.about;
        o["isSpeak"] = r.voice;
    }
    o["sourceUrl"] = r.creator;
    return boost::json::serialize(o);
}

} // namespace watchers::rooms::sim
