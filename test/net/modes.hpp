// SPDX-License-Identifier: BSL-1.0
#pragma once

// The executors a client can be run on, for tests that hold on each.

#include "net.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include <memory>
#include <optional>

namespace net {

// The ways to run a client on an io_context.
enum class mode
{
    plain, // threading::single
    strand_outside,
    strand_inside, // the default
};

inline constexpr mode all_modes[] = {mode::plain, mode::strand_outside, mode::strand_inside};

inline asio::any_io_executor executor_for(asio::io_context& io, mode m)
{
    if (m == mode::strand_outside) return asio::make_strand(io);
    return io.get_executor();
}

inline rooms::config config_for(const sandbox::server& s, mode m)
{
    rooms::config c = config_for(s);
    c.threading = m == mode::plain ? rooms::threading::single : rooms::threading::automatic;
    return c;
}

// A client in one of the modes, on an io_context that can be destroyed before it.
struct moded_rig
{
    explicit moded_rig(mode m) : moded_rig(m, [](rooms::config&) {}) {}
    template <class Tweak>
    moded_rig(mode m, Tweak tweak)
    {
        rooms::config c = config_for(server, m);
        tweak(c);
        client.emplace(executor_for(*io, m), c);
    }

    sandbox::server server;
    std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
    std::optional<rooms::client> client;
};

} // namespace net
