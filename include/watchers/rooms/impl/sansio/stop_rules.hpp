// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/diagnostics.hpp>
#include <watchers/rooms/error.hpp>

namespace watchers::rooms::detail {

// Which results of a bulk run show that the rest of it cannot succeed, independent of the caller's bulk_stop.
//
//   401, the 404 of the project, no credentials, an untrusted server, the client's end   stop
//   403 that speaks of the token                                                         stop
//   another 403: stop if nothing has succeeded, and nothing that is under way does       hold
//   403 with a web page (of a firewall)            the third, if nothing has succeeded: stop
//   404 or 405 that the service does not send (base_url is wrong)                        stop
//   2xx with a web page            the third, if the service has not responded yet: stop
//                                  the hundredth in a row: stop
//
// An operation that is done according to the journal counts as a success, so that a resumed run gets past a
// room that a firewall refuses.
class stop_rules
{
public:
    enum class verdict : unsigned char
    {
        go_on,
        hold, // begin nothing more; if what is under way ends and none of it succeeds, stop
        stop,
    };

    static constexpr unsigned most_pages_at_first = 3;
    static constexpr unsigned most_pages_in_a_row = 100;

    verdict on_result(const bulk_result& r) noexcept
    {
        if (!r.error) {
            succeeded_ = seen_ = true;
            pages_ = 0;
            return verdict::go_on;
        }
        if (r.error == errc::stopped || r.error == errc::skipped_after_failure) return verdict::go_on;
        const error_code why = cause_of(r);
        if (never_passes(why)) return verdict::stop;
        if (why == errc::forbidden) return on_forbidden(r.diagnostics);
        if (why == errc::not_the_service) return on_other_service(r.diagnostics);
        if (r.diagnostics.recognized()) {
            seen_ = true;
            pages_ = 0;
        }
        return verdict::go_on;
    }

    // Whether an operation has succeeded, in this run or an earlier one.
    bool succeeded() const noexcept { return succeeded_; }

    // The failure behind a result. If the confirmation of a create failed, it is last_failure().
    static error_code cause_of(const bulk_result& r) noexcept
    {
        const error_code before = r.diagnostics.last_failure();
        if (r.error == errc::outcome_unknown && before &&
            (before == condition::credentials || before == errc::not_the_service))
            return before;
        // A firewall's refusal is not one of the credentials, even if the provider has no others.
        const bool of_this_request = r.error == errc::credentials_failed && before &&
                                     before == errc::forbidden && !r.diagnostics.credentials_refused();
        return of_this_request ? before : r.error;
    }

private:
    static bool never_passes(error_code ec) noexcept
    {
        return ec == errc::unauthorized || ec == errc::unknown_project || ec == errc::credentials_failed ||
               ec == errc::draining || ec == errc::shutting_down || ec == errc::tls_untrusted ||
               ec == errc::tls_host_mismatch || ec == errc::tls_expired || ec == errc::tls_client_certificate;
    }

    verdict on_forbidden(const diagnostics& d) noexcept
    {
        if (d.credentials_refused()) return verdict::stop;
        if (succeeded_) return verdict::go_on;
        if (d.web_page()) return ++pages_ < most_pages_at_first ? verdict::go_on : verdict::stop;
        return verdict::hold;
    }

    verdict on_other_service(const diagnostics& d) noexcept
    {
        if (d.http_status() / 100 != 2) return verdict::stop;
        ++pages_;
        const bool hopeless = pages_ >= (seen_ ? most_pages_in_a_row : most_pages_at_first);
        return hopeless ? verdict::stop : verdict::go_on;
    }

    unsigned pages_ = 0; // in a row
    bool succeeded_ = false;
    bool seen_ = false; // the service has responded
};

} // namespace watchers::rooms::detail
