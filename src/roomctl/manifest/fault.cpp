// SPDX-License-Identifier: BSL-1.0
#include "fault.hpp"

#include "../text.hpp"

#include <algorithm>
#include <utility>

namespace roomctl {

namespace {

// Not within a character of UTF-8.
std::string cut(std::string_view text, std::size_t max_size)
{
    if (text.size() <= max_size) return std::string(text);
    std::size_t size = max_size;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U)
        --size;
    return std::string(text.substr(0, size)) + "...";
}

bool before(const manifest_fault& a, const manifest_fault& b) noexcept { return a.at < b.at; }

} // namespace

std::string to_text(const manifest_fault& f)
{
    std::string text = "line " + with_thousands(f.at.line) + ", column " + with_thousands(f.at.column) + ": ";
    if (!f.field.empty()) text += escape(cut(f.field, 64)) + ": ";
    return text + escape(cut(f.rule, 256));
}

void fault_list::add(manifest_fault f)
{
    ++count_;
    any_of_whole_file_ = any_of_whole_file_ || f.whole_file;
    if (first_.size() == max_kept) {
        if (!before(f, first_.back())) return;
        first_.pop_back();
    }
    const auto place = std::upper_bound(first_.begin(), first_.end(), f, before);
    first_.insert(place, std::move(f));
}

std::string fault_list::to_text() const
{
    std::string text;
    for (const manifest_fault& f : first_)
        text += roomctl::to_text(f) + '\n';
    if (count_ > first_.size()) text += "and " + with_thousands(count_ - first_.size()) + " more\n";
    return text;
}

} // namespace roomctl
