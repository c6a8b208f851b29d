// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "byte_source.hpp"
#include "record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomctl {

// JSON Lines: one object on each line, LF or CR LF after each but the last. Lines with nothing but blanks are
// passed over.
class json_lines_reader final : public record_reader
{
public:
    explicit json_lines_reader(byte_source& from) noexcept : from_(from) {}

    void begin(manifest_record& header) override;
    bool next(manifest_record&) override;

private:
    std::optional<std::string_view> take_line();

    byte_source& from_;
    std::string_view rest_; // of the bytes at hand
    std::string line_;      // one that came in pieces
    std::uint64_t number_ = 0;
    bool too_long_ = false;
};

} // namespace roomctl
