// SPDX-License-Identifier: BSL-1.0
#include "byte_source.hpp"

namespace roomctl {

namespace {

constexpr std::size_t block_size = 64 * 1024;

} // namespace

byte_source::byte_source(const file& from, block_digests& noted)
    : from_(from)
    , noted_(&noted)
    , blocks_(noted)
    , buffer_(block_size)
{}

byte_source::byte_source(const file& from, const block_digests& expected)
    : from_(from)
    , noted_(nullptr)
    , blocks_(expected)
    , buffer_(block_size)
{}

std::string_view byte_source::next()
{
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    const std::size_t size = from_.read_at(offset_, buffer_.data(), buffer_.size());
    std::string_view bytes(buffer_.data(), size);
    const bool first = offset_ == 0;
    if (bytes.empty()) {
        if (noted_ == nullptr && block_ != blocks_.size()) throw content_changed();
        return bytes;
    }
    hash_.update(bytes);
    check(hash_.finish());
    offset_ += size;
    if (first && bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
    return bytes;
}

void byte_source::check(const digest& found)
{
    if (noted_ != nullptr)
        noted_->push_back(found);
    else if (block_ == blocks_.size() || blocks_[block_] != found)
        throw content_changed();
    ++block_;
}

} // namespace roomctl
