// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/room.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

namespace roomctl {

namespace rooms = watchers::rooms;

// Arguments that cannot be taken, with the message for the user.
class usage_error : public std::runtime_error
{
public:
    using runtime_error::runtime_error;
};

// The options that every command knows.
struct settings
{
    std::string program = "roomctl"; // as it was called, for lines that are to be copied
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::string> base_url;
    std::optional<rooms::region> region;
    std::optional<std::string> ca_file;
    std::optional<std::string> credentials_file;
    bool json = false;
    bool verbose = false;
    bool iso_times = false;
    bool no_retry = false;
};

struct create_command
{
    rooms::new_room room;
};

struct get_command
{
    std::string room_id;
};

struct voice_command
{
    std::string room_id;
    bool on;
};

struct status_command
{
    std::string room_id;
    rooms::room_status status;
};

struct delete_command
{
    std::string room_id;
};

struct sandbox_command
{
    std::uint16_t port = 8443;
    std::string address = "127.0.0.1";
    std::optional<std::string> ca_out;
};

struct demo_command
{
    std::size_t rooms = 200;
    std::size_t concurrency = 32;
};

// The commands that are one call of the service.
using call_command = std::variant<create_command, get_command, voice_command, status_command, delete_command>;

using any_command = std::variant<call_command, sandbox_command, demo_command>;

struct invocation
{
    settings options;
    any_command command;
};

} // namespace roomctl
