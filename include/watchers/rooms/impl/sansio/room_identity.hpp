// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>

#include <string_view>

namespace watchers::rooms::detail {

// Whether the id in a response certainly belongs to another room than the one that was asked for. Services
// spell ids in their own way, so these differences do not count:
//
//   blanks        anywhere in the id: ASCII, no-break and other Unicode spaces, zero-width characters
//   case          of Latin, Greek, Cyrillic and Armenian letters; of all others by the last rule
//   normalisation all canonical forms (NFC, NFD): both ids are decomposed. Where the ids differ, some
//                 characters may stand for any 1 to 6 others: compatibility forms (NFKC: ligatures, enclosed,
//                 raised and half-width characters), and letters of scripts whose case is not mapped.
//
// All else that differs is another room: "Zo\u00EB" and "Zo\u00E9", two emoji, two syllables. A true result
// is certain, and a false one means "the same, or unknown": "caf\u00E9" and "cafe\u0301" are never taken for
// two rooms, and neither are "\uFB01nal" and "final".
bool names_other_room(std::string_view asked, std::string_view told) noexcept;

} // namespace watchers::rooms::detail
