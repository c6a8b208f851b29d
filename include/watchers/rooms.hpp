// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/async_bulk.hpp>
#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/client.hpp>
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>
#include <watchers/rooms/is_printable.hpp>
#include <watchers/rooms/journal.hpp>
#include <watchers/rooms/observer.hpp>
#include <watchers/rooms/operation.hpp>
#include <watchers/rooms/retry.hpp>
#include <watchers/rooms/room.hpp>
#include <watchers/rooms/stats.hpp>
#include <watchers/rooms/with_diagnostics.hpp>
