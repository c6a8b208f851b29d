// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "byte_source.hpp"
#include "fault.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace roomctl {

enum class csv_event : unsigned char
{
    field,
    row_end,
    broken,   // a row that is not well-formed; what follows begins with the next line
    given_up, // as well, but there is no telling where the next row begins: nothing follows
    end,
};

// Fields of CSV by RFC 4180 as libcsv understands it, with their positions. Besides CR LF, LF or CR end a
// row. Empty lines are passed over.
class csv_tokenizer
{
public:
    explicit csv_tokenizer(byte_source& from);
    ~csv_tokenizer();

    csv_event next();

    // Of the event that came last.
    std::string_view text() const noexcept; // until the next call
    const position& at() const noexcept { return at_; }
    const char* rule() const noexcept { return rule_; }

private:
    class parser;

    csv_event feed();
    csv_event finish();
    csv_event break_row(const position& at);
    csv_event give_up(const position& at, const char* rule);
    void skip_line();
    void count_line_end(char c, bool between_fields) noexcept;
    position here() const noexcept { return {line_, offset_ - line_start_ + 1}; }

    byte_source& from_;
    std::unique_ptr<parser> parser_;
    std::string_view rest_; // of the bytes at hand
    std::uint64_t offset_ = 0;
    std::uint64_t line_start_ = 0;
    std::uint64_t line_ = 1;
    std::uint64_t row_start_ = 0;
    position field_at_;
    position at_;
    const char* rule_ = "";
    bool in_row_ = false;
    bool row_end_follows_ = false;
    bool after_cr_ = false; // which was counted as a line's end
    bool ended_ = false;
};

} // namespace roomctl
