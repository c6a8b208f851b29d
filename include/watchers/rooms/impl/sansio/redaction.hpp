// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace watchers::rooms::detail {

// Removes secrets from text of the server, which may repeat parts of the request.
//
// A secret in its own spelling is replaced by "[redacted]". If a secret may be there in another spelling,
// nothing of the text is shown. These spellings are recognised:
//
//   - escapes, alone, mixed and up to eight times over each other: JSON and C
//     (\/ \u002B \u{2b} \x2B \053), HTML entities (&plus; &#43; &#x2B;), percent-encoding (%2B %u002B),
//     quoted-printable (=2B)
//   - base64, with either alphabet, and hexadecimal digits
//   - upper case for lower case and the reverse
//   - anything but letters and digits added, left out or replaced: line ends, blanks for plus signs, hyphens
//   - sixteen characters of the secret in a row
//
// Secrets of less than eight bytes are not looked for: too many texts would match.
class redaction
{
public:
    redaction(std::string_view api_key, std::string_view bearer_token) noexcept
        : secrets_{api_key, bearer_token}
    {}

    // Cut after `enough` bytes; not yet fit for a terminal.
    std::string operator()(std::string_view text, std::size_t enough) const;

    // Whether a secret may be in the text, in whatever spelling.
    bool suspicious(std::string_view text) const;

private:
    static constexpr std::size_t shortest = 8;

    class needle;

    std::string replace_plain(std::string_view text, std::size_t enough) const;

    std::array<std::string_view, 2> secrets_;
};

inline constexpr std::string_view not_shown =
    "(not shown: it may repeat the credentials in another spelling)";

// Decodes each escape in the text once. Quoted-printable is decoded only if asked for: most equals signs do
// not begin an escape.
std::string unescape_once(std::string_view text, bool quoted_printable = false);

} // namespace watchers::rooms::detail
