// SPDX-License-Identifier: BSL-1.0
#include "answered_room.hpp"
#include "bulk_output.hpp"
#include "bulk_report.hpp"
#include "bulk_session.hpp"
#include "bulk_setup.hpp"
#include "commands.hpp"
#include "room_ids.hpp"
#include "room_line.hpp"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace roomctl {

namespace {

class exporter
{
public:
    exporter(bulk_session& session, output& out) : session_(session), out_(out) {}

    void take(rooms::bulk_result&& r)
    {
        refuse_other_room(r);
        if (!r.error) {
            std::string fault;
            const std::string line = to_manifest_line(r.operation.room_id(), r.room, fault);
            std::fwrite(line.data(), 1, line.size(), stdout);
            if (!fault.empty()) {
                r.error = rooms::errc::bad_body;
                r.diagnostics.set_message(fault);
            }
        }
        report_.add(r, 0);
        if (!r.error || r.error == rooms::errc::stopped) return;
        session_.clear_progress();
        out_.failed({"export", r.operation.room_id()}, r.error, r.diagnostics);
    }

    exit_code end(const bulk_end& e)
    {
        if (e.why) {
            report_.note(exit_code_of(e.why, rooms::effect::none));
            out_.problem(report_.code(), "export: stopped before the end: " +
                                             (e.reason.empty() ? e.why.message() : e.reason));
        }
        return report_.code();
    }

private:
    bulk_session& session_;
    output& out_;
    bulk_report report_;
};

} // namespace

exit_code run_export(const settings& options, const export_command& command, output& out)
{
    const rooms::config config = make_bulk_config(options, command.pace);
    std::optional<manifest> m;
    const auto ids = open_room_ids(command, m);
    if (!ids) {
        make_bulk_output(options.json)->faults("export", command.rooms.front(), *m, true);
        return exit_code::usage;
    }
    if (ids->size() == std::uint64_t(0) || (m && m->size() == 0)) warn_of_nothing(command.rooms.front());

    bulk_session session(config, command.pace, display_of(options, command.pace, true));
    exporter rooms_out(session, out);
    bulk_job job;
    job.name = "export";
    job.source = [&]() -> std::optional<rooms::operation> {
        if (std::ferror(stdout) != 0) return std::nullopt; // the rest would be read for nothing
        auto id = ids->next();
        if (!id) return std::nullopt;
        return rooms::operation::get(*std::move(id));
    };
    job.sink = [&](rooms::bulk_result&& r) { rooms_out.take(std::move(r)); };
    job.options.in_order = true;
    job.options.skip_after_failure = false;
    job.options.total = ids->size();
    const bulk_end end = session.run(std::move(job));
    if (end.thrown) std::rethrow_exception(end.thrown);
    const exit_code code = rooms_out.end(end);
    session.leave(code);
    return code;
}

} // namespace roomctl
