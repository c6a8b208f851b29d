// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/redaction.hpp>

#include <doctest/doctest.h>

#include <boost/beast/core/detail/base64.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>

using namespace watchers::rooms::detail;

namespace {

constexpr std::string_view key = "Key/1+abcd=&<x>";
constexpr std::string_view token = "eyJhbGciOiJ/IUzI1+NiIs.In-R5_cCI6~IkpXVCJ9";
constexpr std::size_t enough = 1024;

std::string hex(unsigned value, std::size_t width, bool upper)
{
    const char* const digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    std::string out(width, '0');
    for (std::size_t i = width; i-- > 0; value /= 16)
        out[i] = digits[value % 16];
    return out;
}

using spelling = std::function<std::string(char)>;

unsigned code_of(char c) { return static_cast<unsigned char>(c); }

const std::array<spelling, 16> spellings{
    [](char c) { return std::string(1, c); },
    [](char c) { return "\\u" + hex(code_of(c), 4, false); },
    [](char c) { return "\\u" + hex(code_of(c), 4, true); },
    [](char c) { return "\\u{" + hex(code_of(c), 2, true) + "}"; },
    [](char c) { return "\\x" + hex(code_of(c), 2, true); },
    [](char c) { return "\\U" + hex(code_of(c), 8, true); },
    [](char c) { return "%" + hex(code_of(c), 2, true); },
    [](char c) { return "%" + hex(code_of(c), 2, false); },
    [](char c) { return "%25" + hex(code_of(c), 2, false); },
    [](char c) { return "%u" + hex(code_of(c), 4, false); },
    [](char c) { return "&#" + std::to_string(code_of(c)) + ";"; },
    [](char c) { return "&#x" + hex(code_of(c), 2, true) + ";"; },
    [](char c) { return "&#X000" + hex(code_of(c), 2, false) + ";"; },
    [](char c) { return "&amp;#" + std::to_string(code_of(c)) + ";"; },
    [](char c) { return "\\\\u" + hex(code_of(c), 4, false); },
    [](char c) {
        std::string out = "\\000";
        out[1] = static_cast<char>('0' + code_of(c) / 64);
        out[2] = static_cast<char>('0' + code_of(c) / 8 % 8);
        out[3] = static_cast<char>('0' + code_of(c) % 8);
        return out;
    },
};

std::string spelled(std::string_view secret, const spelling& s)
{
    std::string out;
    for (const char c : secret)
        out += s(c);
    return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string base64(std::string_view text)
{
    std::string out(boost::beast::detail::base64::encoded_size(text.size()), '\0');
    out.resize(boost::beast::detail::base64::encode(out.data(), text.data(), text.size()));
    return out;
}

std::string shown(std::string_view text) { return redaction(key, token)(text, enough); }

} // namespace

TEST_CASE("fault_85_redaction_of_what_is_repeated_as_it_is")
{
    const std::string k(key);
    const std::string t(token);
    const std::string mark = "[redacted]";
    const struct
    {
        std::string text;
        std::string expected;
    } rows[] = {
        {"", ""},
        {"the token is wrong", "the token is wrong"},
        {"bad token " + t + "!", "bad token " + mark + "!"},
        {k + t, mark + mark},
        {k + " " + t + " " + k, mark + " " + mark + " " + mark},
        {"a" + t + "b" + t + "c", "a" + mark + "b" + mark + "c"},
        {std::string(2000, 'a'), std::string(enough, 'a')},
        {"C:\\temp 100% &amp; &nosuch; x=1 %zz \\", "C:\\temp 100% &amp; &nosuch; x=1 %zz \\"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(shown(row.text) == row.expected);
    }
}

// Row 85: one secret begins, ends or overlaps the other.
TEST_CASE("fault_85_redaction_of_secrets_that_share_text")
{
    const struct
    {
        const char* what;
        std::string_view first;
        std::string_view second;
        std::string_view text;
    } rows[] = {
        {"one begins the other", "abcdefgh", "abcdefgh-and-a-tail", "x abcdefgh-and-a-tail y"},
        {"one ends the other", "and-a-tail", "abcdefgh-and-a-tail", "x abcdefgh-and-a-tail y"},
        {"one is within the other", "efgh-and", "abcdefgh-and-a-tail", "x abcdefgh-and-a-tail y"},
        {"they overlap", "abcdefgh1234", "1234ijklmnop", "x abcdefgh1234ijklmnop y"},
        {"one overlaps itself", "abababab", "zzzzzzzzzzzz", "x ababababab y"},
        {"they are the same", "abcdefgh", "abcdefgh", "x abcdefgh y"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        CHECK(redaction(row.first, row.second)(row.text, enough) == "x [redacted] y");
        CHECK(redaction(row.second, row.first)(row.text, enough) == "x [redacted] y");
    }
}

TEST_CASE("fault_85_redaction_of_short_secrets_is_left")
{
    CHECK(redaction("sandbox", "sandbox")("the sandbox\\u0020is full", enough) ==
          "the sandbox\\u0020is full");
    CHECK(redaction("", "")("text", enough) == "text");
}

TEST_CASE("fault_85_redaction_of_other_spellings")
{
    const std::string t(token);
    const struct
    {
        const char* what;
        std::string text;
    } rows[] = {
        {"JSON's slash", replaced(t, "/", "\\/")},
        {"JSON's plus", replaced(t, "+", "\\u002B")},
        {"JSON's plus in lower case", replaced(t, "+", "\\u002b")},
        {"HTML's plus", replaced(t, "+", "&plus;")},
        {"HTML's plus by number", replaced(t, "+", "&#43;")},
        {"HTML's plus by number, no semicolon", replaced(t, "+", "&#43")},
        {"HTML's plus by hexadecimal number", replaced(t, "+", "&#x2B;")},
        {"percent-encoded", replaced(replaced(t, "+", "%2B"), "/", "%2F")},
        {"percent-encoded in lower case", replaced(replaced(t, "+", "%2b"), "/", "%2f")},
        {"percent-encoded twice", replaced(t, "+", "%252B")},
        {"percent-encoded, then JSON", replaced(t, "+", "\\u00252B")},
        {"HTML twice", replaced(t, "+", "&amp;#43;")},
        {"a form's plus", replaced(t, "+", " ")},
        {"quoted-printable", replaced(t, "+", "=2B")},
        {"quoted-printable behind an equals sign", "token=" + replaced(t, "+", "=2B")},
        {"a soft line end", t.substr(0, 20) + "=\r\n" + t.substr(20)},
        {"wrapped", t.substr(0, 20) + "\r\n  " + t.substr(20)},
        {"wrapped in JSON", t.substr(0, 20) + "\\n" + t.substr(20)},
        {"zero-width characters", t.substr(0, 20) + "\xE2\x80\x8B" + t.substr(20)},
        {"UTF-16", spelled(t, [](char c) { return std::string(1, c) + '\0'; })},
        {"upper case", replaced(t, "eyJhbGci", "EYJHBGCI")},
        {"base64", base64(t)},
        {"base64 of more", base64("Bearer " + t + " is wrong")},
        {"base64, shifted", "Basic " + base64("x:" + t)},
        {"base64 of the key", base64(key)},
        {"hexadecimal", spelled(t, [](char c) { return hex(code_of(c), 2, false); })},
        {"hexadecimal, apart", spelled(t, [](char c) { return hex(code_of(c), 2, true) + ":"; })},
        {"a part", "token begins with " + t.substr(0, 16)},
        {"another part, in escapes", "\\u" + hex(code_of(t[13]), 4, false) + t.substr(14, 15)},
        {"the key in HTML", "Key/1+abcd=&amp;&lt;x&gt;"},
        {"the key in HTML twice", "Key/1+abcd=&amp;amp;&amp;lt;x&amp;gt;"},
        {"within other text", "{\"message\":\"the token '" + replaced(t, "/", "\\/") + "' is wrong\"}"},
        {"more layers than are looked through", "%2525252525252525252525252541"},
    };
    for (const auto& row : rows) {
        INFO("Row 85: ", row.what);
        CHECK(shown(row.text) == not_shown);
        CHECK(redaction(token, key)(row.text, enough) == not_shown);
    }
}

TEST_CASE("fault_85_redaction_of_a_secret_that_looks_like_an_escape")
{
    const std::string_view odd = "ab%2Fcd\\u0041e&amp;f";
    const redaction redact(odd, "another-secret");
    for (const std::string& text :
         {replaced(std::string(odd), "\\", "\\\\"), replaced(std::string(odd), "%", "%25"),
          std::string("ab/cdAe&f"), replaced(std::string(odd), "&", "&amp;")}) {
        CAPTURE(text);
        CHECK(redact(text, enough) == not_shown);
    }
    CHECK(redact(std::string(odd), enough) == "[redacted]");
}

// Any secret, each of its characters in any spelling, is never shown.
TEST_CASE("fault_85_redaction_of_any_mixture_of_spellings")
{
    std::mt19937 random(85);
    const auto roll = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int round = 0; round < 2000; ++round) {
        // Setup
        std::string secret;
        const std::size_t size = 8 + roll(60);
        while (secret.size() < size)
            secret += static_cast<char>(0x21 + roll(0x5E));
        std::string text = "token ";
        // An encoder that leaves some characters as they are never leaves those that begin an escape.
        const std::size_t other = 1 + roll(spellings.size() - 1);
        const std::size_t often = 1 + roll(6);
        for (const char c : secret)
            text += spellings[std::string_view("\\%&").find(c) != std::string_view::npos || roll(often) == 0
                                  ? other
                                  : 0](c);
        text += " is wrong";
        CAPTURE(secret);
        CAPTURE(text);

        // Run
        const std::string out = redaction(secret, "another-secret")(text, 4096);

        // Check
        const bool hidden = out == not_shown || out == "token [redacted] is wrong";
        REQUIRE(hidden);
    }
}
