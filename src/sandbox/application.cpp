// SPDX-License-Identifier: BSL-1.0
#include "application.hpp"

#include <stdexcept>

namespace watchers::rooms::sandbox::detail {
namespace {

/// Administration is no part of the API: it is the same with every dialect.
constexpr dialect administration = dialect::plain;

void append_counter(std::string& out, std::string_view name, std::uint64_t value)
{
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
    out += std::to_string(value);
}

bool needs_ordinary_answer(const fault_plan& plan)
{
    return plan.apply || plan.answer == fault_answer::normal;
}

} // namespace

application::application(const options& opts)
    : clock_(opts.clock())
    , dialect_(opts.dialect())
    , credentials_(opts.api_key(), opts.bearer_token())
{
    if (!clock_) clock_ = [] { return std::chrono::system_clock::now(); };
}

reply application::serve(const request& r, bool close)
{
    const time_point now = clock_();
    call c = route(r.method, r.target);
    const operation op = c.op;
    tally_.add_request(op);
    if (op != operation::admin && c.mistakes.empty()) read_body(dialect_, c, r.body);
    const dialect how = op == operation::admin ? administration : dialect_;

    reply result;
    std::optional<answer> a;
    {
        const std::lock_guard lock(mutex_);
        if (op != operation::admin && !faults_.empty())
            result.fault = faults_.due(fault_stage::request, op, c.room);
        if (!result.fault || needs_ordinary_answer(*result.fault)) {
            if (c.route_status == 0) a = refuse_credentials(how, r, credentials_);
            if (!a && op != operation::admin) a = perform(how, std::move(c), store_, now);
        }
    }
    if (!a && op == operation::admin) a = administer(c, r, now);

    result.close = close;
    const bool as_usual = !result.fault || result.fault->answer == fault_answer::normal;
    if (result.fault) {
        tally::add(tally_.faults_fired);
        if (result.fault->answer == fault_answer::given) result.bytes = given_answer(*result.fault);
        if (result.fault->answer == fault_answer::raw) result.bytes = result.fault->bytes;
    }
    if (as_usual) {
        result.bytes = to_wire(*a, close || (result.fault && result.fault->announce_close), now);
        if (r.method == "HEAD") result.bytes.resize(result.bytes.size() - a->body.size());
        tally_.add_response(a->status);
    } else if (result.fault->answer == fault_answer::given) {
        tally_.add_response(result.fault->status);
    }
    return result;
}

reply application::reject(unsigned status, std::string_view message)
{
    tally::add(tally_.bad_requests);
    tally_.add_response(status);
    reply result;
    result.bytes = to_wire(refusal(dialect_, status, message), true, clock_());
    result.close = true;
    return result;
}

std::optional<fault_plan> application::connection_fault(fault_stage stage)
{
    const std::lock_guard lock(mutex_);
    if (faults_.empty()) return std::nullopt;
    auto plan = faults_.due(stage);
    if (plan) tally::add(tally_.faults_fired);
    return plan;
}

std::optional<fault_plan> application::early_fault(std::string_view method, std::string_view target)
{
    const std::lock_guard lock(mutex_);
    if (faults_.empty()) return std::nullopt;
    const call c = route(method, target);
    if (c.op == operation::admin) return std::nullopt;
    auto plan = faults_.due(fault_stage::head, c.op, c.room);
    if (plan) {
        tally_.add_request(c.op);
        tally::add(tally_.faults_fired);
        if (plan->answer == fault_answer::given) tally_.add_response(plan->status);
    }
    return plan;
}

void application::set_credentials(credential_pair credentials)
{
    const std::lock_guard lock(mutex_);
    credentials_ = std::move(credentials);
}

void application::inject(const std::vector<fault>& faults)
{
    for (const fault& f : faults)
        fault_script::check(f);
    const std::lock_guard lock(mutex_);
    for (const fault& f : faults)
        faults_.inject(f);
}

void application::clear_faults()
{
    const std::lock_guard lock(mutex_);
    faults_.clear();
}

std::size_t application::pending_faults() const
{
    const std::lock_guard lock(mutex_);
    return faults_.size();
}

answer application::administer(const call& c, const request& r, time_point now)
{
    if (c.admin_path == "counters") return answer(200, counters_json());
    if (c.admin_path == "rooms") return answer(200, rooms_json(now));
    if (c.admin_path == "creations") return answer(200, creations_json());
    if (c.admin_path == "reset") {
        with_store([](room_store& store) { store.clear(); });
        clear_faults();
        tally_.reset();
        return answer(204);
    }
    if (r.method == "DELETE") {
        clear_faults();
        return answer(204);
    }
    try {
        inject(parse_faults(r.body));
    } catch (const std::invalid_argument& e) {
        return bad_request(administration, {e.what()});
    }
    return answer(201, "{\"pending\":" + std::to_string(pending_faults()) + '}');
}

std::string application::counters_json() const
{
    const counter_values v = tally_.values();
    std::string out = "{";
    append_counter(out, "connections_accepted", v.connections_accepted);
    append_counter(out, "connections_open", v.connections_open);
    append_counter(out, "handshakes_full", v.handshakes_full);
    append_counter(out, "handshakes_resumed", v.handshakes_resumed);
    append_counter(out, "handshakes_failed", v.handshakes_failed);
    append_counter(out, "bytes_received", v.bytes_received);
    append_counter(out, "bytes_sent", v.bytes_sent);
    append_counter(out, "bad_requests", v.bad_requests);
    append_counter(out, "faults_fired", v.faults_fired);
    out += ",\"requests\":{";
    for (const auto& [op, count] : v.by_operation)
        append_counter(out, to_string(op), count);
    out += "},\"responses\":{";
    for (const auto& [status, count] : v.by_status)
        append_counter(out, std::to_string(status), count);
    return out + "}}";
}

std::string application::creations_json() const
{
    const std::lock_guard lock(mutex_);
    std::string out = "{";
    for (const auto& [id, count] : store_.creations())
        append_counter(out, id, count);
    return out + '}';
}

std::string application::rooms_json(time_point now) const
{
    const std::lock_guard lock(mutex_);
    std::string out = "[";
    for (const std::string& id : store_.ids()) {
        if (out.size() > 1) out += ',';
        append_json(out, administration, id, *store_.find(id), now);
    }
    return out + ']';
}

} // namespace watchers::rooms::sandbox::detail
