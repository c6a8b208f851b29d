// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "digest.hpp"
#include "manifest/byte_source.hpp"
#include "manifest/entry.hpp"
#include "manifest/fault.hpp"
#include "manifest/file.hpp"
#include "manifest/record.hpp"
#include "manifest/room_key.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace roomctl {

enum class manifest_format : unsigned char
{
    json_lines,
    csv,
};

struct manifest_options
{
    std::optional<manifest_format> format; // unless its name or its first byte is to tell
    shard part;
    bool skip_invalid = false;
};

// A manifest that cannot be read, or that changed while it was read.
class manifest_error : public std::runtime_error
{
public:
    using runtime_error::runtime_error;
};

struct manifest_entry
{
    std::uint64_t index = 0; // in the whole manifest, from 0, whatever is left out of it
    position at;
    entry_content content;
};

// The desired rooms or the operations of a file, which is read twice or more in little memory: to see what is
// wrong with it before anything is done, and then entry by entry.
class manifest
{
public:
    // Reads all of it. `-` is standard input. Throws manifest_error.
    manifest(const std::string& path, const manifest_options&);

    // Whether it can be carried out: nothing is wrong, or nothing but entries that may be left out.
    bool usable() const noexcept
    {
        return faults_.count() == 0 || (options_.skip_invalid && !faults_.any_of_whole_file());
    }
    const fault_list& faults() const noexcept { return faults_; }

    manifest_format format() const noexcept { return format_; }
    std::optional<entry_kind> kind() const noexcept { return kind_; } // none if there are no entries
    std::uint64_t size() const noexcept { return size_; }             // entries, sound or not
    std::uint64_t invalid() const noexcept { return invalid_; }       // entries with faults
    std::uint64_t selected() const noexcept { return selected_; }     // sound entries of the shard

    // Of the bytes alone: of the digests of their blocks.
    const digest& content_digest() const noexcept { return content_digest_; }

    // Of all that decides what the entries mean and which ones there are, those that are left out included.
    // The mode is what the caller adds to it.
    digest journal_digest(std::string_view mode = {}) const;

    class reader;

    // The selected entries from the first one on. The manifest must be usable, and outlive the reader.
    reader read() const;

private:
    class pass;

    void look_through();
    void take(pass&, manifest_record&);

    std::string path_;
    manifest_options options_;
    file file_;
    manifest_format format_ = manifest_format::json_lines;
    std::optional<entry_kind> kind_;
    position kind_at_; // of the entry that decided it
    fault_list faults_;
    std::uint64_t size_ = 0;
    std::uint64_t invalid_ = 0;
    std::uint64_t selected_ = 0;
    block_digests blocks_;
    digest content_digest_{};
    digest left_out_{};          // of the indices of the entries with faults
    std::vector<bool> repeated_; // by the entry's index: the room is an earlier entry's
};

class manifest::reader
{
public:
    reader(reader&&) noexcept;
    reader& operator=(reader&&) noexcept;
    ~reader();

    // Nothing at the end. Throws manifest_error if the file is not what it was, before anything of what is
    // different is used.
    std::optional<manifest_entry> next();

private:
    friend class manifest;
    explicit reader(const manifest&);

    const manifest* source_;
    std::unique_ptr<pass> pass_;
};

} // namespace roomctl
