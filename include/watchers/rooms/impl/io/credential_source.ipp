// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/io/credential_source.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/sansio/credential_rules.hpp>

#include <boost/asio/post.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace watchers::rooms::detail {

// One question. Answered from any thread, once; by its destructor if by nobody else.
class credential_answer
{
public:
    credential_answer(std::weak_ptr<engine> e, std::uint64_t question) noexcept
        : engine_(std::move(e))
        , question_(question)
    {}
    credential_answer(const credential_answer&) = delete;
    credential_answer& operator=(const credential_answer&) = delete;
    ~credential_answer()
    {
        try {
            give(errc::credentials_failed, {});
        } catch (...) {
            // Out of memory: the question times out.
        }
    }

    void give(error_code ec, credentials c)
    {
        if (answered_.exchange(true)) return;
        const auto e = engine_.lock();
        if (!e) return;
        e->post([e, q = question_, ec, given = std::move(c)] {
            e->credentials_in_use().on_answer(q, ec, given);
        });
    }

private:
    std::weak_ptr<engine> engine_;
    std::uint64_t question_;
    std::atomic<bool> answered_ = false;
};

WATCHERS_ROOMS_DECL void credential_source::wait(call& c, clock::time_point now)
{
    if (!asking_) ask(now);
    c.stand_in(line_, waiting_line::end::back);
}

WATCHERS_ROOMS_DECL void credential_source::ask(clock::time_point now)
{
    const auto self = engine_.shared_from_this();
    credential_reply reply(std::make_shared<credential_answer>(self, ++question_));
    engine_.clock_timers().set(*this, now + engine_.settings().attempt_timeout);
    // The caller's code may do anything, as to make further calls, and is no business of a strand of ours.
    boost::asio::post(engine_.home().callers(), [p = provider_, r = std::move(reply)]() mutable {
        try {
            p(std::move(r));
        } catch (...) {
            // The reply has died unanswered, unless the provider kept a copy.
        }
    });
    asking_ = true;
    engine_.on_credentials_asked();
}

WATCHERS_ROOMS_DECL void credential_source::use(const credentials& c)
{
    request_heads changed(origin_, c);
    heads_ = std::move(changed);
    ++generation_;
    missing_ = false;
    asking_ = false; // an answer that comes later is older
    ++question_;
    engine_.clock_timers().cancel(*this);
    while (!line_.empty()) {
        call& next = line_.front();
        next.leave_line();
        engine_.wake(next);
    }
    engine_.run_woken();
}

WATCHERS_ROOMS_DECL void credential_source::on_answer(std::uint64_t question, error_code ec,
                                                      const credentials& c)
{
    if (!asking_ || question != question_) return;
    if (!ec && !check_credentials(c).empty()) ec = errc::invalid_argument;
    if (ec) return fail(ec);
    use(c);
}

WATCHERS_ROOMS_DECL void credential_source::on_deadline(clock::time_point)
{
    fail(boost::system::errc::make_error_code(boost::system::errc::timed_out));
}

WATCHERS_ROOMS_DECL void credential_source::fail(error_code cause)
{
    asking_ = false;
    engine_.clock_timers().cancel(*this);
    const auto alive = engine_.shared_from_this(); // a handler may destroy the client
    waiting_line failed;                           // those that come meanwhile ask anew
    while (!line_.empty()) {
        call& c = line_.front();
        c.leave_line();
        c.stand_in(failed, waiting_line::end::back);
    }
    std::exception_ptr out_of_memory;
    while (!failed.empty()) {
        call& c = failed.front();
        c.leave_line();
        try {
            c.on_no_credentials(cause);
        } catch (const std::bad_alloc&) {
            out_of_memory = std::current_exception();
        }
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
}

WATCHERS_ROOMS_DECL void credential_source::close() noexcept
{
    engine_.clock_timers().cancel(*this);
    asking_ = false;
    ++question_;
}

} // namespace watchers::rooms::detail

namespace watchers::rooms {

WATCHERS_ROOMS_DECL void credential_reply::operator()(credentials c) const
{
    answer_->give({}, std::move(c));
}

WATCHERS_ROOMS_DECL void credential_reply::operator()(error_code why) const
{
    answer_->give(why ? why : error_code(errc::credentials_failed), {});
}

} // namespace watchers::rooms
