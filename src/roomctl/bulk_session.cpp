// SPDX-License-Identifier: BSL-1.0
#include "bulk_session.hpp"

#include "bulk_progress.hpp"
#include "descriptors.hpp"
#include "interrupts.hpp"
#include "output.hpp"
#include "text.hpp"

#include <watchers/rooms/async_bulk.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace roomctl {

namespace asio = boost::asio;

class bulk_session::impl
{
    using clock = std::chrono::steady_clock;

public:
    impl(const rooms::config& config, const pace& of_all, const bulk_display& display,
         const latency_observer& latencies)
        : latencies_(latencies)
        , client_(io_.get_executor(), config)
        , timer_(io_)
        , max_in_flight_(of_all.max_in_flight)
        , stop_unreachable_(of_all.stop_unreachable)
        , display_(display)
    {}

    bulk_end run(bulk_job job)
    {
        bulk_end end;
        if (interrupted() && (!job.completes || heeded_ > 1 || interrupts::count() > 1)) {
            end.why = rooms::errc::cancelled;
            return end;
        }
        view_.emplace(job.name, display_.bar, display_.lines);
        tick_ = std::move(job.tick);
        // A rule that counts failures stops the run first: the note is then about one operation.
        const bool stops_by_failures = job.options.stop_on.reached(1, 1);
        rooms::diagnostics details;
        job.options.stop_on = job.options.stop_on.or_unreachable(stop_unreachable_);
        job.options.diagnostics = &details;
        job.options.max_in_flight = max_in_flight_;
        job.options.timeout.reset(); // the config's count
        job.options.retry.reset();
        job.options.monitor = monitor_.emplace();
        completes_ = job.completes;
        running_ = true;
        client_.async_bulk(
            guarded_source(std::move(job.source), end), guarded_sink(std::move(job.sink), end),
            std::move(job.options),
            asio::bind_cancellation_slot(
                cancel_.slot(), [this, &end](const rooms::error_code& ec, const rooms::bulk_summary& s) {
                    end.why = ec;
                    end.summary = s;
                    running_ = false; // the timer may have expired already
                    timer_.cancel();
                }));
        show_again();
        io_.restart();
        io_.run();
        view_.reset();
        tick_ = nullptr;
        if (end.why == rooms::errc::stopped && !stops_by_failures) end.reason = details.note();
        if (end.why == rooms::errc::not_the_service) end.reason = end.why.message() + "; " + details.note();
        return end;
    }

    static bool interrupted() noexcept { return interrupts::count() > 0; }

    void clear_progress()
    {
        if (view_) view_->clear();
    }

    bool is_resolving() const { return resolving_ && client_.stats().open_connections == 0; }

private:
    // The exception itself tells more than the error code that the run ends with.
    static std::function<std::optional<rooms::operation>()>
    guarded_source(std::function<std::optional<rooms::operation>()> source, bulk_end& end)
    {
        return [source = std::move(source), &end] {
            try {
                return source();
            } catch (...) {
                if (!end.thrown) end.thrown = std::current_exception();
                throw;
            }
        };
    }

    std::function<void(rooms::bulk_result&&)> guarded_sink(std::function<void(rooms::bulk_result&&)> sink,
                                                           bulk_end& end)
    {
        return [this, sink = std::move(sink), &end](rooms::bulk_result&& r) {
            resolving_ = r.error && r.diagnostics.phase() == rooms::phase::resolve;
            try {
                sink(std::move(r));
            } catch (...) {
                if (!end.thrown) end.thrown = std::current_exception();
                throw;
            }
        };
    }

    void heed_interrupts()
    {
        if (heeded_ == 0 && interrupted()) {
            heeded_ = 1;
            interrupted_at_ = clock::now();
            say("interrupted: waiting for what is under way, " +
                with_thousands(monitor_->progress().in_flight) + " of them, for up to " +
                to_text(display_.grace) + "; Ctrl-C again cancels it");
            if (!completes_) cancel_.emit(asio::cancellation_type::total);
        }
        if (heeded_ != 1) return;
        const bool again = interrupts::count() > 1;
        if (!again && clock::now() - interrupted_at_ < display_.grace) return;
        heeded_ = 2;
        say(again ? "interrupted again: what is under way is cancelled"
                  : "what is under way takes too long, and is cancelled");
        cancel_.emit(asio::cancellation_type::terminal);
    }

    void show_again()
    {
        heed_interrupts();
        if (tick_) tick_();
        view_->show(monitor_->progress(), client_.stats().throttled, latencies_.last_failure());
        timer_.expires_after(bulk_progress_view::interval);
        timer_.async_wait([this](const rooms::error_code& ec) {
            if (!ec && running_) show_again();
        });
    }

    void say(const std::string& text)
    {
        clear_progress();
        if (!display_.words) return;
        const std::string line = "roomctl: " + text + '\n';
        std::fwrite(line.data(), 1, line.size(), stderr);
    }

    const latency_observer& latencies_;
    asio::io_context io_{1};
    rooms::client client_;
    const interrupts
        counting_; // not before the client: until it has read its files a signal ends the program
    asio::steady_timer timer_;
    asio::cancellation_signal cancel_;
    std::size_t max_in_flight_;
    std::uint64_t stop_unreachable_;
    bulk_display display_;
    std::optional<rooms::bulk_monitor> monitor_;
    std::optional<bulk_progress_view> view_;
    std::function<void()> tick_;
    clock::time_point interrupted_at_;
    int heeded_ = 0; // interruptions
    bool running_ = false;
    bool completes_ = false;
    bool resolving_ = false;
};

bulk_session::bulk_session(rooms::config config, const pace& of_all, const bulk_display& display)
    : latencies_(std::make_shared<latency_observer>(std::move(config.observer)))
{
    allow_descriptors(of_all.max_in_flight);
    config.observer = latencies_;
    config.max_connections = of_all.max_in_flight;
    impl_ = std::make_unique<impl>(config, of_all, display, *latencies_);
}

bulk_session::~bulk_session() = default;

bulk_end bulk_session::run(bulk_job job)
{
    if (!job.completes) latencies_->clear();
    return impl_->run(std::move(job));
}

bool bulk_session::interrupted() const noexcept { return impl::interrupted(); }

void bulk_session::clear_progress() { impl_->clear_progress(); }

void bulk_session::leave(exit_code code)
{
    if (!impl_->is_resolving()) return;
    flush_output();
    std::_Exit(static_cast<int>(code));
}

} // namespace roomctl
