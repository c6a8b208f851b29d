// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/error.hpp>
#include <watchers/rooms/impl/journal_file.hpp>
#include <watchers/rooms/impl/journal_file.ipp>
#include <watchers/rooms/impl/sansio/nibbles.hpp>
#include <watchers/rooms/journal.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// What is known of the operations, and the file that it comes from and goes to.
class journal_state
{
public:
    using state = journal::state;

    journal_state(const std::string& path, const journal::digest& manifest, std::uint64_t operations,
                  std::unique_ptr<journal_disk> disk)
        : operations_(std::min(operations, journal_max_operations))
        , file_(
              path, manifest,
              [this, &path](const journal_record& r) {
                  if (r.index >= operations_)
                      refuse(path, "tells of", r.index); // before memory is taken for it
                  take(r);
              },
              std::move(disk))
    {}

    void record(const journal_record& r)
    {
        if (r.index >= operations_) refuse(file_.path(), "cannot hold", r.index);
        file_.append(r);
        take(r);
    }

    // Whether no other bulk run has it. To be called by one before it uses it.
    std::shared_ptr<const void> begin_run() const noexcept
    {
        if (finished_ || run_.use_count() > 1) return nullptr;
        return run_;
    }
    void finish_run() noexcept { finished_ = true; }

    state state_of(std::uint64_t index) const noexcept
    {
        return static_cast<state>(states_.get(index) & state_bits);
    }
    bool confirmed(std::uint64_t index) const noexcept { return (states_.get(index) & confirmed_bit) != 0; }
    std::uint64_t count(state s) const noexcept
    {
        if (s != state::fresh) return counts_[static_cast<std::size_t>(s)];
        std::uint64_t others = 0;
        for (const std::uint64_t n : counts_)
            others += n;
        return states_.size() - others;
    }
    journal_file& file() noexcept { return file_; }

private:
    static constexpr unsigned state_bits = 7;
    static constexpr unsigned confirmed_bit = 8;

    static state after(const journal_record& r) noexcept
    {
        if (!r.is_end) return state::in_flight;
        if (r.effect == rooms::effect::none && never_sent(r.error)) return state::fresh;
        if (r.error == 0 || r.effect == rooms::effect::applied) return state::done;
        return r.effect == rooms::effect::none ? state::failed : state::unknown;
    }

    // The run was stopped after the intent was recorded: the operation has not failed.
    static bool never_sent(std::uint32_t error) noexcept
    {
        return error == static_cast<std::uint32_t>(errc::stopped) ||
               error == static_cast<std::uint32_t>(errc::skipped_after_failure);
    }

    [[noreturn]] void refuse(const std::string& path, const char* what, std::uint64_t index) const
    {
        throw error(errc::journal_failed,
                    diagnostics().set_message("journal " + printable(path) + ' ' + what + " operation " +
                                              std::to_string(index) + ", counted from 0, of " +
                                              std::to_string(operations_)));
    }

    void take(const journal_record& r)
    {
        const state now = after(r);
        const state before = state_of(r.index);
        states_.set(r.index,
                    static_cast<unsigned>(now) | (now == state::done && r.confirmed ? confirmed_bit : 0U));
        if (before != state::fresh) --counts_[static_cast<std::size_t>(before)];
        if (now != state::fresh) ++counts_[static_cast<std::size_t>(now)];
    }

    std::uint64_t operations_;
    std::shared_ptr<const void> run_ = std::make_shared<char>();
    bool finished_ = false;
    nibbles states_;
    std::array<std::uint64_t, 5> counts_{}; // by state; of fresh ones always zero
    journal_file file_;                     // the last, for it fills the others
};

} // namespace watchers::rooms::detail

namespace watchers::rooms {

WATCHERS_ROOMS_DECL journal::journal(const std::string& path, const digest& manifest,
                                     std::uint64_t operations)
    : impl_(std::make_unique<detail::journal_state>(path, manifest, operations,
                                                    std::make_unique<detail::journal_disk>()))
{}

WATCHERS_ROOMS_DECL journal::journal(std::unique_ptr<detail::journal_state> s) noexcept : impl_(std::move(s))
{}

WATCHERS_ROOMS_DECL journal::journal(journal&&) noexcept = default;
WATCHERS_ROOMS_DECL journal& journal::operator=(journal&&) noexcept = default;
WATCHERS_ROOMS_DECL journal::~journal() = default;

WATCHERS_ROOMS_DECL bool journal::resumed() const noexcept { return impl_->file().resumed(); }

WATCHERS_ROOMS_DECL bool journal::was_closed() const noexcept { return impl_->file().was_closed(); }

WATCHERS_ROOMS_DECL std::uint64_t journal::cut() const noexcept { return impl_->file().cut(); }

WATCHERS_ROOMS_DECL const std::vector<std::string>& journal::warnings() const noexcept
{
    return impl_->file().warnings();
}

WATCHERS_ROOMS_DECL journal::state journal::state_of(std::uint64_t index) const noexcept
{
    return impl_->state_of(index);
}

WATCHERS_ROOMS_DECL bool journal::confirmed(std::uint64_t index) const noexcept
{
    return impl_->confirmed(index);
}

WATCHERS_ROOMS_DECL std::uint64_t journal::count(state s) const noexcept { return impl_->count(s); }

WATCHERS_ROOMS_DECL void journal::begin(std::uint64_t index)
{
    impl_->record(detail::journal_record::begun(index));
}

WATCHERS_ROOMS_DECL void journal::end(std::uint64_t index, const outcome& o)
{
    impl_->record(detail::journal_record::ended(index, static_cast<std::uint32_t>(o.error()), o.effect(),
                                                o.confirmed()));
}

WATCHERS_ROOMS_DECL void journal::commit(std::function<void(error_code)> done)
{
    impl_->file().commit(std::move(done));
}

WATCHERS_ROOMS_DECL rooms::diagnostics journal::failure() const { return impl_->file().failure(); }

WATCHERS_ROOMS_DECL void journal::close() { impl_->file().close(); }

WATCHERS_ROOMS_DECL void journal::finish_run() noexcept { impl_->finish_run(); }

WATCHERS_ROOMS_DECL std::shared_ptr<const void> journal::begin_run() const noexcept
{
    return impl_->begin_run();
}

namespace detail {

WATCHERS_ROOMS_DECL void require_sha256(bool ok)
{
    if (ok) return;
    ::ERR_clear_error();
    throw error(errc::journal_failed, diagnostics().set_message("OpenSSL cannot compute SHA-256"));
}

} // namespace detail

WATCHERS_ROOMS_DECL void manifest_digest::deleter::operator()(evp_md_ctx_st* c) const noexcept
{
    ::EVP_MD_CTX_free(c);
}

WATCHERS_ROOMS_DECL manifest_digest::manifest_digest() : context_(::EVP_MD_CTX_new()) { restart(); }

WATCHERS_ROOMS_DECL void manifest_digest::restart()
{
    detail::require_sha256(context_ && ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) == 1);
}

WATCHERS_ROOMS_DECL manifest_digest& manifest_digest::update(std::string_view bytes)
{
    detail::require_sha256(::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    return *this;
}

WATCHERS_ROOMS_DECL journal::digest manifest_digest::finish()
{
    journal::digest d{};
    detail::require_sha256(::EVP_DigestFinal_ex(context_.get(), d.data(), nullptr) == 1);
    restart();
    return d;
}

} // namespace watchers::rooms
