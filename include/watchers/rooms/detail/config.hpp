// SPDX-License-Identifier: BSL-1.0
#pragma once

// Header-only by default. With WATCHERS_ROOMS_SEPARATE_COMPILATION defined in every translation unit, the
// implementation is compiled once, by the translation unit that includes <watchers/rooms/src.hpp>.
#ifdef WATCHERS_ROOMS_SEPARATE_COMPILATION
#define WATCHERS_ROOMS_DECL
#else
#define WATCHERS_ROOMS_DECL inline
#endif
