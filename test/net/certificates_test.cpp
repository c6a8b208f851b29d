// SPDX-License-Identifier: BSL-1.0

// Whom the client believes: nothing of a request goes to a server that did not prove itself.

#include "net.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>

using namespace net;
using rooms::effect;
using rooms::errc;
using sandbox::certificate_kind;
using sandbox::fault;
using sandbox::options;
using sandbox::tls_version;
namespace ssl = boost::asio::ssl;

namespace {

// A create, which is refused before anything is sent.
void check_refused(rig& r, errc expected)
{
    const outcome o = r.call<create_room>();

    CHECK(o.error == expected);
    CHECK(o.error == rooms::condition::tls);
    CHECK(o.error == rooms::condition::not_reached);
    CHECK(o.diagnostics.effect() == effect::none);
    CHECK(o.diagnostics.phase() == rooms::phase::handshake);
    CHECK(o.diagnostics.attempts() == 0);
    CHECK(r.client().stats().open_connections == 0);
    CHECK(r.client().stats().connections_failed == 1);

    CHECK(r.server.wait([](const auto& c) { return c.handshakes_failed == 1 || c.connections_open == 0; }));
    const auto seen = r.server.counters();
    CHECK(seen.connections_accepted == 1);
    CHECK(seen.bytes_received == 0);
    CHECK(seen.requests(sandbox::operation::any) == 0);
}

std::shared_ptr<ssl::context> careless_context()
{
    auto c = std::make_shared<ssl::context>(ssl::context::tls_client);
    c->set_verify_mode(ssl::verify_none);
    return c;
}

void use_context(rig& r, const std::shared_ptr<ssl::context>& context)
{
    rooms::config c = config_for(r.server);
    c.trust = rooms::trust::context(context);
    r.own_client.emplace(r.io.get_executor(), c);
}

errc refusal_of(const rooms::config& c)
{
    asio::io_context io;
    try {
        const rooms::client client(io.get_executor(), c);
    } catch (const rooms::error& e) {
        CHECK(e.diagnostics().message().starts_with("trust: "));
        return static_cast<errc>(e.code().value());
    }
    return errc{};
}

// Two requests on two connections.
void call_twice(rig& r)
{
    r.server.put(sandbox::stored_room("r"));
    r.server.inject(fault::close_after());
    REQUIRE(!r.call<get_room>().error);
    REQUIRE(!r.call<get_room>().error);
    REQUIRE(r.server.counters().connections_accepted == 2);
    REQUIRE(r.client().stats().connections_opened == 2);
}

} // namespace

TEST_CASE("certificate_that_does_not_hold_is_refused_before_anything_is_sent")
{
    const struct
    {
        const char* name;
        certificate_kind kind;
        errc expected;
    } cases[] = {
        {"expired", certificate_kind::expired, errc::tls_expired},
        {"not yet valid", certificate_kind::not_yet_valid, errc::tls_not_yet_valid},
        {"wrong host", certificate_kind::wrong_host, errc::tls_host_mismatch},
        {"self-signed", certificate_kind::self_signed, errc::tls_untrusted},
        {"incomplete chain", certificate_kind::incomplete_chain, errc::tls_untrusted},
        {"unknown CA", certificate_kind::unknown_ca, errc::tls_untrusted},
        {"weak key", certificate_kind::weak_key, errc::tls_weak_key},
    };
    for (const auto& c : cases) {
        for (const auto version : {tls_version::tls1_3, tls_version::tls1_2}) {
            CAPTURE(c.name);
            CAPTURE(static_cast<int>(version));
            rig r(options().certificate(c.kind).max_tls(version));
            check_refused(r, c.expected);
        }
    }
}

TEST_CASE("certificate_of_the_host_that_was_asked_for_is_believed")
{
    rig r;
    CHECK(!r.call<create_room>().error);
    CHECK(r.server.counters().handshakes_full == 1);

    rooms::config by_name = config_for(r.server);
    by_name.base_url = "https://localhost:" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), by_name);
    CHECK(!r.call<get_room>().error);
}

// The certificate is for wrong.example, and signed by the CA that is trusted: only the name is wrong.
TEST_CASE("certificate_for_another_name_is_refused_where_the_host_is_a_name")
{
    rig r(options().certificate(certificate_kind::wrong_host));
    rooms::config c = config_for(r.server);
    c.base_url = "https://localhost:" + std::to_string(r.server.port());
    r.own_client.emplace(r.io.get_executor(), c);
    check_refused(r, errc::tls_host_mismatch);
}

TEST_CASE("protocol_before_tls_1_2_is_refused")
{
    for (const auto version : {tls_version::tls1_1, tls_version::tls1_0}) {
        rig r(options().max_tls(version));
        check_refused(r, errc::tls_protocol);
    }
}

TEST_CASE("protocol_before_tls_1_2_is_refused_whatever_the_callers_context_allows")
{
    rig r(options().max_tls(tls_version::tls1_1));
    const auto context = careless_context();
    context->add_certificate_authority(asio::buffer(r.server.ca_pem()));
    SSL_CTX_set_security_level(context->native_handle(), 0);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_VERSION);
    use_context(r, context);
    check_refused(r, errc::tls_protocol);
}

TEST_CASE("trust_in_a_context_that_verifies_nothing_verifies_all_the_same")
{
    SUBCASE("no CA")
    {
        rig r;
        use_context(r, careless_context());
        check_refused(r, errc::tls_untrusted);
    }
    SUBCASE("expired")
    {
        rig r(options().certificate(certificate_kind::expired));
        const auto context = careless_context();
        context->add_certificate_authority(asio::buffer(r.server.ca_pem()));
        use_context(r, context);
        check_refused(r, errc::tls_expired);
    }
    SUBCASE("wrong host")
    {
        rig r(options().certificate(certificate_kind::wrong_host));
        const auto context = careless_context();
        context->add_certificate_authority(asio::buffer(r.server.ca_pem()));
        use_context(r, context);
        check_refused(r, errc::tls_host_mismatch);
    }
    SUBCASE("a callback that says yes to everything")
    {
        rig r(options().certificate(certificate_kind::self_signed));
        const auto context = careless_context();
        context->set_verify_callback([](bool, ssl::verify_context&) { return true; });
        use_context(r, context);
        check_refused(r, errc::tls_untrusted);
    }
    SUBCASE("right CA")
    {
        rig r;
        const auto context = careless_context();
        context->add_certificate_authority(asio::buffer(r.server.ca_pem()));
        use_context(r, context);
        CHECK(!r.call<create_room>().error);
    }
}

TEST_CASE("trust_that_cannot_be_read_is_refused_at_construction")
{
    rooms::config c(rooms::credentials("a", "b"));
    c.trust = rooms::trust::ca_pem("");
    CHECK(refusal_of(c) == errc::invalid_argument);
    c.trust = rooms::trust::ca_pem("no certificate");
    CHECK(refusal_of(c) == errc::invalid_argument);
    c.trust = rooms::trust::ca_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    CHECK(refusal_of(c) == errc::invalid_argument);
    c.trust = rooms::trust::ca_file("/nonexistent/ca.pem");
    CHECK(refusal_of(c) == errc::invalid_argument);
    c.trust = rooms::trust::ca_file("");
    CHECK(refusal_of(c) == errc::invalid_argument);
    c.trust = rooms::trust::context(nullptr);
    CHECK(refusal_of(c) == errc::invalid_argument);
}

TEST_CASE("trust_in_the_systems_store_does_not_extend_to_the_sandbox")
{
    rig r;
    rooms::config c = config_for(r.server);
    c.trust = rooms::trust::system();
    r.own_client.emplace(r.io.get_executor(), c);
    check_refused(r, errc::tls_untrusted);
}

TEST_CASE("session_is_resumed_on_the_next_connection")
{
    for (const auto version : {tls_version::tls1_3, tls_version::tls1_2}) {
        CAPTURE(static_cast<int>(version));
        rig r(options().max_tls(version));
        call_twice(r);
        CHECK(r.client().stats().handshakes_resumed == 1);
        CHECK(r.server.counters().handshakes_resumed == 1);
        CHECK(r.server.counters().handshakes_full == 1);
    }
}

TEST_CASE("session_survives_a_connection_that_ended_badly")
{
    for (const auto version : {tls_version::tls1_3, tls_version::tls1_2}) {
        CAPTURE(static_cast<int>(version));
        rig r(options().max_tls(version));
        r.server.put(sandbox::stored_room("r"));
        REQUIRE(!r.call<get_room>().error);
        r.server.inject(fault::reset_before()); // replayed on a second connection
        REQUIRE(!r.call<get_room>().error);
        r.server.inject(fault::truncate()); // and that one is cut, too
        REQUIRE(r.call<get_room>().error == errc::truncated_response);
        REQUIRE(!r.call<get_room>().error);
        CHECK(r.server.counters().handshakes_resumed == 2);
        CHECK(r.client().stats().handshakes_resumed == 2);
    }
}

TEST_CASE("session_is_not_resumed_where_the_server_gives_none")
{
    rig r(options().session_tickets(false));
    call_twice(r);
    CHECK(r.client().stats().handshakes_resumed == 0);
    CHECK(r.server.counters().handshakes_full == 2);
}

// A resumed handshake does not look at the certificate again: sessions must not outlive the trust they were
// made under.
TEST_CASE("session_of_one_client_is_not_used_by_another")
{
    rig r;
    r.server.put(sandbox::stored_room("r"));
    const auto shared = careless_context();
    shared->add_certificate_authority(asio::buffer(r.server.ca_pem()));
    use_context(r, shared);
    REQUIRE(!r.call<get_room>().error);

    SUBCASE("of the same trust")
    {
        use_context(r, shared);
        REQUIRE(!r.call<get_room>().error);
        CHECK(r.server.counters().handshakes_resumed == 0);
    }
    SUBCASE("of another trust")
    {
        const sandbox::server other;
        rooms::config c = config_for(r.server);
        c.trust = rooms::trust::ca_pem(other.ca_pem());
        r.own_client.emplace(r.io.get_executor(), c);
        CHECK(r.call<get_room>().error == errc::tls_untrusted);
        CHECK(r.server.counters().handshakes_resumed == 0);
    }
}
