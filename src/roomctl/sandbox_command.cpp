// SPDX-License-Identifier: BSL-1.0
#include "commands.hpp"

#include "configure.hpp"
#include "interrupts.hpp"
#include "output_file.hpp"
#include "temporary_folder.hpp"

#include <watchers/rooms/sandbox.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

namespace roomctl {

namespace sandbox = watchers::rooms::sandbox;

namespace {

// The signals that end the sandbox, kept from every thread so that one can wait for them.
class end_signals
{
public:
    end_signals()
    {
        sigemptyset(&set_);
        sigaddset(&set_, SIGINT);
        sigaddset(&set_, SIGTERM);
        if (!is_ignored(SIGHUP)) sigaddset(&set_, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &set_, &before_);
    }
    end_signals(const end_signals&) = delete;
    end_signals& operator=(const end_signals&) = delete;
    ~end_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    void wait() const noexcept
    {
        int which = 0;
        sigwait(&set_, &which);
    }

private:
    sigset_t set_{};
    sigset_t before_{};
};

bool is_unspecified(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

sandbox::options make_options(const settings& options, const sandbox_command& command)
{
    sandbox::options o;
    o.address(command.address).port(command.port);
    o.dialect(command.dialect == "plain" ? sandbox::dialect::plain : sandbox::dialect::vendor);
    if (!is_unspecified(command.address)) o.alternative_name("IP:" + command.address);
    if (options.credentials_file) {
        const rooms::credentials c = find_credentials(options);
        o.api_key(std::string(c.api_key().reveal())).bearer_token(std::string(c.bearer_token().reveal()));
    }
    return o;
}

void write_certificate(const std::string& path, const std::string& pem)
{
    output_file file(path, output_file::access::all);
    if (file.is_regular() && !file.given()) {
        file.require_start("-----BEGIN CERTIFICATE-----", "a certificate");
        file.cut(0);
    }
    file.write(pem);
}

// Anybody who reaches the address could use the credentials that everybody knows.
void warn_of_strangers(const settings& options, const sandbox_command& command)
{
    if (options.credentials_file || boost::asio::ip::make_address(command.address).is_loopback()) return;
    const std::string line = "roomctl: warning: other hosts can reach " + command.address +
                             ", and the credentials are the known ones (sandbox); --credentials FILE sets "
                             "others\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

exit_code serve(const settings& options, const sandbox_command& command, output& out)
{
    const end_signals signals;
    warn_of_strangers(options, command);
    sandbox::server server(make_options(options, command));

    std::optional<temporary_folder> folder;
    sandbox_address address;
    if (command.ca_out)
        address.ca_file = *command.ca_out;
    else
        address.ca_file = folder.emplace().path() + "/" + std::string(temporary_folder::content);
    write_certificate(address.ca_file, server.ca_pem());

    address.program = options.program;
    address.base_url = is_unspecified(command.address) ? "https://localhost:" + std::to_string(server.port())
                                                       : server.base_url();
    address.credentials_file = options.credentials_file.value_or("");
    out.sandbox_ready(address);
    signals.wait();

    server.stop();
    const auto counters = server.counters();
    sandbox_visits visits;
    visits.requests = counters.requests(sandbox::operation::any);
    visits.connections = counters.connections_accepted;
    visits.rooms_left = server.room_count();
    out.sandbox_ended(visits);
    return exit_code::done;
}

} // namespace

exit_code run_sandbox(const settings& options, const sandbox_command& command, output& out)
{
    try {
        return serve(options, command, out);
    } catch (const boost::system::system_error& e) {
        out.problem(exit_code::failed, "sandbox: cannot listen on " + command.address + " port " +
                                           std::to_string(command.port) + ": " + e.code().message());
        return exit_code::failed;
    }
}

} // namespace roomctl
