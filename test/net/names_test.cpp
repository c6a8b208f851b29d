// SPDX-License-Identifier: BSL-1.0

// Which names in a certificate stand for which host (RFC 9525): nothing of a request goes to a server whose
// certificate is for another. And names that take long to look up.

#include "net.hpp"

#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::options;
using sandbox::tls_version;

namespace {

// Look-ups of slow.test end when the test says so.
class gate
{
public:
    void close()
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
        lookups_ = 0;
    }
    void open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    // A look-up comes.
    void pass()
    {
        std::unique_lock lock(mutex_);
        ++lookups_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return open_; });
    }
    int lookups()
    {
        const std::lock_guard lock(mutex_);
        return lookups_;
    }
    // @returns whether one has come
    bool wait_for_lookup()
    {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return lookups_ > 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    int lookups_ = 0;
};

gate slow_lookups;
std::atomic<bool> localhost_is_elsewhere = false;

// Opens the gate at the end, or the client's thread would wait for ever.
class closed_gate
{
public:
    closed_gate() { slow_lookups.close(); }
    ~closed_gate() { slow_lookups.open(); }
    closed_gate(const closed_gate&) = delete;
    closed_gate& operator=(const closed_gate&) = delete;
};

} // namespace

// Names below .test (RFC 6761) are this machine's: the linker puts this in place of getaddrinfo (--wrap).
extern "C" int __real_getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**);
extern "C" int __wrap_getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                                  addrinfo** result)
{
    const std::string_view name = host == nullptr ? std::string_view() : host;
    if (name == "slow.test") slow_lookups.pass();
    if (name == "localhost" && localhost_is_elsewhere) host = "192.0.2.1"; // RFC 5737: nobody's
    if (name.ends_with(".test")) host = "127.0.0.1";
    return __real_getaddrinfo(host, service, hints, result);
}

namespace {

struct name_case
{
    const char* host;
    std::vector<std::string> names; // in the certificate, beside localhost, 127.0.0.1 and ::1
};

outcome ask(rig& r, const char* host)
{
    rooms::config c = config_for(r.server);
    c.base_url = "https://" + std::string(host) + ":" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), c);
    return r.call<create_room>();
}

options naming(const std::vector<std::string>& names, tls_version v)
{
    options o;
    o.max_tls(v);
    for (const std::string& n : names)
        o.alternative_name(n);
    return o;
}

} // namespace

TEST_CASE("certificate_whose_names_do_not_cover_the_host_is_refused_before_anything_is_sent")
{
    const name_case cases[] = {
        {"rooms.test", {}},
        {"rooms.test", {"DNS:other.test", "DNS:rooms.tes", "DNS:ooms.test", "DNS:rooms.test.example"}},
        {"rooms.test", {"DNS:www.rooms.test", "DNS:*.rooms.test"}}, // below it only
        {"rooms.test", {"DNS:*.test"}},                             // a whole top-level domain
        {"rooms.test", {"DNS:*"}},
        {"rooms.test", {"DNS:*.*"}},
        {"a.b.rooms.test", {"DNS:*.rooms.test"}}, // one label, not two
        {"a.b.rooms.test", {"DNS:*.*.rooms.test"}},
        {"a.b.rooms.test", {"DNS:a.*.rooms.test"}},    // not the leftmost label
        {"match.rooms.test", {"DNS:ma*.rooms.test"}},  // part of a label
        {"match.rooms.test", {"DNS:*tch.rooms.test"}}, //
        {"match.rooms.test", {"DNS:m*h.rooms.test"}},  //
        {"match.rooms.test", {"DNS:.rooms.test"}},     // a suffix
        {"rooms.test", {"IP:127.0.0.1"}},              // its address is no name
        {"127.0.0.2", {}},                             // another address
        {"127.0.0.2", {"DNS:127.0.0.2"}},              // an address that is given as a name
        {"127.0.0.2", {"DNS:*.0.0.2", "DNS:*"}},
    };
    for (const auto& c : cases) {
        for (const auto version : {tls_version::tls1_3, tls_version::tls1_2}) {
            CAPTURE(c.host);
            CAPTURE(c.names.empty() ? "" : c.names.front());
            CAPTURE(static_cast<int>(version));
            rig r(naming(c.names, version).address("0.0.0.0"));

            const outcome o = ask(r, c.host);

            CHECK(o.error == errc::tls_host_mismatch);
            CHECK(o.diagnostics.effect() == effect::none);
            CHECK(o.diagnostics.phase() == rooms::phase::handshake);
            CHECK(o.diagnostics.attempts() == 0);
            CHECK(r.server.wait([](const auto& s) { return s.connections_open == 0; }));
            CHECK(r.server.counters().connections_accepted == 1);
            CHECK(r.server.counters().bytes_received == 0);
        }
    }
}

TEST_CASE("certificate_whose_names_cover_the_host_is_believed")
{
    const name_case cases[] = {
        {"rooms.test", {"DNS:other.test", "DNS:rooms.test"}},
        {"ROOMS.test", {"DNS:rooms.TEST"}},
        {"match.rooms.test", {"DNS:*.rooms.test"}},
        {"127.0.0.2", {"IP:127.0.0.2"}},
    };
    for (const auto& c : cases) {
        CAPTURE(c.host);
        rig r(naming(c.names, tls_version::tls1_3).address("0.0.0.0"));
        CHECK(!ask(r, c.host).error);
    }
}

// Row 69: the look-up takes longer than the limit, and its result serves the call that comes next.
TEST_CASE("fault_69_late_result_of_a_look_up_serves_the_next_attempt")
{
    const closed_gate closed;
    rig r(options().alternative_name("DNS:slow.test"));
    r.server.put(sandbox::stored_room("r", "Room"));
    rooms::config c = config_for(r.server);
    c.base_url = "https://slow.test:" + std::to_string(r.server.port());
    c.resolve_timeout = 50ms;
    r.own_client.emplace(r.io.get_executor(), c);

    for (int i = 0; i < 2; ++i) { // the second joins the look-up that the first began
        const outcome o = r.call<get_room>();
        CHECK(o.error == errc::resolve_timeout);
        CHECK(o.diagnostics.effect() == effect::none);
    }
    slow_lookups.open();
    outcome o = r.call<get_room>();
    while (o.error == errc::resolve_timeout) // the result is on its way from the resolver's thread
        o = r.call<get_room>();

    CHECK(!o.error);
    CHECK(slow_lookups.lookups() == 1);
    CHECK(!r.call<get_room>().error);
    CHECK(slow_lookups.lookups() == 1);
}

TEST_CASE("fault_69_call_outlasts_a_slow_look_up")
{
    const closed_gate closed;
    rig r(options().alternative_name("DNS:slow.test"));
    r.server.put(sandbox::stored_room("r", "Room"));
    rooms::config c = config_for(r.server);
    c.base_url = "https://slow.test:" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), c);

    outcome o;
    get_room::start(r.client(), rooms::call_options(o.diagnostics), o.handler());
    r.io.poll();
    REQUIRE(slow_lookups.wait_for_lookup());
    r.io.poll();
    CHECK(!o.ended());
    slow_lookups.open();
    r.io.run();

    CHECK(!o.error);
    CHECK(o.diagnostics.attempts() == 1);
    CHECK(slow_lookups.lookups() == 1);
}

TEST_CASE("plain_http_goes_nowhere_else_if_localhost_leads_elsewhere")
{
    rig r(options().tls(false));
    rooms::config c = config_for(r.server);
    c.base_url = "http://localhost:" + std::to_string(r.server.port());
    c.connect_timeout = 500ms; // should it be tried
    r.own_client.emplace(r.io.get_executor(), c);

    localhost_is_elsewhere = true;
    const outcome elsewhere = r.call<create_room>();
    localhost_is_elsewhere = false;
    CHECK(elsewhere.error == errc::resolve_failed);
    CHECK(elsewhere.diagnostics.effect() == effect::none);
    CHECK(elsewhere.diagnostics.phase() == rooms::phase::resolve);
    CHECK(r.server.counters().connections_accepted == 0);

    CHECK(!r.call<create_room>().error);
}
