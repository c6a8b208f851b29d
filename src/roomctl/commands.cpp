// SPDX-License-Identifier: BSL-1.0
#include "commands.hpp"

#include "configure.hpp"
#include "interrupts.hpp"

#include <watchers/rooms/client.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>
#include <variant>

namespace roomctl {

namespace asio = boost::asio;

namespace {

call_name name_of(const create_command& c) { return {"create", c.room.id()}; }
call_name name_of(const get_command& c) { return {"get", c.room_id}; }
call_name name_of(const voice_command& c) { return {"voice", c.room_id}; }
call_name name_of(const status_command& c) { return {"status", c.room_id}; }
call_name name_of(const delete_command& c) { return {"delete", c.room_id}; }

class single_call
{
public:
    single_call(const rooms::config& config, call_name name, output& out)
        : client_(io_.get_executor(), config)
        , signals_(io_)
        , name_(std::move(name))
        , out_(out)
    {}

    exit_code run(const call_command& command)
    {
        for (const int which : {SIGINT, SIGTERM, SIGHUP})
            if (!is_ignored(which)) signals_.add(which);
        signals_.async_wait([this](const rooms::error_code& ec, int) {
            if (ec) return;
            // From here on a second signal ends the program.
            signals_.clear();
            cancel_.emit(asio::cancellation_type::terminal);
        });
        std::visit([this](const auto& c) { start(c); }, command);
        io_.run();
        return result_;
    }

private:
    auto with_room()
    {
        return asio::bind_cancellation_slot(cancel_.slot(),
                                            [this](const rooms::error_code& ec, const rooms::room& r) {
                                                if (!ec) out_.room(name_, r, diagnostics_);
                                                ended(ec);
                                            });
    }

    void start(const create_command& c) { client_.async_create_room(c.room, diagnostics_, with_room()); }
    void start(const get_command& c) { client_.async_get_room(c.room_id, diagnostics_, with_room()); }
    void start(const voice_command& c)
    {
        client_.async_set_voice(c.room_id, c.on, diagnostics_, with_room());
    }
    void start(const status_command& c)
    {
        client_.async_set_status(c.room_id, c.status, diagnostics_, with_room());
    }
    void start(const delete_command& c)
    {
        client_.async_delete_room(
            c.room_id, diagnostics_,
            asio::bind_cancellation_slot(cancel_.slot(), [this](const rooms::error_code& ec) {
                if (!ec) out_.deleted(name_, diagnostics_);
                ended(ec);
            }));
    }

    void ended(const rooms::error_code& ec)
    {
        signals_.cancel();
        result_ = exit_code_of(ec, diagnostics_.effect());
        if (!ec) return;
        out_.failed(name_, ec, diagnostics_);
        // A name service that does not answer cannot be told to stop: the io_context's destructor would wait
        // for it, long after all has been said.
        if (diagnostics_.phase() == rooms::phase::resolve) {
            flush_output();
            std::_Exit(static_cast<int>(result_));
        }
    }

    asio::io_context io_{1};
    rooms::client client_;
    asio::signal_set signals_;
    asio::cancellation_signal cancel_;
    rooms::diagnostics diagnostics_;
    call_name name_;
    output& out_;
    exit_code result_ = exit_code::failed;
};

} // namespace

exit_code run_call(const settings& options, const call_command& command, output& out)
{
    const rooms::config config = make_config(options);
    const call_name name = std::visit([](const auto& c) { return name_of(c); }, command);
    return single_call(config, name, out).run(command);
}

} // namespace roomctl
