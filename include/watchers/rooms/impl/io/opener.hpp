// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/config.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/impl/io/timers.hpp>
#include <watchers/rooms/impl/io/transport.hpp>
#include <watchers/rooms/impl/sansio/happy_eyeballs.hpp>
#include <watchers/rooms/observer.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace watchers::rooms::detail {

// Opens one connection: the name (resolved by the engine, for all at once), TCP to the first address that
// answers, TLS.
class opener final : private transport::listener, private deadline
{
public:
    class owner
    {
    public:
        virtual void on_opened(std::shared_ptr<transport>) = 0;
        virtual void on_open_failed(error_code, error_code cause) = 0;

    protected:
        ~owner() = default;
    };

    opener(environment& e, timers& t, const config& c, owner& o) noexcept
        : environment_(e)
        , timers_(t)
        , config_(c)
        , owner_(o)
    {}

    // Waits for on_resolved().
    void start();
    void on_resolved(error_code, const std::vector<endpoint>&);
    bool resolving() const noexcept { return phase_ == phase::resolve; }

    // Gives up and tells the owner.
    void give_up(errc why) { fail(why, {}); }

    // Gives up silently.
    void abort() noexcept;

    rooms::phase where() const noexcept { return phase_; }

    // Of resolve, connect and handshake; valid from on_opened() or on_open_failed() until the next start().
    const phase_durations& durations() const noexcept { return durations_; }

private:
    void on_connected(transport&, error_code) override;
    void on_secured(transport&, error_code, error_code cause) override;
    void on_data(std::string_view) override {}
    void on_settled() override {}
    void on_written() override {}
    void on_closed(error_code, bool) override {}
    void on_refused(errc, error_code) override {}
    void on_deadline(clock::time_point now) override;

    void follow(happy_eyeballs::step);
    void connect_to(std::size_t index);
    void enter(rooms::phase, clock::time_point now);
    void arm();
    void fail(error_code, error_code cause);

    environment& environment_;
    timers& timers_;
    const config& config_;
    owner& owner_;

    rooms::phase phase_ = rooms::phase::validation; // validation: nothing under way
    clock::time_point phase_began_{};
    clock::time_point phase_limit_{};
    std::optional<clock::time_point> next_address_at_;
    phase_durations durations_;

    std::vector<endpoint> addresses_;
    std::optional<happy_eyeballs> eyeballs_;
    std::vector<std::shared_ptr<transport>> attempts_; // by address
    std::shared_ptr<transport> chosen_;
    error_code last_error_;
};

} // namespace watchers::rooms::detail
