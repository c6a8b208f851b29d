// SPDX-License-Identifier: BSL-1.0
#include "json_record.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>

#include <optional>
#include <string>
#include <utility>

namespace roomctl {

namespace {

using boost::json::error_code;

// A member of the object that is no plain value of a record.
struct odd_member
{
    std::size_t ordinal; // among the object's members
    std::string name;
    const char* rule;
};

// Takes the parser's events: values of the object's own members go into the record.
class record_sink
{
public:
    using piece = boost::json::string_view;

    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    explicit record_sink(manifest_record& out) noexcept : out_(out) {}

    const std::vector<std::optional<member>>& members() const noexcept { return members_; }
    std::vector<odd_member>& odd() noexcept { return odd_; }

    bool on_document_begin(error_code&) noexcept { return true; }
    bool on_document_end(error_code&) noexcept { return true; }
    bool on_object_begin(error_code&) noexcept { return enter(); }
    bool on_object_end(std::size_t, error_code&) noexcept { return --depth_, true; }
    bool on_array_begin(error_code&) noexcept { return enter(); }
    bool on_array_end(std::size_t, error_code&) noexcept { return --depth_, true; }

    bool on_key_part(piece s, std::size_t, error_code&) { return append(s); }
    bool on_key(piece s, std::size_t, error_code&)
    {
        if (depth_ == 1) {
            append(s);
            begin_member();
        }
        pieces_.clear();
        return true;
    }

    bool on_string_part(piece s, std::size_t, error_code&) { return append(s); }
    bool on_string(piece s, std::size_t, error_code&)
    {
        if (record_value* const v = take(value_kind::text)) {
            append(s);
            v->text = pieces_;
        }
        pieces_.clear();
        return true;
    }

    bool on_bool(bool on, error_code&) noexcept
    {
        if (record_value* const v = take(value_kind::boolean)) v->on = on;
        return true;
    }

    bool on_number_part(piece, error_code&) noexcept { return true; }
    bool on_int64(std::int64_t, piece, error_code&) noexcept { return take(value_kind::other), true; }
    bool on_uint64(std::uint64_t, piece, error_code&) noexcept { return take(value_kind::other), true; }
    bool on_double(double, piece, error_code&) noexcept { return take(value_kind::other), true; }
    bool on_null(error_code&) noexcept { return take(value_kind::other), true; }
    bool on_comment_part(piece, error_code&) noexcept { return true; }
    bool on_comment(piece, error_code&) noexcept { return true; }

private:
    bool append(piece s)
    {
        if (depth_ == 1) pieces_.append(s.data(), s.size());
        return true;
    }

    bool enter() noexcept
    {
        take(value_kind::other);
        ++depth_;
        return true;
    }

    // The value of the member whose key came last, unless it is a value within that one.
    record_value* take(value_kind kind) noexcept
    {
        if (depth_ != 1 || !pending_) return nullptr;
        record_value& v = out_[*std::exchange(pending_, std::nullopt)];
        v.kind = kind;
        return &v;
    }

    void begin_member()
    {
        const std::optional<member> m = find_member(pieces_);
        pending_ = m;
        if (!m) {
            add_odd(pieces_.empty() ? "a member without a name" : unknown_member);
        } else if (out_[*m].kind != value_kind::absent) {
            add_odd("appears twice");
            pending_ = std::nullopt;
        }
        members_.push_back(pending_);
    }

    void add_odd(const char* rule)
    {
        if (odd_.size() < manifest_record::max_faults) odd_.push_back({members_.size(), pieces_, rule});
    }

    manifest_record& out_;
    std::vector<std::optional<member>> members_; // that have a value, in the order of the text
    std::vector<odd_member> odd_;
    std::string pieces_;
    std::optional<member> pending_;
    unsigned depth_ = 0;
};

constexpr std::string_view blank = " \t\r\n";

std::size_t skip_text(std::string_view json, std::size_t quote) noexcept
{
    std::size_t i = quote + 1;
    while (json[i] != '"')
        i += json[i] == '\\' ? 2 : 1;
    return i;
}

// Calls f with the offsets of the key and of the value of each of an object's own members. The text must have
// been parsed already: the parser does not tell where it is.
template <class F>
void locate_members(std::string_view json, F f)
{
    std::size_t key = 0;
    bool key_follows = true;
    unsigned depth = 0;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (c == '"') {
            if (depth == 1 && key_follows) {
                key = i;
                key_follows = false;
            }
            i = skip_text(json, i);
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (depth == 1 && c == ':') {
            f(key, json.find_first_not_of(blank, i + 1));
        } else if (depth == 1 && c == ',') {
            key_follows = true;
        }
    }
}

std::string rule_of(const error_code& ec, std::size_t size, std::size_t used)
{
    using boost::json::error;
    if (ec == error::incomplete) return "ends within the object, which has to stand on one line";
    if (ec == error::extra_data || (!ec && used < size)) return "more text after the object";
    if (ec == error::too_deep) return "nested more than 32 levels deep";
    return "not valid JSON";
}

} // namespace

void read_json_record(std::string_view text, std::uint64_t line, manifest_record& out)
{
    const std::size_t start = text.find_first_not_of(blank);
    const auto at = [line](std::size_t offset) { return position{line, offset + 1}; };
    out.at = at(start);
    if (text[start] != '{') {
        out.blame({out.at, {}, "not a JSON object: a manifest has one on each line"});
        return;
    }

    boost::json::basic_parser<record_sink> parser(boost::json::parse_options{}, out);
    error_code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (ec || used != text.size()) {
        out.blame({at(used), {}, rule_of(ec, text.size(), used)});
        return;
    }
    out.readable = true;

    record_sink& found = parser.handler();
    std::size_t ordinal = 0;
    auto odd = found.odd().begin();
    locate_members(text, [&](std::size_t key, std::size_t value) {
        if (const auto m = found.members()[ordinal]) out[*m].at = at(value);
        if (odd != found.odd().end() && odd->ordinal == ordinal) {
            out.blame({at(key), std::move(odd->name), odd->rule});
            ++odd;
        }
        ++ordinal;
    });
}

} // namespace roomctl
