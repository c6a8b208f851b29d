// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <chrono>
#include <cstdint>

namespace watchers::rooms::detail {

// How long an exchange (a request and its response) takes, estimated from the client's own recent ones, so
// that a call with less time left is not sent. One for each kind of operation.
//
// - The estimate is a smoothed mean and three times the smoothed deviation from it. A sample counts only as
//   far as it is near: single outliers hardly move the estimate, however long they are; a service that has
//   become slower moves it within about ten exchanges.
// - It is never longer than an eighth more than the longest of the last 32 to 64 samples: a mixture of short
//   and long exchanges has a large deviation, yet none takes longer than the long ones.
// - An exchange that the call's deadline cut takes longer than it had: it counts as twice that, unless it had
//   less time than the mean, which tells nothing.
// - With fewer than four samples there is no estimate (zero). The first four responses count in full: before
//   them there may have been cuts only, and after a millisecond.
// - While no exchange is under way, the estimate halves each second, or it could refuse each call and never
//   learn that the service has become faster. As soon as it is short enough, one call is sent; the others
//   wait for what it learns, since the estimate is whole again while an exchange is under way. If that one
//   gets its response, all that was known before is forgotten. So it is after ten seconds: a call with
//   minutes left must not fail in the moment in which the first one in hours is under way.
class exchange_time
{
public:
    // An exchange begins.
    void begin(clock::time_point now) noexcept
    {
        if (under_way_ == 0) {
            const auto halvings = faded(now);
            probing_ = halvings > 0;
            if (halvings >= forgotten) *this = exchange_time(0);
        }
        ++under_way_;
    }

    // An exchange ended with a complete response.
    void completed(clock::time_point began, clock::time_point now) noexcept
    {
        if (probing_) *this = exchange_time(under_way_);
        end(now);
        learn(now - began);
    }

    // An exchange was cut by its call's deadline.
    void cut(clock::time_point began, clock::time_point now) noexcept
    {
        end(now);
        const clock::duration had = now - began;
        if (had >= mean_) {
            ++cuts_;
            learn(2 * had);
        } else if (samples_ < enough) {
            ++cuts_;
            ++samples_; // the mean may be right
        }
    }

    // The same, on a connection that had been idle since that time and from which nothing came: it may have
    // died meanwhile. Not if it has served since such a cut within the last seconds, for connections that
    // were idle when that one's request was sent are closed by then: the service is slow.
    void cut_in_silence(clock::time_point began, clock::time_point idle_since, clock::time_point now) noexcept
    {
        const bool alive = idle_since >= silence_ && began - silence_ <= forgotten * half_life;
        silence_ = now;
        if (alive)
            cut(began, now);
        else
            abandoned(now);
    }

    // An exchange ended in a way that does not tell how long it takes: the connection was lost, the
    // attempt's own limit ended it, the caller cancelled it.
    void abandoned(clock::time_point now) noexcept { end(now); }

    // How long an exchange that begins now takes; zero if that is not known.
    clock::duration estimate(clock::time_point now) const noexcept
    {
        if (samples_ < enough) return {};
        clock::duration e = mean_ + 3 * deviation_;
        const clock::duration longest = longest_ > longest_before_ ? longest_ : longest_before_;
        if (const auto bound = longest + longest / 8; bound < e) e = bound;
        if (under_way_ > 0) return e;
        const auto halvings = faded(now);
        return halvings < forgotten ? e / (std::int64_t{1} << halvings) : clock::duration{};
    }

    exchange_time() = default;

private:
    static constexpr unsigned enough = 4;
    static constexpr unsigned generation = 32;
    static constexpr clock::duration half_life = std::chrono::seconds(1);
    static constexpr std::int64_t forgotten = 10; // halvings

    explicit exchange_time(unsigned under_way) noexcept : under_way_(under_way) {}

    // How often the estimate has halved since the last exchange ended.
    std::int64_t faded(clock::time_point now) const noexcept
    {
        if (samples_ == 0) return 0;
        return (now - ended_at_) / half_life;
    }

    void end(clock::time_point now) noexcept
    {
        --under_way_;
        probing_ = false;
        ended_at_ = now;
    }

    void learn(clock::duration sample) noexcept
    {
        if (samples_ == 0) {
            mean_ = sample;
            deviation_ = sample / 4;
        } else {
            clock::duration off = sample - mean_;
            const clock::duration limit = 3 * deviation_;
            if (samples_ - cuts_ >= enough) {
                if (off > limit) off = limit;
                if (off < -limit) off = -limit;
            }
            mean_ += off / 8;
            deviation_ += ((off < off.zero() ? -off : off) - deviation_) / 4;
        }
        // Even a steady service is not steadier than this, and an estimate must be able to move.
        if (const auto least = mean_ / 32 + std::chrono::microseconds(1); deviation_ < least)
            deviation_ = least;

        if (samples_ % generation == 0) {
            longest_before_ = longest_;
            longest_ = {};
        }
        if (sample > longest_) longest_ = sample;
        ++samples_;
    }

    clock::duration mean_{};
    clock::duration deviation_{};
    clock::duration longest_{};        // of this generation of samples
    clock::duration longest_before_{}; // of the one before
    clock::time_point ended_at_{};
    clock::time_point silence_ = clock::time_point::max(); // the last cut_in_silence()
    std::uint64_t samples_ = 0;
    std::uint64_t cuts_ = 0; // of the samples
    unsigned under_way_ = 0;
    bool probing_ = false; // the exchange under way was let pass by an estimate that had faded
};

} // namespace watchers::rooms::detail
