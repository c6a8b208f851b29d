// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>

#include <cstdint>

namespace watchers::rooms::detail {

// Whether the end of an operation shows that the service can be reached: see bulk_stop::unreachable.
class reach_rules
{
public:
    enum class sign : unsigned char
    {
        reached,   // at least a byte of a response came
        unreached, // no byte came, and the operation failed for that reason
        neither,
    };

    static sign judge(error_code ec, const rooms::diagnostics& d) noexcept
    {
        if (!ec || d.http_status() != 0) return sign::reached;
        if (ec.category() != rooms_category()) return sign::neither;
        const errc e = static_cast<errc>(ec.value());
        if (tells_of_the_last_attempt(e)) return judge(e);
        // A limit on time ended the call: the reason is its phase at that time, or its last failure before.
        if (const error_code before = d.last_failure(); before && before.category() == rooms_category())
            return judge(static_cast<errc>(before.value()));
        const bool on_the_way = d.phase() >= rooms::phase::resolve && d.phase() <= rooms::phase::wait;
        return e == errc::deadline_exceeded && on_the_way ? sign::unreached : sign::neither;
    }

private:
    static bool tells_of_the_last_attempt(errc e) noexcept
    {
        return e != errc::deadline_exceeded && e != errc::outcome_unknown && e != errc::pool_timeout;
    }

    static sign judge(errc e) noexcept
    {
        if (e >= errc::resolve_failed && e <= errc::tls_failed) return sign::unreached;
        if (e == errc::connection_lost || e == errc::write_timeout || e == errc::response_timeout)
            return sign::unreached;
        const error_code ec = e;
        const bool response = e == errc::truncated_response || e == errc::malformed_response ||
                              e == errc::response_too_large || e == errc::unexpected_encoding ||
                              e == errc::not_the_service || e == errc::bad_body;
        return response || ec == condition::rejected || ec == condition::overloaded ? sign::reached
                                                                                    : sign::neither;
    }
};

// Counts operations in a row that did not reach the service.
class reach_count
{
public:
    void count(reach_rules::sign s) noexcept
    {
        if (s == reach_rules::sign::reached)
            in_a_row_ = 0;
        else if (s == reach_rules::sign::unreached)
            ++in_a_row_;
    }

    std::uint64_t in_a_row() const noexcept { return in_a_row_; }

private:
    std::uint64_t in_a_row_ = 0;
};

} // namespace watchers::rooms::detail
