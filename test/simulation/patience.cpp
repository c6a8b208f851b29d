// SPDX-License-Identifier: BSL-1.0
// That the client does not give up while another attempt is due.
#include "checker.hpp"

#include <algorithm>
#include <iterator>

namespace watchers::rooms::sim {

namespace {

enum class way : unsigned char
{
    final,
    unsent,
    throttled,
    ambiguous,
};

// The table of failures, written down a second time.
way way_of(const caller& c)
{
    const auto e = static_cast<errc>(c.last_error.value());
    if (!c.last_sent) {
        switch (e) {
        case errc::resolve_timeout:
        case errc::connect_failed:
        case errc::connect_timeout:
        case errc::tls_timeout:
        case errc::connection_lost:
        case errc::resource_exhausted: return way::unsent;
        default: return way::final;
        }
    }
    if (c.exchanges.back()->another_room && e == errc::malformed_response)
        return way::ambiguous; // as if the response had been lost
    switch (c.last_status) {
    case 0: break;
    case 421: return way::unsent;
    case 429: return way::throttled;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504: return way::ambiguous;
    default: return way::final;
    }
    switch (e) {
    case errc::connection_lost:
    case errc::truncated_response:
    case errc::write_timeout:
    case errc::response_timeout: return way::ambiguous;
    default: return way::final;
    }
}

// Before its last request
bool was_in_doubt(const caller& c)
{
    return std::any_of(c.exchanges.begin(), std::prev(c.exchanges.end()),
                       [](const exchange* x) { return !x->looks && (x->doubtful() || x->status == 429); });
}

} // namespace

void checker::check_patience(const caller& c, const call_end& e)
{
    if (!e.error || !c.failed_before || c.last_ended != world_.now()) return;
    const bool for_credentials = e.diagnostics.last_failure() == errc::credentials_failed;
    const bool of_attempt = e.error == c.last_error ||
                            (e.error == errc::outcome_unknown && c.last_confirming && !for_credentials);
    if (of_attempt) require(!had_another(c), "patience", c, "gives up after " + c.last_error.message());
}

// Whether the policy, the budget and the time that is left had room for another attempt.
bool checker::had_another(const caller& c) const
{
    const retry_policy& p = c.policy;
    const bool timed_out = c.last_sent && (c.last_error == errc::write_timeout || c.last_status == 408 ||
                                           c.last_error == errc::response_timeout);
    const way w = way_of(c);
    const bool creates = c.kind == operation_kind::create_room && !c.last_confirming;

    const auto asked = c.last_sent ? c.exchanges.back()->retry_after : std::nullopt;
    if (asked && *asked > p.max_retry_after) return false;
    const duration wait =
        std::max<duration>(p.backoff_cap, asked ? duration(*asked) + p.backoff_base : duration::zero());
    const duration takes = std::min(longest_estimate(), c.attempt_timeout);
    if (wait + takes >= c.deadline - world_.now() || paused_until_ >= c.deadline) return false;

    // Other credentials are tried, once.
    if (c.last_sent && c.exchanges.back()->denied()) {
        const auto refusals = std::count_if(c.exchanges.begin(), c.exchanges.end(),
                                            [](const exchange* x) { return x->denied(); });
        return refusals == 1 && (plan_.provider || newest_key_ > c.exchanges.back()->key);
    }

    // A look is free.
    const bool duplicate =
        c.last_sent && c.exchanges.back()->duplicate() && (was_in_doubt(c) || p.confirm_conflicts);
    const bool page = c.last_sent && c.last_status / 100 == 2 && c.exchanges.back()->web_page;
    if (creates && (w == way::ambiguous || duplicate || page)) return p.confirm_creates;
    if (plan_.settings.retry.budget != 0 && tokens_ < (timed_out ? 10 : 5)) return false;
    switch (w) {
    case way::final: return false;
    case way::unsent: return c.unsent_retries + 1 < p.unsent_attempts;
    case way::throttled: return c.throttled_retries + 1 < p.throttled_attempts;
    case way::ambiguous: break;
    }
    return (c.last_confirming || p.idempotent.contains(c.kind)) &&
           c.ambiguous_retries + 1 < p.ambiguous_attempts;
}

} // namespace watchers::rooms::sim
