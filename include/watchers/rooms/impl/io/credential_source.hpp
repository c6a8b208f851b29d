// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/credentials.hpp>
#include <watchers/rooms/impl/io/call.hpp>
#include <watchers/rooms/impl/sansio/deadline_queue.hpp>
#include <watchers/rooms/impl/sansio/origin.hpp>
#include <watchers/rooms/impl/sansio/request_builder.hpp>

#include <cstdint>

namespace watchers::rooms::detail {

// The credentials of the requests that are written from now on, and where others come from: one question to
// the provider at a time, whose answer serves all calls that wait for it.
class credential_source final : private deadline
{
public:
    credential_source(engine& e, origin o, const credentials& c, credential_provider p)
        : engine_(e)
        , origin_(std::move(o))
        , heads_(origin_, c)
        , provider_(std::move(p))
        , missing_(c.empty())
    {}

    const request_heads& heads() const noexcept { return heads_; }

    // Counts the credentials; a request remembers which it was written with.
    std::uint64_t generation() const noexcept { return generation_; }
    bool missing() const noexcept { return missing_; }
    bool others_than(std::uint64_t generation) const noexcept
    {
        return generation != generation_ || provider_ != nullptr;
    }

    // The call waits for others than it had, and is told to seek_connection(), or that there are none.
    void wait(call&, clock::time_point now);

    // Checked credentials, by the caller.
    void use(const credentials&);

    // The provider's answer to one question.
    void on_answer(std::uint64_t question, error_code, const credentials&);

    void close() noexcept;

private:
    void on_deadline(clock::time_point) override; // no answer in time
    void ask(clock::time_point now);
    void fail(error_code cause);

    engine& engine_;
    origin origin_;
    request_heads heads_;
    credential_provider provider_;
    waiting_line line_;
    std::uint64_t generation_ = 0;
    std::uint64_t question_ = 0; // the last one
    bool asking_ = false;
    bool missing_;
};

} // namespace watchers::rooms::detail
