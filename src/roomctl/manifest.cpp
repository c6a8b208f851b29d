// SPDX-License-Identifier: BSL-1.0
#include "manifest.hpp"

#include "manifest/csv_reader.hpp"
#include "manifest/duplicate_finder.hpp"
#include "manifest/json_lines_reader.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace roomctl {

namespace {

template <class F>
auto with_path(const std::string& path, F f)
{
    try {
        return f();
    } catch (const std::system_error& e) {
        throw manifest_error((path == "-" ? "standard input" : path) + ": " + e.what());
    } catch (const content_changed& e) {
        throw manifest_error((path == "-" ? "standard input" : path) + ": " + e.what());
    }
}

manifest_format guess_format(const std::string& path, const file& f)
{
    const std::string_view name = path;
    if (name.ends_with(".csv") || name.ends_with(".CSV")) return manifest_format::csv;
    if (name.ends_with(".jsonl") || name.ends_with(".ndjson") || name.ends_with(".json"))
        return manifest_format::json_lines;

    std::array<char, 4096> start{};
    std::string_view text(start.data(), f.read_at(0, start.data(), start.size()));
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    const bool brace = first == std::string_view::npos || text[first] == '{' || text[first] == '[';
    return brace ? manifest_format::json_lines : manifest_format::csv;
}

std::unique_ptr<record_reader> make_reader(manifest_format format, byte_source& from)
{
    if (format == manifest_format::csv) return std::make_unique<csv_reader>(from);
    return std::make_unique<json_lines_reader>(from);
}

const char* plural_of(entry_kind k) noexcept
{
    return k == entry_kind::operation ? "operations" : "desired rooms";
}

// Whether a member has a text with nothing wrong about it.
bool is_sound(member m, const manifest_record& r)
{
    const value_kind k = r[m].kind;
    const auto blames = [m](const manifest_fault& f) { return f.field == name_of(m); };
    return (k == value_kind::text || k == value_kind::bare) &&
           std::none_of(r.faults.begin(), r.faults.end(), blames);
}

std::string_view bytes_of(const digest& d) noexcept
{
    return {reinterpret_cast<const char*>(d.data()), d.size()};
}

const std::string& room_id_of(const entry_content& c) noexcept
{
    if (const auto* const op = std::get_if<watchers::rooms::operation>(&c)) return op->room_id();
    return std::get<desired_room>(c).room.id();
}

} // namespace

// One reading from start to end.
class manifest::pass
{
public:
    pass(const manifest& m, byte_source from) : bytes(std::move(from)), records(make_reader(m.format_, bytes))
    {}

    // The reader refers to the bytes.
    pass(const pass&) = delete;
    pass& operator=(const pass&) = delete;

    byte_source bytes;
    std::unique_ptr<record_reader> records;
    manifest_record record;
    room_hash hash;
    duplicate_finder duplicates; // when it is looked through, as the next one
    sha256 left_out;
    std::uint64_t index = 0; // of the entry that comes next
    bool ended = false;
};

manifest::manifest(const std::string& path, const manifest_options& options)
    : path_(path)
    , options_(options)
    , file_(with_path(path, [&] { return file::open_to_read_again(path); }))
{
    with_path(path_, [this] {
        format_ = options_.format ? *options_.format : guess_format(path_, file_);
        look_through();
    });
}

void manifest::look_through()
{
    pass p(*this, byte_source(file_, blocks_));
    p.records->begin(p.record);
    for (manifest_fault& f : p.record.faults)
        faults_.add(std::move(f));
    if (p.record.readable)
        while (p.records->next(p.record))
            take(p, p.record);
    while (!p.bytes.next().empty()) {
    } // what was given up is part of the digest
    sha256 hash;
    for (const digest& d : blocks_)
        hash.update(bytes_of(d));
    content_digest_ = hash.finish();
    size_ = p.index;

    p.duplicates.finish(
        [&](const duplicate_finder::sighting& later, const duplicate_finder::sighting& first) {
            faults_.add({later.at, std::string(name_of(member::room_id)),
                         "is the room of line " + with_thousands(first.at.line) + ", too"});
            if (!later.valid) return;
            ++invalid_;
            if (options_.part.holds(later.key)) --selected_;
            if (repeated_.empty()) repeated_.resize(size_);
            repeated_[later.index] = true;
            p.left_out.update(std::to_string(later.index) + '\n');
        });
    left_out_ = p.left_out.finish();
}

void manifest::take(pass& p, manifest_record& r)
{
    const std::uint64_t index = p.index++;
    std::optional<entry_content> content;
    if (r.readable) {
        const entry_kind kind = kind_of(r);
        if (!kind_) {
            kind_ = kind;
            kind_at_ = r.at;
        }
        content = read_entry(r);
        if (kind != *kind_) {
            r.blame({r.at,
                     {},
                     "a manifest holds " + std::string(plural_of(*kind_)) + " as in line " +
                         with_thousands(kind_at_.line) + ", or " + plural_of(kind) + ", and not both"});
            content.reset();
        }
    }

    const record_value& id = r[member::room_id];
    const bool has_id = r.readable && is_sound(member::room_id, r);
    const room_key key = has_id ? p.hash(id.text) : room_key();
    // A room that is wrong otherwise counts as well: there is no telling which one of the two is wanted.
    if (has_id && kind_ == entry_kind::desired_room)
        p.duplicates.add({key, id.at, index, content.has_value()});
    if (content && options_.part.holds(key)) ++selected_;
    if (!content) {
        ++invalid_;
        p.left_out.update(std::to_string(index) + '\n');
    }
    for (manifest_fault& f : r.faults)
        faults_.add(std::move(f));
}

digest manifest::journal_digest(std::string_view mode) const
{
    sha256 hash;
    hash.update(bytes_of(content_digest_));
    hash.update(bytes_of(left_out_));
    hash.update(format_ == manifest_format::csv ? "csv" : "json-lines");
    hash.update("\nshard " + std::to_string(options_.part.index) + "/" + std::to_string(options_.part.count));
    hash.update(options_.skip_invalid ? "\nskip-invalid\n" : "\nall\n");
    hash.update(mode);
    return hash.finish();
}

manifest::reader manifest::read() const { return reader(*this); }

manifest::reader::reader(const manifest& m)
    : source_(&m)
    , pass_(std::make_unique<pass>(m, byte_source(m.file_, m.blocks_)))
{
    with_path(m.path_, [this] { pass_->records->begin(pass_->record); });
}

manifest::reader::reader(reader&&) noexcept = default;
manifest::reader& manifest::reader::operator=(reader&&) noexcept = default;
manifest::reader::~reader() = default;

std::optional<manifest_entry> manifest::reader::next()
{
    const manifest& m = *source_;
    pass& p = *pass_;
    return with_path(m.path_, [&]() -> std::optional<manifest_entry> {
        while (!p.ended) {
            if (!p.records->next(p.record)) {
                p.ended = true;
                break;
            }
            const std::uint64_t index = p.index++;
            if (index >= m.size_) throw content_changed();
            const bool of_kind = p.record.readable && kind_of(p.record) == m.kind_;
            std::optional<entry_content> content;
            if (of_kind) content = read_entry(p.record);
            if (!content && !m.options_.skip_invalid) throw content_changed();
            if (!content || (!m.repeated_.empty() && m.repeated_[index])) continue;
            if (!m.options_.part.holds(p.hash(room_id_of(*content)))) continue;
            return manifest_entry{index, p.record.at, *std::move(content)};
        }
        return std::nullopt;
    });
}

} // namespace roomctl
