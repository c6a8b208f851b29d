// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/config.hpp>
#include <watchers/rooms/diagnostics.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <limits>
#include <string>

using namespace watchers::rooms;
using namespace std::chrono;

namespace {

void silent_provider(const credential_reply&) {}

config plain() { return config(credentials("key", "token")); }

// Sets the variables for one test, and unsets them after it.
class environment
{
public:
    environment& set(const char* name, const char* value) { return ::setenv(name, value, 1), *this; }
    environment() { clear(); }
    ~environment() { clear(); }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    static void clear()
    {
        for (const char* name : {"WATCHERS_API_KEY", "WATCHERS_BEARER_TOKEN", "WATCHERS_BASE_URL"})
            ::unsetenv(name);
    }
};

// The message of the error a function throws.
std::string refusal(const std::function<void()>& f)
{
    try {
        f();
    } catch (const error& e) {
        CHECK(e.code() == errc::invalid_argument);
        return e.diagnostics().message();
    }
    return "nothing thrown";
}

} // namespace

TEST_CASE("config_defaults_accepted") { CHECK(check(plain()) == ""); }

TEST_CASE("config_members_checked")
{
    using set = void (*)(config&);
    const struct
    {
        set change;
        const char* expected; // the beginning of the text
    } rows[] = {
        {[](config& c) { c.credentials = credentials("", "token"); }, "api_key: must not be empty"},
        {[](config& c) { c.credentials = credentials("key", "a\nb"); }, "bearer_token: must"},
        {[](config& c) { c.base_url = "http://example.com"; }, "base_url: must start with https://"},
        {[](config& c) { c.base_url = "https://u:p@example.com"; },
         "base_url: must not hold user information"},
        {[](config& c) { c.base_url = "http://127.0.0.1:1"; }, "base_url: must start with https://"},
        {[](config& c) { c.base_url = "http://127.0.0.1:1", c.plain_http_to_loopback = true; }, ""},
        {[](config& c) { c.trust = trust::ca_file(""); }, "trust: "},
        {[](config& c) { c.trust = trust::ca_file("/etc/ca.pem"); }, ""},
        {[](config& c) { c.trust = trust::ca_pem(""); }, "trust: "},
        {[](config& c) { c.trust = trust::ca_pem("x"); }, ""},
        {[](config& c) { c.trust = trust::context(nullptr); }, "trust: "},
        {[](config& c) { c.time_format = static_cast<time_format>(2); }, "time_format: "},
        {[](config& c) { c.threading = static_cast<threading>(3); }, "threading: "},
        {[](config& c) { c.max_connections = 0; }, "max_connections: must be 1 to 65535"},
        {[](config& c) { c.max_connections = 1; }, ""},
        {[](config& c) { c.max_connections = 65'535; }, ""},
        {[](config& c) { c.max_connections = 65'536; }, "max_connections: must be 1 to 65535"},
        {[](config& c) { c.max_waiting_calls = 0; }, ""},
        {[](config& c) { c.pool_timeout = 0ms; }, ""},
        {[](config& c) { c.pool_timeout = -1ms; }, "pool_timeout: must be 0 ms to 365 days"},
        {[](config& c) { c.pool_timeout = milliseconds::max(); }, "pool_timeout: "},
        {[](config& c) { c.idle_timeout = 0ms; }, ""},
        {[](config& c) { c.idle_timeout = -1ms; }, "idle_timeout: "},
        {[](config& c) { c.max_connection_lifetime = 0ms; }, ""},
        {[](config& c) { c.max_connection_lifetime = -1ms; }, "max_connection_lifetime: "},
        {[](config& c) { c.timeout = 0ms; }, "timeout: must be 1 ms to 365 days"},
        {[](config& c) { c.timeout = 1ms; }, ""},
        {[](config& c) { c.timeout = hours(24 * 365); }, ""},
        {[](config& c) { c.timeout = hours(24 * 365) + 1ms; }, "timeout: "},
        {[](config& c) { c.attempt_timeout = 0ms; }, "attempt_timeout: "},
        {[](config& c) { c.expected_exchange_time = 0ms; }, ""},
        {[](config& c) { c.expected_exchange_time = -1ms; }, "expected_exchange_time: must be 0 ms to 365"},
        {[](config& c) { c.resolve_timeout = 0ms; }, "resolve_timeout: "},
        {[](config& c) { c.connect_timeout = 0ms; }, "connect_timeout: "},
        {[](config& c) { c.connect_attempt_delay = 0ms; }, "connect_attempt_delay: "},
        {[](config& c) { c.tls_timeout = 0ms; }, "tls_timeout: "},
        {[](config& c) { c.tls_timeout = milliseconds::max(); }, "tls_timeout: "},
        {[](config& c) { c.max_response_header = 255; }, "max_response_header: must be 256 to 1048576"},
        {[](config& c) { c.max_response_header = 256; }, ""},
        {[](config& c) { c.max_response_header = 1024 * 1024 + 1; }, "max_response_header: "},
        {[](config& c) { c.max_response_fields = 0; }, "max_response_fields: must be 1 to 10000"},
        {[](config& c) { c.max_response_fields = 10'001; }, "max_response_fields: "},
        {[](config& c) { c.max_response_body = 0; }, "max_response_body: must be 1 to 1073741824"},
        {[](config& c) { c.max_response_body = 1024 * 1024 * 1024 + 1; }, "max_response_body: "},
        {[](config& c) { c.ordered_changes = false; }, ""},
        {[](config& c) { c.retry = retry_policy::none(); }, ""},
        {[](config& c) { c.retry.unsent_attempts = 0; }, "retry.unsent_attempts: must be 1 to 100"},
        {[](config& c) { c.retry.ambiguous_attempts = 101; }, "retry.ambiguous_attempts: must be 1 to 100"},
        {[](config& c) { c.retry.throttled_attempts = 0; }, "retry.throttled_attempts: must be 1 to 100"},
        {[](config& c) { c.retry.backoff_base = 0ms; }, "retry.backoff_base: "},
        {[](config& c) { c.retry.backoff_cap = 1ms; }, "retry.backoff_cap: "},
        {[](config& c) { c.retry.max_retry_after = -1ms; }, "retry.max_retry_after: "},
        {[](config& c) { c.retry.settle_delay = -1ms; }, "retry.settle_delay: "},
        {[](config& c) { c.retry.idempotent.insert(operation_kind::create_room); }, "retry.idempotent: "},
        {[](config& c) { c.retry.budget = 0; }, ""},
        {[](config& c) { c.max_requests_per_second = 0; }, ""},
        {[](config& c) { c.max_requests_per_second = 0.1; }, ""},
        {[](config& c) { c.max_requests_per_second = 1e6; }, ""},
        {[](config& c) { c.max_requests_per_second = 1e6 + 1; },
         "max_requests_per_second: must be 0 to 1000000"},
        {[](config& c) { c.max_requests_per_second = -0.1; }, "max_requests_per_second: "},
        {[](config& c) { c.max_requests_per_second = std::numeric_limits<double>::quiet_NaN(); },
         "max_requests_per_second: "},
        {[](config& c) { c.max_requests_per_second = std::numeric_limits<double>::infinity(); },
         "max_requests_per_second: "},
        {[](config& c) { c.credentials = credentials(); }, "api_key: must not be empty"},
        {[](config& c) { c.credentials = credentials(), c.credential_provider = silent_provider; }, ""},
        {[](config& c) { c.credential_provider = silent_provider; }, ""},
        {[](config& c) { c.credentials = credentials("key", ""), c.credential_provider = silent_provider; },
         "bearer_token: must not be empty"},
        {[](config& c) { c.credentials = credentials("", "token"), c.credential_provider = silent_provider; },
         "api_key: must not be empty"},
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        CAPTURE(i);
        INFO("expected: ", rows[i].expected);
        config c = plain();
        rows[i].change(c);
        const std::string fault = check(c);
        if (*rows[i].expected == '\0')
            CHECK(fault == "");
        else
            CHECK_MESSAGE(fault.find(rows[i].expected) == 0, fault);
    }
}

TEST_CASE("fault_51 line_ends_and_nul_in_credentials_are_refused")
{
    for (const char c : {'\r', '\n', '\0'}) {
        for (const std::size_t at : {0U, 2U, 4U}) {
            CAPTURE(int(c));
            CAPTURE(at);
            std::string secret = "abcd";
            secret.insert(at, 1, c);
            config key = plain();
            config token = plain();
            key.credentials = credentials(secret, "token");
            token.credentials = credentials("key", secret);

            CHECK(check(key).starts_with("api_key: must"));
            CHECK(check(token).starts_with("bearer_token: must"));
        }
    }
}

TEST_CASE("config_of_a_credential_provider_needs_no_static_credentials")
{
    const config with_provider{credential_provider(silent_provider)};
    CHECK(with_provider.credentials.empty());
    CHECK(check(with_provider) == "");

    CHECK(check(config(credential_provider())) == "api_key: must not be empty");
}

TEST_CASE("config_defaults_of_failures_and_load")
{
    const config c = plain();
    CHECK(c.ordered_changes);
    CHECK(c.max_requests_per_second == 0);
    CHECK_FALSE(static_cast<bool>(c.credential_provider));
}

TEST_CASE("call_options_retry_is_kept")
{
    CHECK_FALSE(call_options().retry().has_value());

    const call_options options = call_options().retry(retry_policy::none()).timeout(5ms);

    REQUIRE(options.retry().has_value());
    CHECK(options.retry()->ambiguous_attempts == 1);
    CHECK(options.timeout() == 5ms);
}

TEST_CASE("config_base_url_of_each_region")
{
    const struct
    {
        region r;
        const char* url;
    } rows[] = {
        {region::europe, "https://chatbackend.watchers.io"},
        {region::north_america, "https://chatbackend.us.watchers.io"},
        {region::south_america, "https://chatbackend.sa.watchers.io"},
        {region::asia, "https://chatbackend.hk.watchers.io"},
        {region::africa, "https://chatbackend.za.watchers.io"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.url);
        CHECK(base_url(row.r) == row.url);
        config c = plain();
        c.base_url = base_url(row.r);
        CHECK(check(c) == "");
    }
    CHECK(plain().base_url == "https://chatbackend.watchers.io");
}

TEST_CASE("config_from_environment")
{
    environment env;
    env.set("WATCHERS_API_KEY", "env-key").set("WATCHERS_BEARER_TOKEN", "env-token");

    const config by_default = config::from_environment();
    CHECK(by_default.credentials.api_key().reveal() == "env-key");
    CHECK(by_default.credentials.bearer_token().reveal() == "env-token");
    CHECK(by_default.base_url == "https://chatbackend.watchers.io");

    env.set("WATCHERS_BASE_URL", "https://example.com:8443");
    CHECK(config::from_environment().base_url == "https://example.com:8443");
}

TEST_CASE("config_from_environment_names_the_variable_at_fault")
{
    environment env;
    const auto read = [] { static_cast<void>(config::from_environment()); };
    CHECK(refusal(read) == "WATCHERS_API_KEY: the environment variable is not set");
    env.set("WATCHERS_API_KEY", "");
    CHECK(refusal(read) == "WATCHERS_API_KEY: the environment variable is empty");
    env.set("WATCHERS_API_KEY", "canary");
    CHECK(refusal(read) == "WATCHERS_BEARER_TOKEN: the environment variable is not set");
    CHECK(refusal([] { static_cast<void>(credentials::from_environment()); }) ==
          "WATCHERS_BEARER_TOKEN: the environment variable is not set");
    env.set("WATCHERS_BEARER_TOKEN", "").set("WATCHERS_BASE_URL", "");
    CHECK(refusal(read) == "WATCHERS_BEARER_TOKEN: the environment variable is empty");
    env.set("WATCHERS_BEARER_TOKEN", "canary");
    CHECK(refusal(read) == "WATCHERS_BASE_URL: the environment variable is empty");
}
