// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/error.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace watchers::rooms {

/// Text that must not be seen: it has no stream output and no comparison, and its memory is wiped when it
/// dies or is assigned to.
class secret
{
public:
    secret() = default;
    explicit secret(std::string_view text) : text_(text) {}
    secret(const secret&) = default;
    secret(secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    secret& operator=(secret other) noexcept { return text_.swap(other.text_), *this; }
    ~secret() { wipe(); }

    /// The text itself; the name is meant to stand out in a review. Valid until the secret is changed or
    /// destroyed.
    std::string_view reveal() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }

private:
    void wipe() noexcept;

    std::string text_;
};

/// What the service asks of every request: the project's API key (`x-api-key`) and the bearer token
/// (`Authorization: Bearer ...`), both from the vendor's admin panel.
class credentials
{
public:
    /// None: for config::credentials where a @ref credential_provider gives them.
    credentials() = default;

    /// Each must be 1 to 8,192 printable ASCII characters without a space at either end: the client's
    /// constructor and client::set_credentials check it (errc::invalid_argument).
    credentials(std::string_view api_key, std::string_view bearer_token)
        : api_key_(api_key)
        , bearer_token_(bearer_token)
    {}

    /// Reads `WATCHERS_API_KEY` and `WATCHERS_BEARER_TOKEN`.
    /// @throws error with errc::invalid_argument that names the variable that is unset or empty.
    static credentials from_environment();

    const secret& api_key() const noexcept { return api_key_; }
    const secret& bearer_token() const noexcept { return bearer_token_; }
    bool empty() const noexcept { return api_key_.empty() && bearer_token_.empty(); }

private:
    secret api_key_;
    secret bearer_token_;
};

namespace detail {
class credential_answer;
}

/// What a @ref credential_provider answers with. Copies stand for the same question: the first answer counts,
/// and if the last copy dies without one, the question has failed. May be called from any thread, also
/// before the provider has returned, and also when the client is gone.
class credential_reply
{
public:
    explicit credential_reply(std::shared_ptr<detail::credential_answer> a) noexcept : answer_(std::move(a))
    {}

    /// The credentials to use from now on.
    void operator()(credentials) const;

    /// There are none: calls that wait for them end with errc::credentials_failed, and this is the cause.
    void operator()(error_code why) const;

private:
    std::shared_ptr<detail::credential_answer> answer_;
};

/// Asynchronously gives credentials: called on the client's executor when they are needed, must not block,
/// and must not throw. For one that is written as a coroutine see @ref awaitable_credentials.
using credential_provider = std::function<void(credential_reply)>;

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/credentials.ipp>
#endif
