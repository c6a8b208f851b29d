// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "manifest.hpp"

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/room.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

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
    std::string command_line;        // all of it, as a shell takes it
    std::string command_line_with_plan;
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
    std::string dialect = "vendor"; // or "plain"
    std::optional<std::string> ca_out;
};

struct demo_command
{
    std::size_t rooms = 200;
    std::size_t concurrency = 32;
};

// How the commands for many rooms go about it.
struct pace
{
    std::size_t max_in_flight = 32;
    std::uint64_t stop_unreachable = 20;     // operations in a row that did not reach it; zero: never
    double rate = 0;                         // requests per second at most; zero: no limit
    std::chrono::milliseconds grace{20'000}; // for what is under way when the run is interrupted
};

struct apply_command
{
    std::string file;
    manifest_options input;
    roomctl::pace pace;
    std::optional<std::string> journal;
    std::optional<std::string> results;
    bool stop_on_failure = false;
    bool dry_run = false;
    bool plan = false;
    bool recreate = false;
    bool yes = false; // no question is asked before rooms are deleted
    std::optional<std::string> kept;
    bool accept_project = false; // take kept rooms although the API key was changed since
};

struct plan_command
{
    std::string file;
    manifest_options input;
    roomctl::pace pace;
    bool recreate = false;
    std::optional<std::string> kept;
    bool accept_project = false; // take kept rooms although the API key was changed since
};

struct export_command
{
    std::vector<std::string> rooms; // ids; or one file of them, or one manifest
    bool ids = false;               // rooms are ids, even if one of them is the name of a file
    std::optional<manifest_format> format;
    roomctl::pace pace;
};

// The commands that are one call of the service.
using call_command = std::variant<create_command, get_command, voice_command, status_command, delete_command>;

using any_command =
    std::variant<call_command, sandbox_command, demo_command, apply_command, plan_command, export_command>;

struct invocation
{
    settings options;
    any_command command;
};

} // namespace roomctl
