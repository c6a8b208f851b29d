// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "invocation.hpp"

#include <functional>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace roomctl {

// The arguments of apply, plan and export.
class bulk_arguments
{
public:
    // Makes a command of its name, what it does, and examples.
    using command_maker = std::function<CLI::App*(const char*, const char*, const char*)>;

    void add(const command_maker&);

    // Nothing if it is another command. Throws usage_error.
    std::optional<any_command> take() const;

private:
    void add_apply(const command_maker&);
    void add_plan(const command_maker&);
    void add_export(const command_maker&);
    void add_file(CLI::App*);
    void add_format(CLI::App*);
    void add_shard_and_skip(CLI::App*);
    void add_pace(CLI::App*);

    std::optional<manifest_format> take_format() const;
    manifest_options take_input() const;
    pace take_pace() const;
    apply_command take_apply() const;

    CLI::App* apply_ = nullptr;
    CLI::App* plan_ = nullptr;
    CLI::App* export_ = nullptr;

    std::string file_, format_, journal_, results_, kept_, on_failure_;
    bool skip_invalid_ = false;
    std::optional<std::string> shard_, max_in_flight_, rate_, grace_, stop_unreachable_;
    apply_command apply_values_;
    export_command export_values_;
};

} // namespace roomctl
