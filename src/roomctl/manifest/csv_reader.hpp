// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "csv_tokenizer.hpp"
#include "record.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace roomctl {

// CSV with a header row of members' names.
class csv_reader final : public record_reader
{
public:
    explicit csv_reader(byte_source& from) : tokens_(from) {}

    void begin(manifest_record& header) override;
    bool next(manifest_record&) override;

private:
    void take_name(manifest_record& header);
    void check_names(manifest_record& header) const;
    void take_field(std::size_t column, manifest_record& out) const;
    void check_size(std::size_t fields, manifest_record& out) const;

    csv_tokenizer tokens_;
    std::vector<std::optional<member>> columns_; // empty for those whose name is at fault
};

} // namespace roomctl
