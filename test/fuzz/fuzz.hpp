// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

// What libFuzzer calls, and what replay.cpp calls where there is no libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Ends the program where an invariant does not hold: the fuzzer then keeps the input.
inline void require(bool holds, const char* what,
                    std::source_location at = std::source_location::current()) noexcept
{
    if (holds) return;
    std::fprintf(stderr, "%s:%u: does not hold: %s\n", at.file_name(), static_cast<unsigned>(at.line()),
                 what);
    std::abort();
}

// The bytes of one run: settings at the front, one byte each (zero where the input is too short), then text.
class input
{
public:
    input(const std::uint8_t* data, std::size_t size) noexcept
        : text_(size == 0 ? "" : reinterpret_cast<const char*>(data), size)
    {}

    unsigned byte() noexcept
    {
        if (text_.empty()) return 0;
        const auto value = static_cast<unsigned char>(text_.front());
        text_.remove_prefix(1);
        return value;
    }

    std::uint32_t number() noexcept
    {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i)
            value = (value << 8) | byte();
        return value;
    }

    // Up to the next line feed, which is taken, too.
    std::string_view line() noexcept
    {
        const std::string_view taken = text_.substr(0, text_.find('\n'));
        text_.remove_prefix(taken.size() < text_.size() ? taken.size() + 1 : taken.size());
        return taken;
    }

    std::string_view rest() const noexcept { return text_; }

private:
    std::string_view text_;
};

// The next character's code, which is taken off the text; -1 if it is not well-formed UTF-8. Written by the
// arithmetic of RFC 3629 rather than by a table of ranges as the library's, so that both can be compared.
inline long take_character(std::string_view& text) noexcept
{
    const auto first = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (first < 0x80) return first;
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC0 || first > 0xF7) return -1;
    long code = first & (0x3F >> more);
    for (int i = 0; i < more; ++i) {
        if (text.empty() || (static_cast<unsigned char>(text.front()) & 0xC0) != 0x80) return -1;
        code = code * 64 + (static_cast<unsigned char>(text.front()) & 0x3F);
        text.remove_prefix(1);
    }
    static constexpr long least[] = {0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < least[more] || code > 0x10FFFF || surrogate ? -1 : code;
}

inline bool well_formed(std::string_view text) noexcept
{
    while (!text.empty())
        if (take_character(text) < 0) return false;
    return true;
}

// Well-formed and without control characters.
inline bool printable(std::string_view text) noexcept
{
    while (!text.empty()) {
        const long code = take_character(text);
        if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;
    }
    return true;
}

} // namespace fuzz
