// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/deadline_queue.hpp>

#include <chrono>

namespace watchers::rooms::detail {

// The look-up of the service's name, shared by all openings of a client: when one begins, and how long its
// result is used. The addresses themselves are kept by the caller.
//
// - At most one look-up is under way. An opening that needs the addresses joins it.
// - An opening may give up (config::resolve_timeout). The look-up goes on: it cannot be cancelled, and
// another
//   one would take as long.
// - The result goes to the openings that wait for it. It is kept only if it is late, that is, if an opening
//   gave up on it: then it serves the openings that begin within late_result_serves. This is not a name
//   cache.
// - A result is dropped as soon as no connection to its addresses could be opened. A failure is never kept.
class resolution
{
public:
    static constexpr std::chrono::seconds late_result_serves{30};

    enum class source : unsigned char
    {
        new_lookup,  // begin one; its result will serve
        running,     // the result of the one that is under way will serve
        late_result, // the addresses kept serve now
    };

    // An opening needs the addresses.
    source need(clock::time_point now) noexcept
    {
        if (running_) return source::running;
        if (now < kept_until_) return source::late_result;
        running_ = true;
        late_ = false;
        return source::new_lookup;
    }

    // The look-up could not be begun.
    void not_begun() noexcept { running_ = false; }

    // An opening gave up waiting.
    void gave_up() noexcept
    {
        if (running_) late_ = true;
    }

    // The look-up has ended.
    // @returns whether its addresses are to be kept.
    bool ended(bool found, clock::time_point now) noexcept
    {
        running_ = false;
        const bool keep = found && late_;
        kept_until_ = keep ? now + late_result_serves : clock::time_point::min();
        return keep;
    }

    // A connection to the addresses could not be opened.
    void discard() noexcept { kept_until_ = clock::time_point::min(); }

    bool running() const noexcept { return running_; }

private:
    clock::time_point kept_until_ = clock::time_point::min();
    bool running_ = false;
    bool late_ = false; // an opening gave up on the look-up under way
};

} // namespace watchers::rooms::detail
