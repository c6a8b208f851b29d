// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/detail/config.hpp>
#include <watchers/rooms/diagnostics.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_md_ctx_st; // OpenSSL's

namespace watchers::rooms {

namespace detail {
class journal_state;
}

/// What makes a run of many operations resumable after a crash: a file that is only appended to. Before an
/// operation is sent, that it is begun is written there; after it has ended, its outcome. A run that opens
/// the file again learns which operations have ended, and which may have been under way.
///
/// **What survives.** What a commit() has reported as done outlives the process (also `kill -9`) and, as far
/// as the operating system and the disk keep what fdatasync() promises, a loss of power. What was recorded
/// but not committed may be there or not, never in part, and never in another order than it was recorded.
///
/// **Recovery.** Every group of records and the file's header carry a CRC-32C. What a crash has left of the
/// last group at the file's end is cut off when the file is opened. Damage anywhere else is an error that
/// tells its offset: nothing is skipped or guessed. Damage to the very last group is told from a crash only
/// if the journal was closed before, by close() or the destructor; damage that reaches the file's end, never
/// (see cut()).
///
/// **The file** is created with mode 0600, or given it when it is opened. It must be a regular file of the
/// process's effective user, neither a symbolic link nor with a second name (a hard link). It holds indices
/// and outcomes: no secrets, no room ids. An exclusive lock (flock) keeps every other journal off it, in this
/// process and in others, as long as this one is open; a child of fork() that lives on without exec() keeps
/// it, too. Use a local file system. A file system that cannot lock files is refused, since two runs could
/// use the journal at once. One that has no file modes or cannot sync a folder is accepted: see warnings().
///
/// **Memory**: half a byte for each operation up to the highest index, and what is not committed yet.
///
/// **One journal, one list of operations**: it knows each operation by its place in the list only. Compute
/// the digest from the operations, with their kinds, the service's URL, and the project (a fingerprint of the
/// API key, never the key itself). Otherwise a run that deletes rooms, or that works in another project, can
/// take the journal of a run that created them, and does nothing. Only one bulk run at a time may use a
/// journal. Open the journal anew after a run that reached the end of its source.
///
/// **Threads**: one thread at a time uses a journal; failure() may be called from any. Files are written by a
/// thread of the journal's own, on which all signals are blocked. It may be moved, not copied; one that was
/// moved from may only be destroyed or assigned to.
class journal
{
public:
    /// Of the manifest, the list of operations that the indices stand for; see @ref manifest_digest.
    using digest = std::array<unsigned char, 32>;

    /// What is known of an operation, by the last record of it.
    enum class state : unsigned char
    {
        fresh,     ///< nothing was recorded, or only that the run was stopped before it was sent
        in_flight, ///< begun, and no outcome: it may have been carried out
        done,      ///< it succeeded; or it failed, but its effect was applied
        failed,    ///< it was tried, failed and had no effect
        unknown,   ///< it failed, and its effect is unknown
    };

    /// What became of an operation.
    class outcome
    {
    public:
        /// @param error an errc as a number, zero if it succeeded.
        /// @param confirmed as diagnostics::confirmed().
        explicit outcome(int error, rooms::effect e, bool confirmed = false) noexcept
            : error_(error)
            , effect_(e)
            , confirmed_(confirmed)
        {}

        int error() const noexcept { return error_; }
        rooms::effect effect() const noexcept { return effect_; }
        bool confirmed() const noexcept { return confirmed_; }

    private:
        int error_;
        rooms::effect effect_;
        bool confirmed_;
    };

    /// Opens the file, or creates it, and reads what it holds; blocks meanwhile. An empty file, and what a
    /// crash has left of creating one, counts as new.
    /// @param manifest must be the one that the file was created with.
    /// @param operations how many the manifest has: a file that tells of more is refused, so that one that
    /// somebody has tampered with cannot have memory taken for them. At most 2^32.
    /// @throws error with errc::journal_failed if the file is in use by another journal, of another manifest
    /// or version, damaged, not a journal, not as it must be (see above), or refused by the operating system.
    /// The message of the diagnostics names the file, the rule that is broken, and, if there is one, the
    /// offset or the operating system's error, which diagnostics::cause() returns as well. A file that is
    /// refused is not changed; but a journal that is locked, and that other users could have locked, gets
    /// mode 0600.
    explicit journal(const std::string& path, const digest& manifest,
                     std::uint64_t operations = std::uint64_t(1) << 32);

    journal(journal&&) noexcept;

    /// Closes the one assigned to, as the destructor does.
    journal& operator=(journal&&) noexcept;

    /// As close(); a failure is lost.
    ~journal();

    /// Whether the file held records when it was opened.
    bool resumed() const noexcept;

    /// Whether the file was closed by who wrote it last, as it was when it was opened. Else that one was
    /// killed, say, and after a loss of power the last records may be lost.
    bool was_closed() const noexcept;

    /// How many bytes at the file's end were cut off when it was opened: what a crash has left of the last
    /// group, as a rule. But damage that reaches the end of the file cannot be told from that, and may have
    /// taken more groups with it: operations that were done are then carried out again, creates but for those
    /// whose room is found. Worth a warning if it is not zero.
    std::uint64_t cut() const noexcept;

    /// Protection that the file system refused when the journal was opened: mode 0600 (without it other users
    /// may be able to read or to change the file), or to sync the folder (without it a new journal may be
    /// missing after a loss of power). Each text names the file and the operating system's error. Usually
    /// empty. Print them if there are any.
    const std::vector<std::string>& warnings() const noexcept;

    /// As the last call or record says, be it committed or not.
    state state_of(std::uint64_t index) const noexcept;

    /// Whether the operation is done, and was confirmed (see diagnostics::confirmed()).
    bool confirmed(std::uint64_t index) const noexcept;

    /// Operations in a state. Of fresh ones, those below the highest index recorded: the journal does not
    /// know how many there are.
    std::uint64_t count(state) const noexcept;

    /// Records that an operation is about to be sent. It may be sent when a commit() called after this one
    /// reports success.
    /// @param index at most 2^32 - 1.
    /// @throws error with errc::journal_failed if the index is too great or the journal is closed.
    void begin(std::uint64_t index);

    /// Records what became of an operation. It need not have been begun.
    /// @param index at most 2^32 - 1.
    /// @throws as begin().
    void end(std::uint64_t index, const outcome&);

    /// Brings to the disk what was recorded up to now. Returns at once: the commits called for while one is
    /// under way are served together by the next one, with one fdatasync() per MiB.
    ///
    /// After a failure (a full disk, say) nobody knows what the disk holds: this commit and all later ones
    /// fail with the same cause. To go on, open the journal anew: what it can read is then written again.
    ///
    /// @param done called once, on the journal's thread, in the order of the calls, with the operating
    /// system's error or none; must not throw, and must not use the journal but for failure(). May be empty.
    /// @throws error with errc::journal_failed if the journal is closed.
    void commit(std::function<void(error_code)> done);

    /// Of a failed commit: the message that names the file and what was tried, and the cause.
    rooms::diagnostics failure() const;

    /// Commits what was recorded, lets all commits end (their functions are called before this returns),
    /// closes the file and releases the lock; blocks meanwhile. What is known of the operations remains. Not
    /// to be called from a commit's function. Does nothing the second time.
    /// @throws error with errc::journal_failed and the diagnostics of failure() if a commit has failed.
    void close();

    /// For the library: one bulk run at a time uses a journal, and none after one that came to its source's
    /// end.
    /// @returns what the run holds meanwhile, also one that is destroyed before it has completed; none if it
    /// may not use the journal.
    std::shared_ptr<const void> begin_run() const noexcept;
    void finish_run() noexcept;

    /// For the library's tests.
    explicit journal(std::unique_ptr<detail::journal_state>) noexcept;

private:
    std::unique_ptr<detail::journal_state> impl_;
};

/// Makes the digest of a manifest (SHA-256) from its bytes, given in pieces of any size.
class manifest_digest
{
public:
    /// @throws error with errc::journal_failed if OpenSSL offers no SHA-256.
    manifest_digest();

    /// @throws as the constructor.
    manifest_digest& update(std::string_view bytes);

    /// Of all bytes given; begins anew.
    /// @throws as the constructor.
    journal::digest finish();

private:
    class deleter
    {
    public:
        void operator()(evp_md_ctx_st*) const noexcept;
    };
    void restart();

    std::unique_ptr<evp_md_ctx_st, deleter> context_;
};

} // namespace watchers::rooms

#ifndef WATCHERS_ROOMS_SEPARATE_COMPILATION
#include <watchers/rooms/impl/journal.ipp>
#endif
