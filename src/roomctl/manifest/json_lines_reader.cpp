// SPDX-License-Identifier: BSL-1.0
#include "json_lines_reader.hpp"

#include "json_record.hpp"

namespace roomctl {

void json_lines_reader::begin(manifest_record& header)
{
    header.clear();
    header.readable = true;
}

// Of a line that is too long, its beginning.
std::optional<std::string_view> json_lines_reader::take_line()
{
    line_.clear();
    too_long_ = false;
    for (bool begun = false;; begun = true) {
        if (rest_.empty()) rest_ = from_.next();
        if (rest_.empty()) return begun ? std::optional<std::string_view>(line_) : std::nullopt;

        const std::size_t end = rest_.find('\n');
        const std::string_view piece = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        const bool complete = end != std::string_view::npos;
        if (complete && !begun) return piece;
        too_long_ = too_long_ || line_.size() + piece.size() > max_record_size;
        if (!too_long_) line_ += piece;
        if (complete) return line_;
    }
}

bool json_lines_reader::next(manifest_record& out)
{
    out.clear();
    while (const auto line = take_line()) {
        ++number_;
        if (too_long_) {
            out.at = {number_, 1};
            out.blame({out.at, {}, "a line of more than 1 MiB"});
            return true;
        }
        if (line->find_first_not_of(" \t\r") == std::string_view::npos) continue;
        read_json_record(*line, number_, out);
        return true;
    }
    return false;
}

} // namespace roomctl
