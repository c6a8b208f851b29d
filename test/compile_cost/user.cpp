// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms.hpp>

boost::asio::awaitable<void> user(watchers::rooms::client& client) { co_await client.async_get_room("x"); }
