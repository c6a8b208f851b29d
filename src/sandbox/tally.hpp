// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/sandbox.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace watchers::rooms::sandbox::detail {

/// The counters as the serving threads keep them.
class tally
{
public:
    using number = std::atomic<std::uint64_t>;

    number connections_accepted{0};
    number connections_open{0};
    number handshakes_full{0};
    number handshakes_resumed{0};
    number handshakes_failed{0};
    number bytes_received{0};
    number bytes_sent{0};
    number bad_requests{0};
    number faults_fired{0};

    static void add(number& n, std::uint64_t by = 1) { n.fetch_add(by, std::memory_order_relaxed); }

    void add_request(operation op) { add(by_operation_[static_cast<std::size_t>(op)]); }

    void add_response(unsigned status)
    {
        if (status < by_status_.size()) add(by_status_[status]);
    }

    counter_values values() const
    {
        const auto get = [](const number& n) { return n.load(std::memory_order_relaxed); };
        counter_values v;
        v.connections_accepted = get(connections_accepted);
        v.connections_open = get(connections_open);
        v.handshakes_full = get(handshakes_full);
        v.handshakes_resumed = get(handshakes_resumed);
        v.handshakes_failed = get(handshakes_failed);
        v.bytes_received = get(bytes_received);
        v.bytes_sent = get(bytes_sent);
        v.bad_requests = get(bad_requests);
        v.faults_fired = get(faults_fired);
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < by_operation_.size(); ++i) {
            const auto op = static_cast<operation>(i);
            const std::uint64_t n = get(by_operation_[i]);
            if (n != 0) v.by_operation[op] = n;
            all += op == operation::admin ? 0 : n;
        }
        v.by_operation[operation::any] = all;
        for (std::size_t i = 0; i < by_status_.size(); ++i)
            if (const std::uint64_t n = get(by_status_[i])) v.by_status[static_cast<unsigned>(i)] = n;
        return v;
    }

    void reset()
    {
        for (number* const n :
             {&connections_accepted, &handshakes_full, &handshakes_resumed, &handshakes_failed,
              &bytes_received, &bytes_sent, &bad_requests, &faults_fired})
            n->store(0);
        for (number& n : by_operation_)
            n.store(0);
        for (number& n : by_status_)
            n.store(0);
    }

private:
    std::array<number, static_cast<std::size_t>(operation::admin) + 1> by_operation_{};
    std::array<number, 1000> by_status_{};
};

} // namespace watchers::rooms::sandbox::detail
