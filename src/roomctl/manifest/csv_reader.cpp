// SPDX-License-Identifier: BSL-1.0
#include "csv_reader.hpp"

#include <algorithm>
#include <string>

namespace roomctl {

namespace {

// More are no mistake in a header row, but another file.
constexpr std::size_t max_columns = 64;

bool has(const std::vector<std::optional<member>>& columns, member m)
{
    return std::find(columns.begin(), columns.end(), std::optional(m)) != columns.end();
}

} // namespace

void csv_reader::begin(manifest_record& header)
{
    header.clear();
    while (true) {
        switch (tokens_.next()) {
        case csv_event::field:
            if (columns_.size() == max_columns) {
                header.faults.clear();
                header.blame({header.at, {}, "a header row of more than 64 columns", true});
                return;
            }
            take_name(header);
            break;
        case csv_event::row_end: check_names(header); return;
        case csv_event::broken:
        case csv_event::given_up: header.blame({tokens_.at(), {}, tokens_.rule(), true}); return;
        case csv_event::end: header.blame({header.at, {}, "a header row is missing", true}); return;
        }
    }
}

void csv_reader::take_name(manifest_record& header)
{
    if (columns_.empty()) header.at = tokens_.at();
    std::optional<member> m = find_member(tokens_.text());
    const char* rule = nullptr;
    if (!m) {
        rule = tokens_.text().empty() ? "a column without a name" : unknown_member;
    } else if (has(columns_, *m)) {
        rule = "appears twice";
        m = std::nullopt;
    }
    if (rule != nullptr) header.blame({tokens_.at(), std::string(tokens_.text()), rule, true});
    columns_.push_back(m);
}

void csv_reader::check_names(manifest_record& header) const
{
    header.readable = true;
    for (const member m : {member::room_id, member::name, member::about}) {
        // A manifest of operations may have none that creates a room.
        if (has(columns_, m) || (m != member::room_id && has(columns_, member::op))) continue;
        header.blame({header.at, std::string(name_of(m)), "is missing in the header row", true});
        header.readable = false;
    }
}

bool csv_reader::next(manifest_record& out)
{
    out.clear();
    for (std::size_t fields = 0;;) {
        switch (tokens_.next()) {
        case csv_event::field:
            if (fields == 0) out.at = tokens_.at();
            take_field(fields++, out);
            break;
        case csv_event::row_end:
            out.readable = true;
            check_size(fields, out);
            return true;
        case csv_event::broken:
        case csv_event::given_up:
            // What was taken for a row's end may lie within quotes, and what was taken for a row within a
            // text.
            out.blame({tokens_.at(), {}, tokens_.rule(), true});
            return true;
        case csv_event::end: return false;
        }
    }
}

void csv_reader::take_field(std::size_t column, manifest_record& out) const
{
    if (column == columns_.size())
        out.faults.push_back(
            {tokens_.at(), {}, "more fields than the header row's " + std::to_string(column)});
    if (column >= columns_.size() || !columns_[column]) return;

    const member m = *columns_[column];
    record_value& v = out[m];
    v.at = tokens_.at();
    v.text = tokens_.text();
    v.kind = v.text.empty() ? value_kind::empty : value_kind::bare;
    if (v.text.find('\0') != std::string::npos)
        out.blame({v.at, std::string(name_of(m)), "must not hold NUL bytes; is the file UTF-16?"});
}

void csv_reader::check_size(std::size_t fields, manifest_record& out) const
{
    if (fields < columns_.size())
        out.blame({out.at,
                   {},
                   std::to_string(fields) + " fields, fewer than the header row's " +
                       std::to_string(columns_.size())});
    if (fields != columns_.size()) out.readable = false; // no telling which belongs to which column
}

} // namespace roomctl
