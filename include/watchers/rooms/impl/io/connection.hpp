// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/opener.hpp>
#include <watchers/rooms/impl/io/transport.hpp>
#include <watchers/rooms/impl/sansio/pool_core.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>
#include <watchers/rooms/impl/sansio/response_reader.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace watchers::rooms::detail {

class call;
class engine;

// A place in the pool with the connection in it: opens it, exchanges one request and answer at a time, and
// watches it while it is idle. The object stays when the connection goes, with its buffers, for the next one.
class connection final : public pool_core::slot, private transport::listener, private opener::owner
{
public:
    explicit connection(engine&);

    // Opening

    void open();
    void give_up(errc why) { opener_.give_up(why); }
    // A failed opener still tells the phase it failed in.
    bool resolving() const noexcept
    {
        return state() == pool_core::slot_state::opening && opener_.resolving();
    }
    void on_resolved(error_code ec, const std::vector<endpoint>& addresses)
    {
        opener_.on_resolved(ec, addresses);
    }
    phase opening_phase() const noexcept { return opener_.where(); }
    const phase_durations& opening_durations() const noexcept { return opener_.durations(); }

    // Serving

    // Sends the call's request. The call is told of the answer, or of the failure, later.
    void start(call&, const request_heads&, clock::time_point now);
    clock::time_point exchange_began() const noexcept { return exchange_began_; }

    // Whether no byte of the response has come.
    bool silent() const noexcept { return !reader_.started(); }

    // How far the exchange under way is: write, wait or read.
    phase exchange_phase() const noexcept;
    std::size_t request_size() const noexcept { return request_size_; }
    std::size_t bytes_read() const noexcept { return static_cast<std::size_t>(reader_.bytes()); }

    // Whether the connection had served before the exchange under way, or the last one.
    bool reused() const noexcept { return exchanges_ > 1; }
    bool resumed() const noexcept { return resumed_; }

    // Whether nothing has come that nobody asked for, the end included; asks the socket.
    bool quiet() const noexcept { return transport_->quiet(); }

    // Ends whatever is under way, silently.
    void close() noexcept;

private:
    void on_connected(transport&, error_code) override {}
    void on_secured(transport&, error_code, error_code) override {}
    void on_data(std::string_view) override;
    void on_settled() override;
    void on_written() override { written_ = true; }
    void on_closed(error_code, bool clean) override;
    void on_refused(errc, error_code cause) override;
    void on_opened(std::shared_ptr<transport>) override;
    void on_open_failed(error_code, error_code cause) override;

    void finish(error_code cause);

    engine& engine_;
    opener opener_;
    std::shared_ptr<transport> transport_;
    response_reader reader_;
    response_reader::state progress_ = response_reader::state::reading;
    std::string request_;
    std::size_t request_size_ = 0;
    call* current_ = nullptr;
    clock::time_point exchange_began_{};
    unsigned exchanges_ = 0; // begun on this connection
    bool written_ = true;
    bool out_of_memory_ = false; // for the answer
    bool stray_ = false;         // bytes came while nothing was asked
    bool resumed_ = false;
};

} // namespace watchers::rooms::detail
