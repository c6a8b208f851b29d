// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/origin.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms::detail;

TEST_CASE("origin_of_accepted_urls")
{
    const struct
    {
        const char* url;
        bool tls;
        const char* host;
        const char* header;
        unsigned port;
        bool address;
    } rows[] = {
        {"https://chatbackend.watchers.io", true, "chatbackend.watchers.io", "chatbackend.watchers.io", 443,
         false},
        {"https://chatbackend.watchers.io/", true, "chatbackend.watchers.io", "chatbackend.watchers.io", 443,
         false},
        {"https://example.com:443", true, "example.com", "example.com", 443, false},
        {"https://example.com:8443/", true, "example.com", "example.com:8443", 8443, false},
        {"https://example.com:80", true, "example.com", "example.com:80", 80, false},
        {"https://example.com:1", true, "example.com", "example.com:1", 1, false},
        {"https://example.com:65535", true, "example.com", "example.com:65535", 65535, false},
        {"HTTPS://Example.COM", true, "example.com", "example.com", 443, false},
        {"https://my_host-1", true, "my_host-1", "my_host-1", 443, false},
        {"https://xn--bcher-kva.example", true, "xn--bcher-kva.example", "xn--bcher-kva.example", 443, false},
        {"https://1.example", true, "1.example", "1.example", 443, false},
        {"https://192.0.2.7:8443", true, "192.0.2.7", "192.0.2.7:8443", 8443, true},
        {"https://[2001:DB8::1]", true, "2001:db8::1", "[2001:db8::1]", 443, true},
        {"https://[::]:8443/", true, "::", "[::]:8443", 8443, true},
        {"https://[1:2:3:4:5:6:7:8]", true, "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]", 443, true},
        {"https://[1::8]", true, "1::8", "[1::8]", 443, true},
        {"https://[1:2:3:4:5:6:7::]", true, "1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7::]", 443, true},
        {"https://[::ffff:192.0.2.1]", true, "::ffff:192.0.2.1", "[::ffff:192.0.2.1]", 443, true},
        {"http://localhost:8080", false, "localhost", "localhost:8080", 8080, false},
        {"http://LocalHost", false, "localhost", "localhost", 80, false},
        {"http://127.0.0.1:8080/", false, "127.0.0.1", "127.0.0.1:8080", 8080, true},
        {"http://127.255.0.3:80", false, "127.255.0.3", "127.255.0.3", 80, true},
        {"http://[::1]:443", false, "::1", "[::1]:443", 443, true},
        {"http://[0:0:0:0:0:0:0:1]", false, "0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]", 80, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.url);
        std::string why;
        const auto o = parse_origin(row.url, true, why);
        CAPTURE(why);
        REQUIRE(o.has_value());
        CHECK(why.empty());
        CHECK(o->tls() == row.tls);
        CHECK(o->host() == row.host);
        CHECK(o->host_header() == row.header);
        CHECK(o->port() == row.port);
        CHECK(o->is_address_literal() == row.address);
    }
}

TEST_CASE("origin_of_refused_urls")
{
    const std::string label63(63, 'a');
    const std::string host253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'a');
    const struct
    {
        std::string url;
        const char* rule; // part of the text
    } rows[] = {
        {"", "must not be empty"},
        {"example.com", "https://"},
        {"//example.com", "https://"},
        {"ftp://example.com", "https://"},
        {"https:/example.com", "https://"},
        {"https:example.com", "https://"},
        {"https//example.com", "https://"},
        {"httpss://example.com", "https://"},
        {"://example.com", "https://"},
        {"https://", "must name a host"},
        {"https:///", "must name a host"},
        {"https://:443", "must name a host"},
        {"https://user@example.com", "user information"},
        {"https://user:canary@example.com", "user information"},
        {"https://@example.com", "user information"},
        {"https://example.com@evil.example", "user information"},
        {"https://example.com/path", "path"},
        {"https://example.com//", "path"},
        {"https://example.com/..", "path"},
        {"https://example.com?", "query"},
        {"https://example.com/?a=b", "query"},
        {"https://example.com#", "fragment"},
        {"https://example.com\\evil", "must consist of letters"},
        {"https://exa mple.com", "visible ASCII"},
        {" https://example.com", "visible ASCII"},
        {"https://example.com\r\nX-Evil: 1", "visible ASCII"},
        {"https://example.com\n", "visible ASCII"},
        {std::string("https://example.com\0", 20), "visible ASCII"},
        {"https://b\xC3\xBC"
         "cher.example",
         "visible ASCII"},
        {"https://exa%6Dple.com", "must consist of letters"},
        {"https://example.com.", "end in a dot"},
        {"https://.", "end in a dot"},
        {"https://example..com", "label"},
        {"https://.example.com", "label"},
        {"https://" + label63 + "a.example", "label"},
        {"https://" + host253 + "a", "253"},
        {"https://example.com:", "port"},
        {"https://example.com:0", "port"},
        {"https://example.com:65536", "port"},
        {"https://example.com:-1", "port"},
        {"https://example.com:+443", "port"},
        {"https://example.com:443443", "port"},
        {"https://example.com:4a", "port"},
        {"https://example.com:443:443", "in brackets"},
        {"https://example.com:99999999999999999999", "port"},
        {"https://2001:db8::1", "in brackets"},
        {"https://::1", "in brackets"},
        {"https://127.1", "looks like"},
        {"https://2130706433", "looks like"},
        {"https://0x7f000001", "looks like"},
        {"https://1.2.3.4.5", "looks like"},
        {"https://256.0.0.1", "looks like"},
        {"https://192.0.02.1", "looks like"},
        {"https://192.0.2.0x1", "looks like"},
        {"https://[::1", "end in a bracket"},
        {"https://[]", "IPv6"},
        {"https://[:]", "IPv6"},
        {"https://[:::]", "IPv6"},
        {"https://[1::2::3]", "IPv6"},
        {"https://[1:2:3:4:5:6:7]", "IPv6"},
        {"https://[1:2:3:4:5:6:7:8:9]", "IPv6"},
        {"https://[1:2:3:4:5:6:7:8::]", "IPv6"},
        {"https://[1:2:3:4::5:6:7:8]", "IPv6"},
        {"https://[:1:2:3:4:5:6:7]", "IPv6"},
        {"https://[1:2:3:4:5:6:7:]", "IPv6"},
        {"https://[12345::]", "IPv6"},
        {"https://[g::]", "IPv6"},
        {"https://[fe80::1%25eth0]", "IPv6"},
        {"https://[::192.0.2.256]", "IPv6"},
        {"https://[192.0.2.1::]", "IPv6"},
        {"https://[1:2:3:4:5:6:7:192.0.2.1]", "IPv6"},
        {"https://[example.com]", "IPv6"},
        {"https://[::1]x", "only a port"},
        {"http://example.com", "loopback"},
        {"http://128.0.0.1", "loopback"},
        {"http://localhost.example.com", "loopback"},
        {"http://127.0.0.1.example.com", "loopback"},
        {"http://[::2]", "loopback"},
        {"http://[::]", "loopback"},
        {"http://0.0.0.0", "loopback"},
    };
    for (const auto& row : rows) {
        INFO("faults.md Security, a table of URLs: ", row.url);
        std::string why;
        CHECK_FALSE(parse_origin(row.url, true, why).has_value());
        CHECK_MESSAGE(why.find(row.rule) != std::string::npos, why);
        CHECK(why.find("canary") == std::string::npos);
    }
}

TEST_CASE("origin_longest_host_accepted")
{
    const std::string label63(63, 'a');
    std::string why;
    CHECK(parse_origin("https://" + label63 + "." + label63 + "." + label63 + "." + std::string(61, 'a'),
                       false, why));
}

TEST_CASE("origin_plain_http_only_when_asked_for")
{
    for (const char* url : {"http://localhost:8080", "http://127.0.0.1", "http://[::1]"}) {
        INFO("faults.md Security, plain http: ", url);
        std::string why;
        CHECK_FALSE(parse_origin(url, false, why).has_value());
        CHECK(why.find("plain_http_to_loopback") != std::string::npos);
    }
}
