// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../digest.hpp"
#include "file.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace roomctl {

// A file is not what it was when it was looked through.
class content_changed : public std::runtime_error
{
public:
    content_changed() : runtime_error("changed while it was read") {}
};

// What the blocks of a file were when it was looked through: 32 bytes for each 64 KiB.
using block_digests = std::vector<digest>;

// A file's bytes from its start to its end, without the byte order mark that it may begin with. Read for the
// first time the digests of its blocks are noted; later no byte of a block is handed out that is not as it
// was then.
class byte_source
{
public:
    // To be looked through. Both must outlive this.
    byte_source(const file& from, block_digests& noted);

    // To be read again. Both must outlive this.
    byte_source(const file& from, const block_digests& expected);

    // The next ones, until the call after this one. Empty at the end. Throws content_changed.
    std::string_view next();

private:
    void check(const digest& found);

    const file& from_;
    block_digests* noted_;
    const block_digests& blocks_;
    std::vector<char> buffer_;
    std::uint64_t offset_ = 0;
    std::size_t block_ = 0;
    sha256 hash_;
};

} // namespace roomctl
