// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/connection.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/wipe.hpp>

#include <new>
#include <utility>

namespace watchers::rooms::detail {

WATCHERS_ROOMS_DECL connection::connection(engine& e)
    : engine_(e)
    , opener_(e.env(), e.clock_timers(), e.settings(), *this)
    , reader_(response_limits(e.settings()))
{}

WATCHERS_ROOMS_DECL void connection::open()
{
    exchanges_ = 0;
    opener_.start();
}

WATCHERS_ROOMS_DECL void connection::on_opened(std::shared_ptr<transport> t)
{
    transport_ = std::move(t);
    transport_->listen(*this);
    resumed_ = transport_->resumed();
    stray_ = false;
    engine_.on_opened(*this);
}

WATCHERS_ROOMS_DECL void connection::on_open_failed(error_code ec, error_code cause)
{
    engine_.on_open_failed(*this, ec, cause);
}

// The request holds the credentials, and must not be found there by the next one either.
class wipe_at_exit
{
public:
    explicit wipe_at_exit(std::string& s) noexcept : text_(s) {}
    ~wipe_at_exit() { wipe_text(text_); }
    wipe_at_exit(const wipe_at_exit&) = delete;
    wipe_at_exit& operator=(const wipe_at_exit&) = delete;

private:
    std::string& text_;
};

WATCHERS_ROOMS_DECL void connection::start(call& c, const request_heads& heads, clock::time_point now)
{
    current_ = &c;
    exchange_began_ = now;
    ++exchanges_;
    reader_.reset();
    progress_ = response_reader::state::reading;
    out_of_memory_ = false;
    const wipe_at_exit guard(request_);
    append_request(request_, heads, c.encoded());
    request_size_ = request_.size();
    written_ = transport_->send(request_);
}

WATCHERS_ROOMS_DECL phase connection::exchange_phase() const noexcept
{
    if (reader_.started()) return phase::read;
    return written_ ? phase::wait : phase::write;
}

WATCHERS_ROOMS_DECL void connection::on_data(std::string_view bytes)
{
    if (current_ == nullptr) {
        stray_ = true;
        return;
    }
    if (out_of_memory_) return;
    if (!reader_.started()) current_->on_first_byte();
    try {
        progress_ = reader_.feed(bytes);
    } catch (const std::bad_alloc&) {
        progress_ = response_reader::state::failed;
        out_of_memory_ = true;
    }
}

WATCHERS_ROOMS_DECL void connection::on_settled()
{
    if (current_ == nullptr) {
        if (stray_) engine_.on_idle_lost(*this);
        return;
    }
    if (progress_ != response_reader::state::reading) finish({});
}

WATCHERS_ROOMS_DECL void connection::on_closed(error_code ec, bool clean)
{
    const std::shared_ptr<transport> gone = std::exchange(transport_, nullptr);
    gone->close();
    if (current_ == nullptr) return engine_.on_idle_lost(*this);
    if (!out_of_memory_) progress_ = reader_.end(clean);
    finish(ec);
}

WATCHERS_ROOMS_DECL void connection::on_refused(errc why, error_code cause)
{
    const auto alive = engine_.shared_from_this(); // a handler may destroy the client
    const std::shared_ptr<transport> gone = std::exchange(transport_, nullptr);
    gone->close();
    if (current_ == nullptr) return engine_.on_idle_lost(*this);
    std::exchange(current_, nullptr)->on_exchange_failed(*this, why, cause);
}

WATCHERS_ROOMS_DECL void connection::finish(error_code cause)
{
    const auto alive = engine_.shared_from_this(); // a handler may destroy the client
    call& c = *std::exchange(current_, nullptr);
    if (progress_ != response_reader::state::complete)
        return c.on_exchange_failed(*this, out_of_memory_ ? errc::resource_exhausted : reader_.error(),
                                    cause);
    c.on_answer(*this, reader_.answer(),
                transport_ != nullptr && written_ && transport_->drained() && reader_.reusable());
}

WATCHERS_ROOMS_DECL void connection::close() noexcept
{
    current_ = nullptr;
    opener_.abort();
    if (const auto t = std::exchange(transport_, nullptr)) t->close();
}

} // namespace watchers::rooms::detail
