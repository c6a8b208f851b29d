// SPDX-License-Identifier: BSL-1.0

// Mixed operations on many rooms, many at a time, over real TLS, while the server misbehaves in every way it
// knows. At the end it holds what the callers were told, and nothing is left over.
//
//   rooms_soak [--seconds N] [--concurrency N] [--seed S] [--errors]

#include "soak/script.hpp"
#include "soak/worker.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using namespace soak;
using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

struct settings
{
    std::uint64_t seconds = 60;
    std::uint64_t concurrency = 64;
    std::uint64_t seed = 20240614;
    bool errors = false; // list them
};

// The one that lists them is not counted.
std::size_t open_descriptors()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all))) - 1;
}

// The server closes a connection just after it has stopped counting it.
bool descriptors_return_to(std::size_t before)
{
    const auto limit = steady::now() + 10s;
    while (open_descriptors() != before) {
        if (steady::now() > limit) return false;
        std::this_thread::yield();
    }
    return true;
}

std::size_t resident_bytes()
{
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

rooms::config config_for(const sandbox::server& s)
{
    rooms::config c(rooms::credentials("sandbox", "sandbox"));
    c.base_url = s.base_url();
    c.trust = rooms::trust::ca_pem(s.ca_pem());
    c.credential_provider = [](const rooms::credential_reply& reply) {
        reply(rooms::credentials("sandbox", "sandbox"));
    };
    c.retry.backoff_base = 1ms;
    c.retry.backoff_cap = 20ms;
    c.retry.settle_delay = 5ms;
    c.max_connections = 32; // fewer than callers: some wait
    c.attempt_timeout = sanitized ? 3s : 1s;
    c.tls_timeout = c.attempt_timeout;
    return c;
}

// Ends connections, idle or not, every other second.
class breaker
{
public:
    breaker(asio::io_context& io, sandbox::server& s, const ledger& l) : server_(s), ledger_(l), timer_(io)
    {
        again();
    }

    void stop() { timer_.cancel(); }

private:
    void again()
    {
        timer_.expires_after(2s);
        timer_.async_wait([this](const rooms::error_code& ec) {
            if (ec || ledger_.stopping) return;
            server_.drop_connections(by_reset_ = !by_reset_);
            again();
        });
    }

    sandbox::server& server_;
    const ledger& ledger_;
    asio::steady_timer timer_;
    bool by_reset_ = false;
};

// One client and its callers, from its making to its end.
rooms::stats run(asio::io_context& io, sandbox::server& server, ledger& book, const settings& s,
                 steady::duration length, const std::string& name)
{
    const rooms::config c = config_for(server);
    std::optional<rooms::client> client(std::in_place, io.get_executor(), c);
    std::vector<std::unique_ptr<worker>> workers;
    for (std::uint64_t i = 0; i < s.concurrency; ++i)
        workers.push_back(std::make_unique<worker>(io, *client, book, name + std::to_string(i), s.seed + i));
    book.stopping = false;
    book.timeout = std::max<milliseconds>(10s, c.attempt_timeout * 6);
    book.tolerance = sanitized ? 5s : 1s;
    for (const auto& w : workers)
        asio::post(io, [&w] { w->step(); });

    breaker breaks(io, server, book);
    asio::steady_timer bell(io, length);
    bell.async_wait([&](const rooms::error_code&) {
        book.stopping = true;
        breaks.stop();
    });
    io.restart();
    io.run(); // returns when no call is under way

    for (const auto& w : workers)
        if (!w->done()) book.violation(name, "a call has not ended");
    bool drained = false;
    client->async_drain([&](const rooms::error_code& ec) { drained = !ec; });
    io.restart();
    io.run();
    const rooms::stats totals = client->stats();
    if (!drained || totals.calls != 0 || totals.open_connections != 0 || totals.opening_connections != 0 ||
        totals.waiting_calls != 0 || totals.throttled_calls != 0)
        book.violation(name, "the client is not drained");
    client.reset();
    io.restart();
    io.run();
    if (!server.wait([](const auto& seen) { return seen.connections_open == 0; }))
        book.violation(name, "connections are left open");
    return totals;
}

void compare(const sandbox::server& server, ledger& book)
{
    std::size_t expected = 0;
    for (const room_record& r : book.records) {
        if (server.find(r.id())) ++expected;
        if (const char* wrong = r.compare(server)) book.violation(r.id(), wrong);
    }
    if (server.room_count() != expected) book.violation("server", "rooms that nobody asked for");
}

int soak_through(const settings& s)
{
    sandbox::server server;
    script(server, s.seed).inject();
    asio::io_context io;
    ledger book;

    const auto length = std::chrono::seconds(s.seconds);
    const asio::steady_timer first_user(io); // makes the io_context open its own
    const std::size_t descriptors = open_descriptors();
    run(io, server, book, s, std::clamp<steady::duration>(length / 6, 500ms, 5s), "warm ");
    if (!descriptors_return_to(descriptors)) book.violation("warm", "descriptors are left open");
    const std::size_t memory = resident_bytes();
    const std::uint64_t rooms_before = book.rooms;
    const std::uint64_t operations_before = book.operations;

    const auto began = steady::now();
    const rooms::stats totals = run(io, server, book, s, length, "room ");
    const std::chrono::duration<double> took = steady::now() - began;

    if (!descriptors_return_to(descriptors))
        book.violation("descriptors",
                       std::to_string(descriptors) + " became " + std::to_string(open_descriptors()));
    // The server keeps the rooms, and this program a record of each.
    constexpr std::size_t slack = 16 * 1024 * 1024;
    const std::size_t kept = (book.rooms - rooms_before) * 1024;
    const std::size_t memory_after = resident_bytes();
    if (!sanitized && memory_after > memory + slack + kept)
        book.violation("memory", std::to_string(memory) + " became " + std::to_string(memory_after));
    compare(server, book);
    constexpr std::uint64_t enough = 10'000;
    if (totals.requests > enough &&
        (totals.retries == 0 || totals.confirmations == 0 || totals.throttled == 0))
        book.violation("script", "nothing went wrong");

    const auto n = [](auto v) { return static_cast<std::uint64_t>(v); };
    if (s.errors)
        for (const auto& [what, count] : book.errors)
            std::printf("%8" PRIu64 "  %s\n", count, what.c_str());
    std::printf("%" PRIu64 " s, seed %" PRIu64 ": %" PRIu64 " operations (%.0f/s) on %" PRIu64
                " rooms, %" PRIu64 " requests, %" PRIu64 " retries, %" PRIu64 " replays, %" PRIu64
                " confirmations, %" PRIu64 " throttled, %" PRIu64 " connections, %" PRIu64
                " faults fired, %" PRIu64 " effects unknown, %+.1f MiB, %" PRIu64 " violations\n",
                s.seconds, s.seed, n(book.operations - operations_before),
                static_cast<double>(book.operations - operations_before) / took.count(),
                n(book.rooms - rooms_before), n(totals.requests), n(totals.retries), n(totals.replays),
                n(totals.confirmations), n(totals.throttled), n(totals.connections_opened),
                n(server.counters().faults_fired), n(book.unknown),
                (static_cast<double>(memory_after) - static_cast<double>(memory)) / (1024 * 1024),
                n(book.violations));
    return book.violations == 0 ? 0 : 1;
}

std::uint64_t* number_for(settings& s, std::string_view option)
{
    if (option == "--seconds") return &s.seconds;
    if (option == "--concurrency") return &s.concurrency;
    if (option == "--seed") return &s.seed;
    return nullptr;
}

bool read(settings& s, int argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--errors") == 0) {
            s.errors = true;
            continue;
        }
        std::uint64_t* const number = number_for(s, argv[i]);
        if (number == nullptr || ++i == argc) return false;
        const std::string_view text = argv[i];
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), *number);
        if (ec != std::errc() || end != text.data() + text.size()) return false;
    }
    return s.seconds > 0 && s.concurrency > 0;
}

} // namespace

int main(int argc, char** argv)
{
    settings s;
    if (!read(s, argc, argv)) {
        std::fputs("usage: rooms_soak [--seconds N] [--concurrency N] [--seed S] [--errors]\n", stderr);
        return 2;
    }
    try {
        return soak_through(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "rooms_soak: %s\n", e.what());
        return 2;
    }
}
