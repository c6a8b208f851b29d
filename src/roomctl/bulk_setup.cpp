// SPDX-License-Identifier: BSL-1.0
#include "bulk_setup.hpp"

#include "configure.hpp"

#include <chrono>

#include <unistd.h>

namespace roomctl {

namespace {

using namespace std::chrono_literals;

// Outlasts a restart of the service, or a minute or two without a network.
void be_patient(rooms::config& config, bool with_timeout)
{
    rooms::retry_policy& r = config.retry;
    r.unsent_attempts = 20;
    r.ambiguous_attempts = 20;
    r.throttled_attempts = 20;
    r.backoff_cap = 30s;
    // The budget is against many callers that all try again at once. Here max_in_flight bounds them, and
    // fewer are under way while the service is overloaded.
    r.budget = 0;
    if (with_timeout) config.timeout = 5min;
}

} // namespace

rooms::config make_bulk_config(const settings& options, const pace& p)
{
    rooms::config config = make_config(options);
    config.max_requests_per_second = p.rate;
    if (!options.no_retry) be_patient(config, !options.timeout);
    return config;
}

bulk_display display_of(const settings& options, const pace& p, bool prints)
{
    bulk_display d;
    const bool quiet = options.json || options.verbose;
    const bool in_the_way = prints && ::isatty(STDOUT_FILENO) == 1;
    d.bar = !quiet && !in_the_way;
    d.lines = !quiet && !(in_the_way && ::isatty(STDERR_FILENO) == 1);
    d.words = !options.json;
    d.grace = p.grace;
    return d;
}

} // namespace roomctl
