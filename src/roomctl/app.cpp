// SPDX-License-Identifier: BSL-1.0
#include "app.hpp"

#include "cli.hpp"
#include "commands.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <variant>

namespace roomctl {

namespace {

exit_code dispatch(const settings& options, const any_command& c, output& out)
{
    if (const auto* call = std::get_if<call_command>(&c)) return run_call(options, *call, out);
    if (const auto* s = std::get_if<sandbox_command>(&c)) return run_sandbox(options, *s, out);
    if (const auto* a = std::get_if<apply_command>(&c)) return run_apply(options, *a, out);
    if (const auto* p = std::get_if<plan_command>(&c)) return run_plan(options, *p);
    if (const auto* e = std::get_if<export_command>(&c)) {
        out.keep_errors_apart();
        return run_export(options, *e, out);
    }
    return run_demo(options, std::get<demo_command>(c), out);
}

exit_code parse_and_run(int argc, const char* const* argv, output& out)
{
    try {
        const auto parsed = parse_command_line(argc, argv);
        if (const auto* help = std::get_if<help_text>(&parsed)) {
            std::fwrite(help->text.data(), 1, help->text.size(), stdout);
            return exit_code::done;
        }
        const auto& wanted = std::get<invocation>(parsed);
        return dispatch(wanted.options, wanted.command, out);
    } catch (const usage_error& e) {
        out.problem(exit_code::usage, e.what());
        return exit_code::usage;
    } catch (const rooms::error& e) {
        // Thrown by constructors alone: a setting that the client cannot take, a journal that cannot be had.
        const auto code = exit_code_of(e.code(), e.diagnostics().effect());
        const auto& why = e.diagnostics().message();
        out.problem(code, why.empty() ? e.code().message() : why);
        return code;
    } catch (const std::exception& e) {
        out.problem(exit_code::failed, e.what());
        return exit_code::failed;
    }
}

} // namespace

int run(int argc, const char* const* argv) noexcept
{
    const auto out = wants_json(argc, argv) ? make_json_output() : make_human_output();
    exit_code code = parse_and_run(argc, argv, *out);
    if (!flush_output()) {
        std::fputs("roomctl: standard output: not everything could be written\n", stderr);
        if (code == exit_code::done) code = exit_code::failed;
    }
    return static_cast<int>(code);
}

} // namespace roomctl
