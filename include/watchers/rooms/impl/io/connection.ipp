// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/connection.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/wipe.hpp>

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

WATCHERS_ROOMS_DECL void connection::start(call& c, const request_heads& heads)
{
    current_ = &c;
    ++exchanges_;
    reader_.reset();
    progress_ = response_reader::state::reading;
    append_request(request_, heads, c.encoded());
    request_size_ = request_.size();
    written_ = transport_->send(request_);
    wipe_text(request_);
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
    if (!reader_.started()) current_->on_first_byte();
    progress_ = reader_.feed(bytes);
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
    progress_ = reader_.end(clean);
    finish(ec);
}

WATCHERS_ROOMS_DECL void connection::finish(error_code cause)
{
    call& c = *std::exchange(current_, nullptr);
    if (progress_ != response_reader::state::complete)
        return c.on_exchange_failed(*this, reader_.error(), cause);
    c.on_answer(*this, reader_.answer(), transport_ != nullptr && written_ && reader_.reusable());
}

WATCHERS_ROOMS_DECL void connection::close() noexcept
{
    current_ = nullptr;
    opener_.abort();
    if (const auto t = std::exchange(transport_, nullptr)) t->close();
}

} // namespace watchers::rooms::detail
