// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/crc32c.hpp>
#include <watchers/rooms/impl/sansio/journal_format.hpp>

#include <algorithm>
#include <cassert>

namespace watchers::rooms::detail {

inline constexpr std::string_view journal_magic{"\x89WRJ\r\n\x1A\n", 8};
inline constexpr std::string_view journal_frame_magic{"\xF7WRF", 4};

template <class Integer>
void append_little_endian(std::string& out, Integer value)
{
    for (std::size_t i = 0; i != sizeof value; ++i, value = static_cast<Integer>(value >> 8))
        out += static_cast<char>(static_cast<unsigned char>(value & 0xFFU));
}

WATCHERS_ROOMS_DECL std::uint32_t read_little_endian(std::string_view bytes) noexcept
{
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- != 0;)
        value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
}

WATCHERS_ROOMS_DECL void append_leb128(std::string& out, std::uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        out += static_cast<char>(static_cast<unsigned char>(0x80U | (value & 0x7FU)));
    out += static_cast<char>(static_cast<unsigned char>(value));
}

// Takes a number below 2^32 off the text; false for anything else, and for a form longer than need be.
WATCHERS_ROOMS_DECL bool take_leb128(std::string_view& text, std::uint64_t& value) noexcept
{
    value = 0;
    for (std::size_t i = 0; i != 5 && i != text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
        if (byte >= 0x80) continue;
        text.remove_prefix(i + 1);
        return value >> 32 == 0 && (byte != 0 || i == 0);
    }
    return false;
}

// Of the frame's first 12 bytes, and of what binds them to their place.
WATCHERS_ROOMS_DECL std::uint32_t journal_head_checksum(std::uint32_t seed, std::uint64_t offset,
                                                        std::string_view head) noexcept
{
    std::array<char, 12> place{};
    for (std::size_t i = 0; i != 4; ++i)
        place[i] = static_cast<char>(static_cast<unsigned char>((seed >> (8 * i)) & 0xFFU));
    for (std::size_t i = 0; i != 8; ++i)
        place[4 + i] = static_cast<char>(static_cast<unsigned char>((offset >> (8 * i)) & 0xFFU));
    return crc32c(head.substr(0, 12), crc32c({place.data(), place.size()}));
}

WATCHERS_ROOMS_DECL std::string encode_journal_header(std::uint64_t id, const journal_digest& digest)
{
    std::string out(journal_magic);
    append_little_endian(out, journal_version);
    append_little_endian(out, id);
    for (const unsigned char c : digest)
        out += static_cast<char>(c);
    append_little_endian(out, crc32c(out));
    return out;
}

WATCHERS_ROOMS_DECL std::uint32_t journal_seed(std::string_view header) noexcept
{
    return read_little_endian(header.substr(journal_header_size - 4));
}

WATCHERS_ROOMS_DECL void append_journal_record(std::string& payload, const journal_record& r)
{
    assert(r.index < journal_max_operations);
    payload += r.is_end ? '\x02' : '\x01';
    append_leb128(payload, r.index);
    if (!r.is_end) return;
    payload += static_cast<char>(static_cast<unsigned char>(r.effect) | (r.confirmed ? 4U : 0U));
    append_leb128(payload, r.error);
}

WATCHERS_ROOMS_DECL std::string encode_journal_frame(std::uint32_t seed, std::uint64_t offset,
                                                     std::string_view payload)
{
    assert(payload.size() <= journal_max_payload);
    std::string out;
    out.reserve(journal_head_size + payload.size());
    out += journal_frame_magic;
    append_little_endian(out, static_cast<std::uint32_t>(payload.size()));
    append_little_endian(out, crc32c(payload));
    append_little_endian(out, journal_head_checksum(seed, offset, out));
    out += payload;
    return out;
}

WATCHERS_ROOMS_DECL bool journal_reader::feed(std::string_view bytes)
{
    if (stage_ == stage::decided) return false;
    buffer_.erase(0, used_);
    base_ += used_;
    used_ = 0;
    buffer_.append(bytes);
    while (step()) {
    }
    return stage_ != stage::decided;
}

// True if it came on.
WATCHERS_ROOMS_DECL bool journal_reader::step()
{
    switch (stage_) {
    case stage::header: return ahead().size() > journal_header_size && read_header();
    case stage::head: return ahead().size() >= journal_head_size && read_head();
    case stage::payload: return ahead().size() >= length_ && read_payload();
    case stage::spoilt:
        return !ahead().empty() &&
               decide(journal_verdict::damaged, offset_, "the checksum of a frame's records is wrong");
    case stage::search: return search();
    case stage::decided: break;
    }
    return false;
}

WATCHERS_ROOMS_DECL bool journal_reader::decide(journal_verdict v, std::uint64_t offset,
                                                const char* rule) noexcept
{
    verdict_ = v;
    offset_ = offset;
    rule_ = rule;
    stage_ = stage::decided;
    return true;
}

WATCHERS_ROOMS_DECL bool journal_reader::read_header()
{
    const std::string_view header = ahead().substr(0, journal_header_size);
    if (!header.starts_with(journal_magic)) return decide(journal_verdict::foreign, 0);
    // Other versions may have their checksum elsewhere.
    if (read_little_endian(header.substr(8)) != journal_version)
        return decide(journal_verdict::unknown_version, 8);
    if (crc32c(header.substr(0, journal_header_size - 4)) != journal_seed(header))
        return decide(journal_verdict::damaged, 0, "the checksum of the header is wrong");
    const auto same = [](unsigned char expected, char c) {
        return expected == static_cast<unsigned char>(c);
    };
    if (!std::equal(expected_.begin(), expected_.end(), header.begin() + 20, same))
        return decide(journal_verdict::other_manifest, 20);
    seed_ = journal_seed(header);
    used_ += journal_header_size;
    stage_ = stage::head;
    return true;
}

WATCHERS_ROOMS_DECL bool journal_reader::valid_head(std::string_view head,
                                                    std::uint64_t offset) const noexcept
{
    return head.starts_with(journal_frame_magic) &&
           read_little_endian(head.substr(4)) <= journal_max_payload &&
           read_little_endian(head.substr(12)) == journal_head_checksum(seed_, offset, head);
}

WATCHERS_ROOMS_DECL bool journal_reader::read_head()
{
    const std::string_view head = ahead().substr(0, journal_head_size);
    offset_ = position();
    if (!valid_head(head, offset_)) {
        ++used_;
        stage_ = stage::search;
        return true;
    }
    length_ = read_little_endian(head.substr(4));
    checksum_ = read_little_endian(head.substr(8));
    used_ += journal_head_size;
    stage_ = stage::payload;
    return true;
}

WATCHERS_ROOMS_DECL bool journal_reader::read_payload()
{
    const std::string_view payload = ahead().substr(0, length_);
    const std::uint64_t begin = position();
    used_ += length_;
    if (crc32c(payload) != checksum_) {
        stage_ = stage::spoilt;
        return true;
    }
    std::string_view rest = payload;
    if (const char* const rule = read_records(rest))
        return decide(journal_verdict::damaged, begin + (payload.size() - rest.size()), rule);
    last_frame_ = offset_;
    sealed_ = payload.empty();
    any_record_ = any_record_ || !payload.empty();
    stage_ = stage::head;
    return true;
}

// Null, or the rule that the records break; what is left of them begins with the one that does.
WATCHERS_ROOMS_DECL const char* journal_reader::read_records(std::string_view& payload)
{
    while (!payload.empty()) {
        std::string_view in = payload;
        const char type = in.front();
        in.remove_prefix(1);
        if (type != '\x01' && type != '\x02') return "a record has an unknown type";
        journal_record r;
        if (!take_leb128(in, r.index)) return "a record has no valid index";
        r.is_end = type == '\x02';
        if (r.is_end) {
            const unsigned flags = in.empty() ? 0xFFU : static_cast<unsigned char>(in.front());
            if (flags > 7U || (flags & 3U) > static_cast<unsigned>(rooms::effect::unknown))
                return "a record has no valid effect";
            in.remove_prefix(1);
            std::uint64_t error = 0;
            if (!take_leb128(in, error)) return "a record has no valid error";
            r.error = static_cast<std::uint32_t>(error);
            r.effect = static_cast<rooms::effect>(flags & 3U);
            r.confirmed = (flags & 4U) != 0;
        }
        sink_(r);
        payload = in;
    }
    return nullptr;
}

WATCHERS_ROOMS_DECL bool journal_reader::search()
{
    for (; ahead().size() >= journal_head_size; ++used_)
        if (valid_head(ahead(), position()))
            return decide(journal_verdict::damaged, offset_, "the head of a frame is wrong");
    if (position() + ahead().size() - offset_ > journal_head_size + journal_max_payload)
        return decide(journal_verdict::damaged, offset_, "no frame begins here");
    return false;
}

WATCHERS_ROOMS_DECL journal_verdict journal_reader::finish()
{
    switch (stage_) {
    case stage::header: {
        const std::string_view all = ahead();
        std::string first(journal_magic);
        append_little_endian(first, journal_version);
        const std::size_t n = std::min(all.size(), first.size());
        if (all.find_first_not_of('\0') == all.npos ||
            (all.size() < journal_header_size && all.substr(0, n) == std::string_view(first).substr(0, n))) {
            decide(journal_verdict::torn, 0);
        } else if (all.size() < journal_header_size) {
            decide(journal_verdict::foreign, 0);
        } else if (read_header() && stage_ == stage::head) {
            decide(journal_verdict::clean, position());
        }
        break;
    }
    case stage::head:
        decide(ahead().empty() ? journal_verdict::clean : journal_verdict::torn, position());
        break;
    case stage::payload:
    case stage::spoilt:
    case stage::search: decide(journal_verdict::torn, offset_); break;
    case stage::decided: break;
    }
    return verdict_;
}

} // namespace watchers::rooms::detail
