// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace roomctl {

// CLI11's help, without what the descriptions tell in better words: sets of values, exclusions.
class help_formatter : public CLI::Formatter
{
public:
    help_formatter()
    {
        column_width(28);
        label("SUBCOMMAND", "COMMAND");
        label("Subcommands", "Commands");
        label("Positionals", "Arguments");
    }

    std::string make_option_opts(const CLI::Option* o) const override
    {
        const std::string type = o->get_type_name();
        std::string text = type.empty() ? "" : ' ' + type.substr(0, type.find(':'));
        if (!o->get_default_str().empty()) text += "=" + o->get_default_str();
        return text;
    }
};

} // namespace roomctl
