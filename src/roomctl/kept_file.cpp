// SPDX-License-Identifier: BSL-1.0
#include "kept_file.hpp"

#include "project_identity.hpp"
#include "text.hpp"

#include <array>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roomctl {

namespace {

// Without it a new file may be missing after a crash. Some file systems refuse it, and do not need it.
void sync_folder_of(const std::string& path) noexcept
try {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const int d = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d < 0) return;
    static_cast<void>(::fsync(d));
    ::close(d);
} catch (const std::exception&) { // no memory
}

void require_regular(const output_file& file)
{
    if (!file.is_regular() || file.given()) file.refuse("--kept must be a regular file");
}

struct kept_content
{
    kept_rooms rooms;
    std::uint64_t end = 0; // of the last whole line
};

// The line is sound, but its service is not the run's.
constexpr std::string_view other_service = "is of another service, ";

[[noreturn]] void refuse_line(const output_file& file, std::uint64_t line, std::string_view fault,
                              std::string_view service)
{
    std::string what(fault);
    std::string remedy = "Repair the file, or move it away";
    if (fault.starts_with(other_service)) {
        service_difference d = compare_services(fault.substr(other_service.size()), service);
        what = std::move(d.what);
        remedy = std::move(d.remedy);
    }
    file.refuse("line " + with_thousands(line) + " " + what + "; nothing was sent. " + remedy);
}

std::optional<kept_line> read_line(std::string_view text, const kept_service& service, std::string& fault)
{
    auto kept = read_kept_line(text, service.text, fault);
    if (kept || !service.any_project || !fault.starts_with(other_service)) return kept;
    const std::string found = fault.substr(other_service.size());
    return is_same_origin(found, service.text) ? read_kept_line(text, found, fault) : std::nullopt;
}

kept_content read_all(const output_file& file, const kept_service& service)
{
    file.require_start(kept_line_start, "kept rooms");
    kept_content content;
    const std::uint64_t size = file.size();
    std::array<char, 65536> buffer{};
    std::string rest;
    std::uint64_t line = 0;
    for (std::uint64_t offset = 0; offset < size;) {
        const std::size_t n = file.read_at(offset, buffer.data(), buffer.size());
        if (n == 0) break;
        offset += n;
        rest.append(buffer.data(), n);
        std::size_t begin = 0;
        for (std::size_t at; (at = rest.find('\n', begin)) != std::string::npos; begin = at + 1) {
            ++line;
            std::string fault;
            auto kept = read_line(std::string_view(rest).substr(begin, at - begin), service, fault);
            if (!kept) refuse_line(file, line, fault, service.text);
            if (kept->room)
                content.rooms.insert_or_assign(kept->room_id, *std::move(kept->room));
            else
                content.rooms.erase(kept->room_id);
            content.end += at - begin + 1;
        }
        rest.erase(0, begin);
    }
    return content;
}

} // namespace

std::string kept_path(const std::optional<std::string>& given, const std::string& manifest, const shard& part)
{
    if (given) return *given;
    std::string path = manifest == "-" ? "roomctl" : manifest;
    if (part.count > 1) path += '.' + std::to_string(part.index) + "-of-" + std::to_string(part.count);
    return path + ".kept";
}

kept_rooms read_kept_rooms(const std::string& path, const kept_service& service)
{
    if (!kept_file::exists(path)) return {};
    const output_file file(path, output_file::access::look);
    require_regular(file);
    return read_all(file, service).rooms;
}

bool kept_file::exists(const std::string& path) noexcept
{
    struct stat s = {};
    return ::lstat(path.c_str(), &s) == 0;
}

kept_file::kept_file(std::string path, kept_service service, std::vector<std::string> spared)
    : path_(std::move(path))
    , service_(std::move(service))
    , spared_(std::move(spared))
{
    if (exists(path_)) open();
}

void kept_file::open()
{
    file_.emplace(path_, output_file::access::own);
    require_regular(*file_);
    for (const std::string& other : spared_)
        if (file_->is_same_as(other)) file_->refuse("is in use already; --kept would write to it");
    file_->claim(kept_line_start, "kept rooms");
    if (!file_->is_same_as(path_)) file_->refuse("was removed by another run; start again");
    kept_content content = read_all(*file_, service_);
    rooms_ = std::move(content.rooms);
    end_ = content.end;
    file_->cut(end_);
}

void kept_file::add(const std::vector<const desired_room*>& more)
{
    if (more.empty()) return;
    if (!file_) {
        open();
        if (!rooms_.empty()) file_->refuse("was written by another run meanwhile; start again");
    }
    flush();
    std::string lines;
    for (const desired_room* r : more)
        lines += to_kept_line(*r, service_.text);
    try {
        file_->write(lines);
        file_->sync();
        sync_folder_of(path_);
    } catch (...) {
        try {
            file_->cut(end_);
            if (rooms_.empty()) remove();
        } catch (const std::exception&) { // the first failure is the one to report
        }
        throw;
    }
    end_ += lines.size();
    for (const desired_room* r : more)
        rooms_.insert_or_assign(r->room.id(), *r);
}

void kept_file::settle(const std::string& room_id)
{
    if (rooms_.erase(room_id) != 0) settled_ += to_settled_line(room_id, service_.text);
}

void kept_file::flush()
{
    if (settled_.empty() || !file_) return;
    const std::string lines = std::exchange(settled_, {});
    file_->write(lines);
    end_ += lines.size();
}

void kept_file::finish()
{
    if (!file_) return;
    if (rooms_.empty())
        remove();
    else
        flush();
}

void kept_file::remove()
{
    if (!file_->is_same_as(path_)) return;
    if (::unlink(path_.c_str()) != 0) file_->fail("cannot be removed");
}

} // namespace roomctl
