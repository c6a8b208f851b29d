// SPDX-License-Identifier: BSL-1.0
#include "room_service.hpp"

#include "bulk_rig.hpp"

namespace watchers::rooms::test {

namespace {

std::string room_of(const std::string& change)
{
    const auto begin = change.find(' ') + 1;
    return change.substr(begin, change.find(' ', begin) - begin);
}

std::string last_word(const std::string& change) { return change.substr(change.rfind(' ') + 1); }

} // namespace

std::string change_of(const std::string& request)
{
    const std::string what = gist(request);
    return what.starts_with("create ") ? what + ' ' + text_member(request, "name") : what;
}

std::string change_of(const operation& op)
{
    switch (op.kind()) {
    case operation_kind::create_room: return "create " + op.room_id() + ' ' + op.room().name();
    case operation_kind::set_voice: return "voice " + op.room_id() + (op.voice() ? " true" : " false");
    case operation_kind::set_status:
        return "status " + op.room_id() + ' ' + std::string(to_string(op.status()));
    case operation_kind::delete_room: return "delete " + op.room_id();
    case operation_kind::get_room: break;
    }
    return "get " + op.room_id();
}

room_service::room_service(const std::vector<operation>& all, bool strict) : strict_(strict)
{
    for (std::uint64_t i = 0; i < all.size(); ++i) {
        const operation& op = all[static_cast<std::size_t>(i)];
        if (op.kind() == operation_kind::get_room) continue;
        history& h = histories_[op.room_id()];
        places_[i] = {op.room_id(), h.planned.size()};
        h.planned.emplace_back(change_of(op), i);
        if (h.planned.size() == 1 && op.kind() != operation_kind::create_room)
            rooms_[op.room_id()].name = "old";
    }
}

void room_service::violate(std::string_view rule, const std::string& what)
{
    violations.append(rule).append(": ").append(what).append("\n");
}

const std::pair<std::string, std::uint64_t>* room_service::match(const std::string& change) const
{
    const auto found = histories_.find(room_of(change));
    if (found == histories_.end()) return nullptr;
    const history& h = found->second;
    if (h.carried_out < h.planned.size() && h.planned[h.carried_out].first == change)
        return &h.planned[h.carried_out];
    if (h.carried_out > 0 && h.planned[h.carried_out - 1].first == change)
        return &h.planned[h.carried_out - 1];
    return nullptr;
}

void room_service::note_arrival(const std::string& request)
{
    if (!strict_) return;
    const std::string change = change_of(request);
    if (request.starts_with("GET ")) {
        looked_at_.insert(room_of(change));
        return;
    }
    const auto* const op = match(change);
    if (op == nullptr) return violate("order", change);
    if (known_.contains(op->second)) violate("sent again", change);
    if (in_doubt_.contains(op->second) && !looked_at_.contains(room_of(change)))
        violate("not looked at", change);
    arrived_.insert(op->second);
}

void room_service::forget_known()
{
    known_.clear();
    in_doubt_.clear();
    looked_at_.clear();
}

void room_service::note_change(const std::string& change)
{
    ++changes;
    history& h = histories_[room_of(change)];
    if (!strict_) return;
    const auto* const op = match(change);
    if (op == nullptr) return;
    const bool next = h.carried_out < h.planned.size() && op == &h.planned[h.carried_out];
    if (!next && (change.starts_with("create ") || change.starts_with("delete ")))
        violate("carried out twice", change);
    if (next) ++h.carried_out;
}

bool room_service::applied(std::uint64_t index) const
{
    const auto& [id, place] = places_.at(index);
    return histories_.at(id).carried_out > place;
}

const room_service::room* room_service::find(const std::string& id) const
{
    const auto found = rooms_.find(id);
    return found == rooms_.end() ? nullptr : &found->second;
}

std::string room_service::describe(const std::string& id) const
{
    const room& r = rooms_.at(id);
    return R"({"roomId":")" + id + R"(","name":")" + r.name + R"(","about":"about it","isSpeak":)" + r.voice +
           R"(,"status":")" + r.status + R"("})";
}

std::string room_service::serve(const std::string& request)
{
    const std::string change = change_of(request);
    const std::string id = room_of(change);
    const auto found = rooms_.find(id);
    if (change.starts_with("create ")) {
        if (found != rooms_.end()) return answer("409 Conflict", R"({"message":"taken"})");
        rooms_[id].name = last_word(change);
        note_change(change);
        return answer("201 Created", describe(id));
    }
    if (found == rooms_.end()) return answer("404 Not Found", R"({"message":"no such room"})");
    if (change.starts_with("get ")) return ok(describe(id));
    if (change.starts_with("delete ")) {
        rooms_.erase(found);
        note_change(change);
        return ok("{}");
    }
    (change.starts_with("voice ") ? found->second.voice : found->second.status) = last_word(change);
    note_change(change);
    return ok(describe(id));
}

} // namespace watchers::rooms::test
