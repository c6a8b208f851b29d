// SPDX-License-Identifier: BSL-1.0
#include "fault_script.hpp"
#include "answer.hpp"

#include <algorithm>
#include <stdexcept>

namespace watchers::rooms::sandbox::detail {
namespace {

bool of_connection(fault_stage stage)
{
    return stage == fault_stage::accept || stage == fault_stage::connected;
}

bool matches(const fault_plan& plan, fault_stage stage, operation op, std::string_view room)
{
    if (plan.stage != stage) return false;
    if (of_connection(stage)) return true;
    return (plan.op == operation::any || plan.op == op) && (!plan.room || *plan.room == room);
}

bool is_due(const fault_plan& plan, std::uint64_t seen)
{
    const std::uint64_t first = std::max<std::uint64_t>(plan.nth, 1);
    const std::uint64_t step = std::max<std::uint64_t>(plan.every, 1);
    return seen >= first && (seen - first) % step == 0;
}

bool same_field(std::string_view a, std::string_view lower)
{
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

} // namespace

void fault_script::check(const fault& f)
{
    if (f.plan().stage == fault_stage::head && f.plan().answer == fault_answer::normal)
        throw std::invalid_argument("a fault with the ordinary answer cannot be early");
}

void fault_script::inject(const fault& f)
{
    check(f);
    entries_.emplace_back(f.plan());
}

std::optional<fault_plan> fault_script::due(fault_stage stage, operation op, std::string_view room)
{
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        if (!matches(it->plan, stage, op, room) || !is_due(it->plan, ++it->seen)) continue;
        std::optional<fault_plan> result = it->plan;
        if (++it->fired == it->plan.times) entries_.erase(it);
        return result;
    }
    return std::nullopt;
}

std::string given_answer(const fault_plan& plan)
{
    const auto given = [&](std::string_view lower) {
        return std::any_of(plan.fields.begin(), plan.fields.end(),
                           [&](const auto& field) { return same_field(field.first, lower); });
    };
    std::string number = std::to_string(plan.status);
    number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
    std::string out = "HTTP/1.1 " + number + ' ' + std::string(reason(plan.status)) + "\r\n";
    for (const auto& [name, value] : plan.fields)
        out += name + ": " + value + "\r\n";
    if (!given("content-type") && !plan.bytes.empty())
        out += "Content-Type: application/json; charset=utf-8\r\n";
    const bool without_length = plan.status < 200 || plan.status == 204 || plan.status == 304;
    if (!given("content-length") && !given("transfer-encoding") && !without_length)
        out += "Content-Length: " + std::to_string(plan.bytes.size()) + "\r\n";
    if (plan.announce_close && !given("connection")) out += "Connection: close\r\n";
    return out + "\r\n" + plan.bytes;
}

std::string_view to_string(operation op)
{
    switch (op) {
    case operation::any: return "any";
    case operation::create: return "create";
    case operation::get: return "get";
    case operation::voice: return "voice";
    case operation::status: return "status";
    case operation::remove: return "delete";
    case operation::other: return "other";
    case operation::admin: return "admin";
    }
    return {};
}

} // namespace watchers::rooms::sandbox::detail
