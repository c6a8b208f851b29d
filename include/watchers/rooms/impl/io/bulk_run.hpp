// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/detail/bulk_initiate.hpp>
#include <watchers/rooms/impl/io/bulk_commit.hpp>
#include <watchers/rooms/impl/io/bulk_item.hpp>
#include <watchers/rooms/impl/io/bulk_tally.hpp>
#include <watchers/rooms/impl/io/bulk_watch.hpp>
#include <watchers/rooms/impl/io/completion.hpp>
#include <watchers/rooms/impl/io/engine.hpp>
#include <watchers/rooms/impl/io/random_key.hpp>
#include <watchers/rooms/impl/sansio/bulk_limit.hpp>
#include <watchers/rooms/impl/sansio/hash_marks.hpp>
#include <watchers/rooms/impl/sansio/room_order.hpp>
#include <watchers/rooms/impl/sansio/stop_rules.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchers::rooms::detail {

// What is to be told with an error, as far as there is memory for it.
inline rooms::diagnostics told(std::string_view text) noexcept
{
    rooms::diagnostics d;
    try {
        d.set_message(std::string(text));
    } catch (const std::bad_alloc&) {
        // The code has to do.
    }
    return d;
}

// One bulk run:
//
//   source -> turn in its room -> intent in the journal -> place among those under way -> call -> sink
//
// pump() moves everything on that can move, in a loop, so that nothing nests however many end at once. Lives
// as long as somebody is to come back to it: the calls under way, source, sink, journal. Used on one
// executor.
class bulk_run final : public std::enable_shared_from_this<bulk_run>,
                       private bulk_feed,
                       private bulk_commit::listener,
                       private bulk_watch::listener
{
public:
    bulk_run(std::shared_ptr<engine>, boost::asio::any_io_executor, std::unique_ptr<bulk_source>,
             std::unique_ptr<bulk_sink>, bulk_options, bulk_handler);
    ~bulk_run();

    void listen_for_cancellation();
    void start();
    void post_cancellation(boost::asio::cancellation_type);

private:
    class call_handler;

    // So many moves at most before others have their turn on the executor.
    static constexpr std::size_t most_moves = 4096;
    static constexpr std::chrono::milliseconds most_time{5}; // with a slow source

    enum class phase : unsigned char
    {
        running,
        stopping, // pulls no more
        flushing, // the journal's last commit
        over,
    };

    // A result after which perhaps no operation can succeed.
    struct suspicion
    {
        error_code error;
        rooms::diagnostics details;
    };

    boost::asio::any_io_executor callback_executor() const override { return executor_; }
    boost::asio::cancellation_slot source_slot() override { return source_cancel_.slot(); }
    boost::asio::cancellation_slot sink_slot() override { return sink_cancel_.slot(); }
    void on_pulled(std::optional<operation>) override;
    void on_delivered() override;
    void on_pull_failed(std::exception_ptr) override;
    void on_delivery_failed(std::exception_ptr) override;

    void on_tick() override;
    void on_client_stopped() override;

    void pump();
    bool move_on();

    // Source
    bool may_pull() const noexcept;
    bool pull();
    void prepare();
    void accept(operation) noexcept;

    // Operations
    void set_out(bulk_item&);
    void launch(bulk_item&);
    void send(bulk_item&, bulk_item::stage);
    void on_call_ended(bulk_item&, error_code, room);
    void on_call_lost(bulk_item&) noexcept;
    void end_lost();
    bool is_to_look_back(const bulk_item&) const noexcept;
    bool look_decides(bulk_item&, const room&);
    void end(bulk_item&, error_code);
    void remember_failure(const bulk_result&);
    void count(const bulk_result&);
    void tell_progress();

    // Journal
    void write_intent(bulk_item&);
    bool commit_is_due() const noexcept;
    void commit();
    void on_committed(error_code) override;
    void on_journal_failed() noexcept;
    void record(const bulk_item&);

    // Sink
    bool deliver();
    void release(bulk_item&);

    // The end
    void stop(error_code why);
    void stop(error_code why, const rooms::diagnostics&) noexcept;
    void stop(std::exception_ptr thrown);
    void stop_if_hopeless(const bulk_result&);
    void hold(const bulk_result&);
    void stop_unreachable(const bulk_result&);
    void cancel(boost::asio::cancellation_type);
    void cancel_source() noexcept;
    void cancel_sink() noexcept;
    void watch_client();
    void leave_client() noexcept;
    void finish_if_done();
    void complete();

    std::shared_ptr<engine> engine_;
    boost::asio::any_io_executor executor_;
    std::optional<boost::asio::any_io_executor> work_; // also while only the journal or a callback is at work
    std::unique_ptr<bulk_source> source_;
    std::unique_ptr<bulk_sink> sink_;
    bulk_options options_;
    std::optional<completion<bulk_summary>> completion_;
    bulk_tally tally_;
    stop_rules stop_rules_;
    std::optional<suspicion> suspicion_;  // while set, no operation is begun
    std::shared_ptr<bulk_commit> commit_; // if there is a journal
    std::shared_ptr<bulk_watch> watch_;
    boost::asio::cancellation_signal source_cancel_;
    boost::asio::cancellation_signal sink_cancel_;
    bulk_limit limit_;
    std::string fault_; // of the options
    std::size_t window_;

    room_order order_{random_key()};
    hash_marks failed_rooms_{random_key()};
    std::vector<std::unique_ptr<bulk_item>> items_;
    bulk_line spare_;
    bulk_line heirs_;      // it is their turn in their room
    bulk_line intents_;    // to be in the journal before they may begin
    bulk_line committing_; // on their way there
    bulk_line ready_;
    bulk_line under_way_;
    bulk_line ended_;                  // unless results are in order
    std::vector<bulk_item*> in_order_; // by index, modulo its size

    std::uint64_t pulled_ = 0;
    std::uint64_t delivered_ = 0;
    std::size_t held_ = 0;              // pulled, and not yet with the sink
    std::atomic<std::size_t> lost_ = 0; // under way, but their calls are gone
    error_code why_;
    phase phase_ = phase::running;
    bool source_ended_ = false;
    bool pulling_ = false;
    bulk_item* delivering_ = nullptr;
    bool commit_running_ = false;
    std::shared_ptr<const void> has_journal_; // to itself
    bool hurried_ = false;                    // the sink is not waited for any more
    bool pumping_ = false;
    bool pump_again_ = false;
};

} // namespace watchers::rooms::detail
