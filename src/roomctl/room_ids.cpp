// SPDX-License-Identifier: BSL-1.0
#include "room_ids.hpp"

#include "text.hpp"

#include <watchers/rooms/operation.hpp>

#include <array>
#include <system_error>
#include <utility>
#include <variant>

#include <unistd.h>

namespace roomctl {

namespace {

class given_ids final : public room_ids
{
public:
    explicit given_ids(std::vector<std::string> ids) : ids_(std::move(ids)) {}

    std::optional<std::string> next() override
    {
        if (next_ == ids_.size()) return std::nullopt;
        return std::move(ids_[next_++]);
    }
    std::optional<std::uint64_t> size() const override { return ids_.size(); }

private:
    std::vector<std::string> ids_;
    std::size_t next_ = 0;
};

class manifest_ids final : public room_ids
{
public:
    explicit manifest_ids(const manifest& m)
        : entries_(m.read())
        , size_(m.kind() == entry_kind::desired_room ? std::optional(m.selected()) : std::nullopt)
    {}

    // Operations on one room that follow each other are one question.
    std::optional<std::string> next() override
    {
        while (auto e = entries_.next()) {
            std::string id = id_of(e->content);
            if (id == last_) continue;
            last_ = id;
            return id;
        }
        return std::nullopt;
    }
    std::optional<std::uint64_t> size() const override { return size_; }

private:
    static const std::string& id_of(const entry_content& c)
    {
        if (const auto* const op = std::get_if<rooms::operation>(&c)) return op->room_id();
        return std::get<desired_room>(c).room.id();
    }

    manifest::reader entries_;
    std::optional<std::uint64_t> size_;
    std::string last_; // no id is empty
};

// One id on each line; empty lines are passed over.
class id_lines
{
public:
    id_lines(const std::string& path, byte_source bytes) : path_(path), bytes_(std::move(bytes)) {}

    std::optional<std::string> next()
    {
        while (auto line = take_line()) {
            ++number_;
            if (line->ends_with('\r')) line->pop_back();
            if (line->empty()) continue;
            if (const std::string fault = rooms::operation::get(*line).check(); !fault.empty())
                throw usage_error(path_ + ": line " + std::to_string(number_) + ": " + fault);
            return line;
        }
        return std::nullopt;
    }

private:
    std::optional<std::string> take_line()
    {
        std::string line;
        for (bool begun = false;; begun = true) {
            if (rest_.empty()) rest_ = bytes_.next();
            if (rest_.empty()) return begun ? std::optional(line) : std::nullopt;
            const std::size_t end = rest_.find('\n');
            line += rest_.substr(0, end);
            rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
            if (end != std::string_view::npos) return line;
            if (line.size() > max_record_size)
                throw usage_error(path_ + ": line " + std::to_string(number_ + 1) + ": more than 1 MiB");
        }
    }

    const std::string& path_;
    byte_source bytes_;
    std::string_view rest_;
    std::uint64_t number_ = 0;
};

// Those of a file, all of which are looked at before the first one is given.
class listed_ids final : public room_ids
{
public:
    listed_ids(std::string path, file f) : path_(std::move(path)), file_(std::move(f))
    {
        id_lines all(path_, byte_source(file_, blocks_));
        while (all.next())
            ++size_;
        lines_.emplace(path_, byte_source(file_, std::as_const(blocks_)));
    }

    std::optional<std::string> next() override
    {
        try {
            return lines_->next();
        } catch (const content_changed& e) {
            throw manifest_error(path_ + ": " + e.what());
        }
    }
    std::optional<std::uint64_t> size() const override { return size_; }

private:
    std::string path_;
    file file_;
    block_digests blocks_;
    std::optional<id_lines> lines_;
    std::uint64_t size_ = 0;
};

bool is_file(const std::string& argument) { return argument == "-" || ::access(argument.c_str(), F_OK) == 0; }

// JSON, or CSV with a column of ids beside others.
bool looks_like_manifest(const std::string& path, const file& f)
{
    for (const std::string_view end : {".csv", ".CSV", ".jsonl", ".ndjson", ".json"})
        if (std::string_view(path).ends_with(end)) return true;
    std::array<char, 4096> start{};
    std::string_view text(start.data(), f.read_at(0, start.data(), start.size()));
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    const std::string_view line = text.substr(first, text.find('\n', first) - first);
    return line.front() == '{' ||
           (line.find("roomId") != std::string_view::npos && line.find(',') != line.npos);
}

} // namespace

std::unique_ptr<room_ids> open_room_ids(const export_command& command, std::optional<manifest>& m)
{
    const std::string& path = command.rooms.front();
    if (command.ids || command.rooms.size() > 1 || !is_file(path)) {
        for (const std::string& id : command.rooms)
            if (const std::string fault = rooms::operation::get(id).check(); !fault.empty())
                throw usage_error("'" + id + "': " + fault);
        return std::make_unique<given_ids>(command.rooms);
    }

    if (!command.format) {
        try {
            file f = file::open_to_read_again(path);
            if (!looks_like_manifest(path, f)) return std::make_unique<listed_ids>(path, std::move(f));
        } catch (const std::system_error& e) {
            throw manifest_error(path + ": " + e.what());
        }
        // It is read to its end by now.
        if (path == "-")
            throw usage_error("standard input is not a list of ids; a manifest there needs --format");
    }
    manifest_options options;
    options.format = command.format;
    m.emplace(path, options);
    if (!m->usable()) return nullptr;
    return std::make_unique<manifest_ids>(*m);
}

} // namespace roomctl
