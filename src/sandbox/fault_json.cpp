// SPDX-License-Identifier: BSL-1.0
#include "fault_script.hpp"

#include <boost/json.hpp>

#include <stdexcept>

namespace watchers::rooms::sandbox::detail {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

[[noreturn]] void reject(std::string_view name, const char* what)
{
    throw std::invalid_argument(std::string(name) + ' ' + what);
}

/// Members of a fault's object. Each is taken once; what is left over in the end is a mistake.
class members
{
public:
    explicit members(json::object object) : object_(std::move(object)) {}

    std::optional<json::value> take(std::string_view name)
    {
        const auto it = object_.find(json::string_view(name.data(), name.size()));
        if (it == object_.end()) return std::nullopt;
        std::optional<json::value> result(std::move(it->value()));
        object_.erase(it);
        return result;
    }

    std::optional<std::string> text(std::string_view name)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        if (!value->is_string()) reject(name, "must be a string");
        return std::string(value->get_string());
    }

    std::optional<std::uint64_t> number(std::string_view name)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        if (!value->is_int64() || value->get_int64() < 0)
            reject(name, "must be a whole number, not negative");
        return static_cast<std::uint64_t>(value->get_int64());
    }

    std::optional<milliseconds> duration(std::string_view name)
    {
        constexpr std::uint64_t day = 24 * 60 * 60 * 1000;
        const auto value = number(name);
        if (!value) return std::nullopt;
        if (*value > day) reject(name, "must be at most one day");
        return milliseconds(*value);
    }

    std::optional<bool> flag(std::string_view name)
    {
        const auto value = take(name);
        if (!value) return std::nullopt;
        if (!value->is_bool()) reject(name, "must be a boolean");
        return value->get_bool();
    }

    void nothing_left() const
    {
        if (!object_.empty())
            reject(std::string(object_.begin()->key()), "is not a member of a fault of this action");
    }

private:
    json::object object_;
};

fault respond(members& m)
{
    const auto status = m.number("status").value_or(500);
    if (status > 999) reject("status", "must be at most 999");
    std::string body;
    if (const auto given = m.take("body"))
        body = given->is_string() ? std::string(given->get_string()) : json::serialize(*given);
    fault f = fault::respond(static_cast<unsigned>(status), std::move(body));
    if (const auto fields = m.take("headers")) {
        if (!fields->is_object()) reject("headers", "must be an object of strings");
        for (const auto& field : fields->get_object()) {
            if (!field.value().is_string()) reject("headers", "must be an object of strings");
            f.field(std::string(field.key()), std::string(field.value().get_string()));
        }
    }
    return f;
}

fault by_action(std::string_view action, members& m)
{
    const auto bytes = [&] {
        auto given = m.text("bytes");
        if (!given) reject("bytes", "must be a string");
        return std::move(*given);
    };
    if (action == "delay") return fault::delay(milliseconds(0));
    if (action == "drop_before") return fault::drop_before();
    if (action == "drop_after") return fault::drop_after();
    if (action == "reset_before") return fault::reset_before();
    if (action == "reset_after") return fault::reset_after();
    if (action == "reset_mid") return fault::reset_mid();
    if (action == "truncate") return fault::truncate();
    if (action == "garbage") return fault::garbage();
    if (action == "garbage_record") return fault::garbage_record();
    if (action == "stall") return fault::stall();
    if (action == "respond") return respond(m);
    if (action == "redirect") return fault::redirect(m.text("location").value_or("https://localhost/"));
    if (action == "raw") return fault::raw(bytes());
    if (action == "close_after") return fault::close_after();
    if (action == "stray") return fault::stray(bytes());
    if (action == "trickle") return fault::trickle(milliseconds(1));
    if (action == "close_on_accept") return fault::close_on_accept();
    if (action == "reset_on_accept") return fault::reset_on_accept();
    if (action == "stall_handshake") return fault::stall_handshake();
    if (action == "garbage_handshake") return fault::garbage_handshake();
    if (action == "close_after_handshake") return fault::close_after_handshake();
    if (action == "reset_after_handshake") return fault::reset_after_handshake();
    if (action == "stop_reading") return fault::stop_reading();
    reject("action", "is not known");
}

operation parse_operation(std::string_view name)
{
    for (const operation op : {operation::any, operation::create, operation::get, operation::voice,
                               operation::status, operation::remove, operation::other})
        if (name == to_string(op)) return op;
    reject("op", "must be create, get, voice, status, delete, other or any");
}

void set_ending(fault& f, std::string_view then)
{
    if (then == "close")
        f.close();
    else if (then == "reset")
        f.reset();
    else if (then == "stall")
        f.then_stall();
    else if (then == "keep")
        f.keep();
    else
        reject("then", "must be keep, close, reset or stall");
}

fault parse_fault(const json::value& value)
{
    if (!value.is_object()) reject("a fault", "must be an object");
    members m(value.get_object());
    fault f = by_action(m.text("action").value_or(std::string()), m);
    if (const auto op = m.text("op")) f.on(parse_operation(*op));
    if (const auto room = m.text("room")) f.room(*room);
    if (const auto nth = m.number("nth")) f.nth(*nth);
    if (const auto every = m.number("every")) f.every(*every);
    if (const auto times = m.number("times")) f.times(*times);
    if (const auto delay = m.duration("delay_ms")) f.wait(*delay);
    if (const auto interval = m.duration("interval_ms")) f.slowly(*interval);
    if (const auto after = m.duration("after_ms")) f.after(*after);
    if (const auto cut = m.number("cut")) f.cut(static_cast<std::size_t>(*cut));
    if (const auto apply = m.flag("apply")) f.apply(*apply);
    if (const auto notify = m.flag("close_notify")) f.close_notify(*notify);
    if (const auto announce = m.flag("announce")) f.announce(*announce);
    if (const auto beneath = m.flag("beneath_tls")) f.beneath_tls(*beneath);
    if (m.flag("early").value_or(false)) f.early();
    if (const auto then = m.text("then")) set_ending(f, *then);
    m.nothing_left();
    return f;
}

} // namespace

std::vector<fault> parse_faults(std::string_view text)
{
    boost::system::error_code ec;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec) throw std::invalid_argument("not JSON: " + ec.message());
    std::vector<fault> result;
    if (value.is_array()) {
        for (const json::value& element : value.get_array())
            result.push_back(parse_fault(element));
    } else {
        result.push_back(parse_fault(value));
    }
    return result;
}

} // namespace watchers::rooms::sandbox::detail
