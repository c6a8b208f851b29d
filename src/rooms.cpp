// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/src.hpp>
