// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "exit_code.hpp"
#include "invocation.hpp"
#include "output.hpp"

namespace roomctl {

// One call of the service. SIGINT and SIGTERM cancel it; it then tells what became of the change.
exit_code run_call(const settings& options, const call_command& command, output& out);

// A sandbox that runs until SIGINT or SIGTERM.
exit_code run_sandbox(const settings& options, const sandbox_command& command, output& out);

// Many rooms' whole lives against a sandbox of its own.
exit_code run_demo(const settings& options, const demo_command& command, output& out);

// A manifest of desired rooms or of operations is carried out.
exit_code run_apply(const settings& options, const apply_command& command, output& out);

// The rooms of a manifest are compared with the service's; nothing is changed.
exit_code run_plan(const settings& options, const plan_command& command);

// The service's rooms as a manifest.
exit_code run_export(const settings& options, const export_command& command, output& out);

} // namespace roomctl
