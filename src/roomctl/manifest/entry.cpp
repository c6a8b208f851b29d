// SPDX-License-Identifier: BSL-1.0
#include "entry.hpp"

#include "../values.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace roomctl {

namespace {

namespace rooms = watchers::rooms;

constexpr unsigned set_of(std::initializer_list<member> members) noexcept
{
    unsigned set = 0;
    for (const member m : members)
        set |= 1U << static_cast<unsigned>(m);
    return set;
}

constexpr bool contains(unsigned set, member m) noexcept
{
    return (set >> static_cast<unsigned>(m) & 1U) != 0;
}

struct form
{
    std::string_view name; // as `op`
    rooms::operation_kind kind;
    unsigned required;
    unsigned optional;
};

constexpr unsigned created = set_of({member::room_id, member::name, member::about});
constexpr unsigned may_be_created =
    set_of({member::voice, member::starts_at, member::ends_at, member::picture_url, member::stream_url,
            member::source_url, member::stream_starts_at, member::stream_ends_at});

constexpr form operations[] = {
    {"create", rooms::operation_kind::create_room, created, may_be_created},
    {"get", rooms::operation_kind::get_room, set_of({member::room_id}), 0},
    {"voice", rooms::operation_kind::set_voice, set_of({member::room_id, member::voice}), 0},
    {"status", rooms::operation_kind::set_status, set_of({member::room_id, member::status}), 0},
    {"delete", rooms::operation_kind::delete_room, set_of({member::room_id}), 0},
};
constexpr form desired = {"", rooms::operation_kind::create_room, created,
                          may_be_created | set_of({member::status})};

// Both of the API's formats and those of the command line, but for times from now on: they would change the
// meaning of a manifest with every reading. More digits than milliseconds have are cut.
std::optional<rooms::time_point> parse_absolute_time(std::string_view text)
{
    if (text.starts_with('+')) return std::nullopt;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return parse_time(text, {});
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(dot) + 1;
    const auto end = std::find_if_not(begin, text.end(), is_digit);
    if (end - begin <= 3) return parse_time(text, {});
    if (end - begin > 9) return std::nullopt;
    std::string cut(text.substr(0, dot + 4));
    return parse_time(cut.append(end, text.end()), {});
}

// As spreadsheets write them, too.
std::optional<bool> parse_boolean(std::string_view text) noexcept
{
    if (text == "true" || text == "TRUE" || text == "1") return true;
    if (text == "false" || text == "FALSE" || text == "0") return false;
    return std::nullopt;
}

class entry_reader
{
public:
    explicit entry_reader(manifest_record& r) noexcept : record_(r) {}

    std::optional<entry_content> read()
    {
        const bool is_operation = kind_of(record_) == entry_kind::operation;
        const form* const f = is_operation ? find_form() : &desired;
        if (f == nullptr) return std::nullopt;
        check_members(*f);

        std::optional<rooms::operation> op;
        std::optional<rooms::room_status> status;
        const bool voice_given = given(member::voice);
        if (f->kind == rooms::operation_kind::create_room) {
            status = read_status();
            op = rooms::operation::create(read_room());
        } else {
            op = read_change(*f);
        }
        if (const std::string fault = op->check(); !fault.empty()) explain(*op, fault);
        if (!record_.faults.empty()) return std::nullopt;
        if (is_operation) return entry_content(std::in_place_index<0>, *std::move(op));
        return entry_content(std::in_place_index<1>, desired_room{op->room(), status, voice_given});
    }

private:
    void add(member m, std::string rule)
    {
        const record_value& v = record_[m];
        const position at = v.kind == value_kind::absent ? record_.at : v.at;
        record_.blame({at, std::string(name_of(m)), std::move(rule)});
    }

    bool given(member m) const noexcept
    {
        const value_kind k = record_[m].kind;
        return k != value_kind::absent && k != value_kind::empty;
    }

    bool is_text(member m) const noexcept
    {
        const value_kind k = record_[m].kind;
        return k == value_kind::text || k == value_kind::bare;
    }

    const form* find_form()
    {
        for (const form& f : operations)
            if (is_text(member::op) && record_[member::op].text == f.name) return &f;
        add(member::op, "must be create, get, voice, status or delete");
        return nullptr;
    }

    void check_members(const form& f)
    {
        for (std::size_t i = 1; i < member_names.size(); ++i) {
            const auto m = static_cast<member>(i);
            const value_kind k = record_[m].kind;
            const bool required = contains(f.required, m);
            if (!given(m)) {
                // An empty field is an empty text where there has to be one.
                const bool empty_text = k == value_kind::empty && m <= member::about;
                if (required && !empty_text) add(m, "is missing");
            } else if (!required && !contains(f.optional, m)) {
                add(m, "is not a member of " + (f.name.empty() ? "a room" : std::string(f.name)));
            } else if (m == member::voice) {
                if (!voice()) add(m, "must be true or false");
            } else if (!is_text(m)) {
                add(m, "must be a text");
            }
        }
    }

    std::optional<bool> voice() const noexcept
    {
        const record_value& v = record_[member::voice];
        if (v.kind == value_kind::boolean) return v.on;
        return v.kind == value_kind::bare ? parse_boolean(v.text) : std::nullopt;
    }

    // The id stays: whoever reads manifests compares it.
    std::string id() const
    {
        return is_text(member::room_id) ? record_[member::room_id].text : std::string();
    }
    std::string text(member m) { return is_text(m) ? std::move(record_[m].text) : std::string(); }

    std::optional<rooms::time_point> time(member m)
    {
        if (!is_text(m)) return std::nullopt;
        const auto t = parse_absolute_time(record_[m].text);
        if (!t) add(m, "must be a time as in 2024-12-31T20:00:00.000Z or 2024-12-31 20:00:00");
        return t;
    }

    std::optional<rooms::room_status> read_status()
    {
        if (!is_text(member::status)) return std::nullopt;
        const auto s = rooms::parse_room_status(record_[member::status].text);
        if (!s) add(member::status, "must be LIVE, SOON, ENDED or DISABLED");
        return s;
    }

    rooms::new_room read_room()
    {
        rooms::new_room r(id(), text(member::name), text(member::about));
        r.voice(voice().value_or(false));
        if (const auto t = time(member::starts_at)) r.starts_at(*t);
        if (const auto t = time(member::ends_at)) r.ends_at(*t);
        if (is_text(member::picture_url)) r.picture_url(text(member::picture_url));
        if (is_text(member::stream_url)) r.stream_url(text(member::stream_url));
        if (is_text(member::source_url)) r.source_url(text(member::source_url));
        if (const auto t = time(member::stream_starts_at)) r.stream_starts_at(*t);
        if (const auto t = time(member::stream_ends_at)) r.stream_ends_at(*t);
        return r;
    }

    rooms::operation read_change(const form& f)
    {
        switch (f.kind) {
        case rooms::operation_kind::set_voice:
            return rooms::operation::set_voice(id(), voice().value_or(false));
        case rooms::operation_kind::set_status:
            return rooms::operation::set_status(id(), read_status().value_or(rooms::room_status::live));
        case rooms::operation_kind::delete_room: return rooms::operation::erase(id());
        default: return rooms::operation::get(id());
        }
    }

    // Unless its member is at fault already: then the library was not given what is written there.
    void take_over(const std::string& fault)
    {
        const std::size_t colon = fault.find(": ");
        const auto m = find_member(std::string_view(fault).substr(0, colon));
        if (!m) {
            record_.blame({record_.at, {}, fault});
            return;
        }
        const auto same = [&](const manifest_fault& f) { return f.field == name_of(*m); };
        if (std::none_of(record_.faults.begin(), record_.faults.end(), same))
            add(*m, fault.substr(colon + 2));
    }

    void check(const rooms::new_room& r)
    {
        if (const std::string fault = rooms::operation::create(r).check(); !fault.empty()) take_over(fault);
    }

    // The library tells the first fault: it is asked of each member by itself for the others.
    void explain(const rooms::operation& op, const std::string& first)
    {
        take_over(first);
        if (op.kind() != rooms::operation_kind::create_room) return;
        const rooms::new_room& r = op.room();
        const rooms::new_room sound("x", "", "");
        check(rooms::new_room(r.id(), "", ""));
        check(rooms::new_room("x", r.name(), ""));
        check(rooms::new_room("x", "", r.about()));
        if (r.picture_url()) check(rooms::new_room(sound).picture_url(*r.picture_url()));
        if (r.stream_url()) check(rooms::new_room(sound).stream_url(*r.stream_url()));
        if (r.source_url()) check(rooms::new_room(sound).source_url(*r.source_url()));
        if (r.starts_at()) check(rooms::new_room(sound).starts_at(*r.starts_at()));
        if (r.ends_at()) check(rooms::new_room(sound).ends_at(*r.ends_at()));
        if (r.starts_at() && r.ends_at())
            check(rooms::new_room(sound).starts_at(*r.starts_at()).ends_at(*r.ends_at()));
        if (r.stream_starts_at()) check(rooms::new_room(sound).stream_starts_at(*r.stream_starts_at()));
        if (r.stream_ends_at()) check(rooms::new_room(sound).stream_ends_at(*r.stream_ends_at()));
        if (r.stream_starts_at() && r.stream_ends_at())
            check(rooms::new_room(sound)
                      .stream_starts_at(*r.stream_starts_at())
                      .stream_ends_at(*r.stream_ends_at()));
    }

    manifest_record& record_;
};

} // namespace

entry_kind kind_of(const manifest_record& r) noexcept
{
    return r[member::op].kind == value_kind::absent ? entry_kind::desired_room : entry_kind::operation;
}

std::optional<entry_content> read_entry(manifest_record& r) { return entry_reader(r).read(); }

} // namespace roomctl
