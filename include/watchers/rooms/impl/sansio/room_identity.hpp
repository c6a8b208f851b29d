// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string_view>

namespace watchers::rooms::detail {

// Whether the id in a response certainly belongs to another room than the one that was asked for. Services
// spell ids in their own way, so these differences do not count:
//
//   blanks        anywhere in the id: ASCII, no-break and other Unicode spaces, zero-width characters
//   case          of ASCII and basic Cyrillic letters; of all others by the next rule
//   normalisation characters that a Unicode normalisation or case folding may rewrite may stand for any text.
//                 (These are all but ASCII, basic Cyrillic without the short I, and the CJK ideographs.) If
//                 the part that differs has such characters, only its digits and the marks - _ : . / are
//                 compared, and these only if all such characters lie in U+00C0 to U+1FFF, since none of
//                 those is rewritten to a digit or mark.
//
// So a true result is certain, and a false one means "the same, or unknown": "caf\u00E9" and
// "cafe\u0301" are never taken for two rooms, and neither are "\u00E4" and "\u00F6".
bool names_other_room(std::string_view asked, std::string_view told) noexcept;

} // namespace watchers::rooms::detail
