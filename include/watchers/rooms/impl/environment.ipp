// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/environment.hpp>

#include <cstdlib>
#include <string>

namespace watchers::rooms::detail {

[[noreturn]] WATCHERS_ROOMS_DECL void refuse_variable(const char* name, const char* rule)
{
    throw error(errc::invalid_argument, diagnostics().set_message(std::string(name) + rule));
}

WATCHERS_ROOMS_DECL std::optional<std::string_view> optional_variable(const char* name)
{
    const char* const text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    if (*text == '\0') refuse_variable(name, ": the environment variable is empty");
    return text;
}

WATCHERS_ROOMS_DECL std::string_view required_variable(const char* name)
{
    const std::optional<std::string_view> text = optional_variable(name);
    if (!text) refuse_variable(name, ": the environment variable is not set");
    return *text;
}

} // namespace watchers::rooms::detail
