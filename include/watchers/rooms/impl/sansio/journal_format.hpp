// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/diagnostics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms::detail {

// The journal's file, version 1. Numbers are little-endian.
//
//   header  0  magic, 8 bytes        89 'W' 'R' 'J' 0D 0A 1A 0A: shows what a transfer as text has spoilt
//           8  version, 4
//          12  id, 8                 random: a disk's old blocks cannot pass for frames of this file
//          20  manifest's digest, 32
//          52  CRC-32C of the above, 4
//   frame   0  magic, 4              F7 'W' 'R' 'F'
//           4  length of payload, 4  at most journal_max_payload
//           8  CRC-32C of payload, 4
//          12  CRC-32C, 4            of the header's CRC, the frame's offset (8 bytes), and the above
//          16  payload: records, one after the other
//   record  0  type, 1               1 begun, 2 ended
//           1  index, LEB128         below journal_max_operations
//      (2)     flags, 1              bits 0-1 effect, bit 2 confirmed
//      (2)     error, LEB128         an errc, 0 for success
//
// A frame is begun only when all before it is known to be on the disk. So an invalid frame with anything
// valid behind it, or with more behind it than one frame can hold, was valid once: it is damaged. An invalid
// one at the end is what a crash leaves. A frame without records seals what is before it: written on closing,
// it makes damage to the last records tell from a crash.

inline constexpr std::size_t journal_header_size = 56;
inline constexpr std::size_t journal_head_size = 16;
inline constexpr std::size_t journal_max_payload = 1024 * 1024;
inline constexpr std::size_t journal_max_record = 1 + 5 + 1 + 5;
inline constexpr std::uint64_t journal_max_operations = std::uint64_t{1} << 32;
inline constexpr std::uint32_t journal_version = 1;

using journal_digest = std::array<unsigned char, 32>;

class journal_record
{
public:
    static journal_record begun(std::uint64_t index) noexcept
    {
        journal_record r;
        r.index = index;
        return r;
    }
    static journal_record ended(std::uint64_t index, std::uint32_t error, rooms::effect e,
                                bool confirmed) noexcept
    {
        journal_record r;
        r.index = index;
        r.is_end = true;
        r.error = error;
        r.effect = e;
        r.confirmed = confirmed;
        return r;
    }

    friend bool operator==(const journal_record&, const journal_record&) noexcept = default;

    std::uint64_t index = 0;
    bool is_end = false;

    // Of an end only
    std::uint32_t error = 0;
    rooms::effect effect = rooms::effect::none;
    bool confirmed = false;
};

std::string encode_journal_header(std::uint64_t id, const journal_digest&);

// What the frames of a file are bound to it by: its header's checksum.
std::uint32_t journal_seed(std::string_view header) noexcept;

// Appends at most journal_max_record bytes. The index must be below journal_max_operations.
void append_journal_record(std::string& payload, const journal_record&);

// The payload must not exceed journal_max_payload.
std::string encode_journal_frame(std::uint32_t seed, std::uint64_t offset, std::string_view payload);

enum class journal_verdict : unsigned char
{
    clean,   // every frame is valid
    torn,    // up to offset() every frame is valid; behind it is what a crash has left: to be cut off.
             // At offset 0 not even the header is complete, and nothing was ever recorded
    damaged, // offset() and rule() tell where and why
    foreign, // not a journal
    unknown_version, // of another version; or its header is damaged there
    other_manifest,
};

// Reads a journal in pieces of any size; holds little more than one frame of it.
class journal_reader
{
public:
    using sink = std::function<void(const journal_record&)>;

    // The sink gets the records of every valid frame, as soon as it is complete.
    journal_reader(const journal_digest& expected, sink s) : expected_(expected), sink_(std::move(s)) {}

    // The next bytes of the file. False if no further ones matter: finish() tells why.
    bool feed(std::string_view);

    // To be called once, at the file's end or when feed() was false. After it only the following are.
    journal_verdict finish();

    std::uint64_t offset() const noexcept { return offset_; }
    const char* rule() const noexcept { return rule_; }               // of damage: what it breaks
    std::uint64_t last_frame() const noexcept { return last_frame_; } // the header's offset if there is none
    std::uint32_t seed() const noexcept { return seed_; }
    bool any_record() const noexcept { return any_record_; }
    bool sealed() const noexcept { return sealed_; } // the last frame is a seal, or there is none

private:
    enum class stage : unsigned char
    {
        header,
        head,    // a frame's first bytes are due
        payload, // of the frame at offset_
        spoilt,  // the frame at offset_ has a wrong payload; all depends on whether anything follows
        search,  // the frame at offset_ has no valid head; all depends on whether another one follows
        decided,
    };

    std::string_view ahead() const noexcept { return std::string_view(buffer_).substr(used_); }
    std::uint64_t position() const noexcept { return base_ + used_; }
    bool step();
    bool decide(journal_verdict, std::uint64_t offset, const char* rule = "") noexcept;
    bool read_header();
    bool read_head();
    bool read_payload();
    bool search();
    bool valid_head(std::string_view head, std::uint64_t offset) const noexcept;
    const char* read_records(std::string_view& payload);

    journal_digest expected_;
    sink sink_;
    std::string buffer_;
    std::size_t used_ = 0;   // bytes of the buffer
    std::uint64_t base_ = 0; // of the buffer, in the file
    std::uint64_t offset_ = 0;
    std::uint64_t last_frame_ = 0;
    const char* rule_ = "";
    std::uint32_t seed_ = 0;
    std::uint32_t length_ = 0; // of the payload under way
    std::uint32_t checksum_ = 0;
    stage stage_ = stage::header;
    journal_verdict verdict_ = journal_verdict::clean;
    bool any_record_ = false;
    bool sealed_ = true;
};

} // namespace watchers::rooms::detail
