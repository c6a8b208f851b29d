// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/redaction.hpp>
#include <watchers/rooms/impl/wipe.ipp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

namespace watchers::rooms::detail {

// ---- Escapes

inline int digit_value(char c) noexcept
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

// One escape at the start of a text: the character it stands for, and its own size.
struct escape
{
    char character = 0;
    std::size_t size = 0; // zero: there is none
};

// The number at `from`, of `least` to `most` digits. A character beyond ASCII becomes a question mark:
// secrets are ASCII.
inline escape numeric(std::string_view text, std::size_t from, int base, std::size_t least,
                      std::size_t most) noexcept
{
    std::uint32_t value = 0;
    std::size_t at = from;
    while (at < text.size() && at - from < most && digit_value(text[at]) < base)
        value = (std::min)(value * static_cast<std::uint32_t>(base) +
                               static_cast<std::uint32_t>(digit_value(text[at++])),
                           std::uint32_t(0x110000));
    if (at - from < least) return {};
    return {value < 0x80 ? static_cast<char>(value) : '?', at};
}

inline escape closed_by(escape e, std::string_view text, char end) noexcept
{
    if (e.size == 0 || e.size >= text.size() || text[e.size] != end) return {};
    return {e.character, e.size + 1};
}

inline escape backslash_escape(std::string_view text) noexcept
{
    if (text.size() < 2) return {};
    switch (text[1]) {
    case 'u':
        return text.substr(2, 1) == "{" ? closed_by(numeric(text, 3, 16, 1, 6), text, '}')
                                        : numeric(text, 2, 16, 4, 4);
    case 'U': return numeric(text, 2, 16, 8, 8);
    case 'x': return numeric(text, 2, 16, 1, 2);
    default: break;
    }
    if (std::string_view("nrtfvb").find(text[1]) != std::string_view::npos) return {' ', 2};
    if (text[1] >= '0' && text[1] <= '7') return numeric(text, 1, 8, 1, 3);
    if (text[1] > 0x20 && text[1] < 0x7F) return {text[1], 2};
    return {};
}

// Of ASCII characters. A few names are also accepted without the semicolon, as browsers do.
inline escape entity(std::string_view text) noexcept
{
    static constexpr std::pair<std::string_view, char> names[] = {
        {"amp", '&'},    {"lt", '<'},       {"gt", '>'},     {"quot", '"'},    {"apos", '\''},
        {"plus", '+'},   {"sol", '/'},      {"equals", '='}, {"period", '.'},  {"comma", ','},
        {"colon", ':'},  {"semi", ';'},     {"lowbar", '_'}, {"percnt", '%'},  {"num", '#'},
        {"excl", '!'},   {"quest", '?'},    {"ast", '*'},    {"midast", '*'},  {"dollar", '$'},
        {"commat", '@'}, {"lpar", '('},     {"rpar", ')'},   {"lsqb", '['},    {"lbrack", '['},
        {"rsqb", ']'},   {"rbrack", ']'},   {"lcub", '{'},   {"lbrace", '{'},  {"rcub", '}'},
        {"rbrace", '}'}, {"vert", '|'},     {"verbar", '|'}, {"bsol", '\\'},   {"grave", '`'},
        {"Hat", '^'},    {"AMP", '&'},      {"LT", '<'},     {"GT", '>'},      {"QUOT", '"'},
        {"nbsp", ' '},   {"UnderBar", '_'}, {"Tab", ' '},    {"NewLine", ' '}, {"hyphen", '-'},
        {"dash", '-'},
    };
    if (text.substr(1, 1) == "#") {
        const bool hex = text.substr(2, 1) == "x" || text.substr(2, 1) == "X";
        escape e = numeric(text, hex ? 3 : 2, hex ? 16 : 10, 1, 16);
        if (e.size != 0 && e.size < text.size() && text[e.size] == ';') ++e.size;
        return e;
    }
    for (const auto& [name, character] : names) {
        if (text.substr(1, name.size()) != name) continue;
        const std::size_t end = 1 + name.size();
        return {character, text.substr(end, 1) == ";" ? end + 1 : end};
    }
    return {};
}

inline escape escape_at(std::string_view text, bool quoted_printable) noexcept
{
    switch (text.front()) {
    case '\\': return backslash_escape(text);
    case '&': return entity(text);
    case '%':
        if (text.substr(1, 1) == "u" || text.substr(1, 1) == "U") return numeric(text, 2, 16, 4, 4);
        return numeric(text, 1, 16, 2, 2);
    case '=':
        if (!quoted_printable) return {};
        if (text.substr(1, 2) == "\r\n") return {' ', 3}; // a soft line end
        return numeric(text, 1, 16, 2, 2);
    default: return {};
    }
}

WATCHERS_ROOMS_DECL std::string unescape_once(std::string_view text, bool quoted_printable)
{
    std::string out;
    out.reserve(text.size()); // growing would leave copies of a secret behind
    while (!text.empty()) {
        const escape e = escape_at(text, quoted_printable);
        out += e.size != 0 ? e.character : text.front();
        text.remove_prefix((std::max)(e.size, std::size_t(1)));
    }
    return out;
}

// ---- Base64 and hexadecimal digits

inline int base64_value(char c) noexcept
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return 64;
}

// Reads the text as digits of so many bits each, beginning with the first digit; other characters are passed
// over. The caller tries each start, since the encoded secret may begin inside a run of digits.
template <class Value>
std::string decode_digits(std::string_view text, std::size_t start, int bits, Value value)
{
    std::string out;
    out.reserve(text.size()); // growing would leave copies of a secret behind
    std::uint32_t kept = 0;
    int have = 0;
    std::size_t seen = 0;
    for (const char c : text) {
        const int v = value(c);
        if (v >= 1 << bits) continue;
        if (seen++ < start) continue;
        kept = (kept << bits | static_cast<std::uint32_t>(v)) & 0xFFFFU;
        have += bits;
        if (have < 8) continue;
        have -= 8;
        out += static_cast<char>((kept >> have) & 0xFFU);
    }
    return out;
}

// ---- The search

class wipe_at_end
{
public:
    explicit wipe_at_end(std::string& text) noexcept : text_(text) {}
    wipe_at_end(const wipe_at_end&) = delete;
    wipe_at_end& operator=(const wipe_at_end&) = delete;
    ~wipe_at_end() { wipe_text(text_); }

private:
    std::string& text_;
};

inline char lower_case(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; }

inline std::string lower_case(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower_case(c); });
    return out;
}

// Letters and digits only, in lower case.
inline std::string bare(std::string_view text)
{
    std::string out;
    out.reserve(text.size()); // growing would leave copies of a secret behind
    for (const char upper : text) {
        const char c = lower_case(upper);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
    }
    return out;
}

// Whether so many characters in a row are the same in both texts.
inline bool share_run(std::string_view text, std::string_view secret, std::size_t length)
{
    // Any such run holds a whole block of half its length: one of the blocks that the secret is divided into.
    const std::size_t block = length / 2;
    for (std::size_t b = 0; b + block <= secret.size(); b += block) {
        const auto needle = secret.substr(b, block);
        for (auto at = text.find(needle); at != text.npos; at = text.find(needle, at + 1)) {
            std::size_t before = 0;
            while (before < b && before < at && secret[b - before - 1] == text[at - before - 1])
                ++before;
            std::size_t size = block;
            while (b + size < secret.size() && at + size < text.size() && secret[b + size] == text[at + size])
                ++size;
            if (before + size >= length) return true;
        }
    }
    return false;
}

// A secret in the forms that are searched for; wiped at the end.
class redaction::needle
{
public:
    explicit needle(std::string_view secret) : whole_(lower_case(secret)), letters_(bare(secret)) {}
    needle(const needle&) = delete;
    needle& operator=(const needle&) = delete;
    ~needle()
    {
        wipe_text(whole_);
        wipe_text(letters_);
    }

    // The text in lower case, and only its letters and digits.
    bool in(std::string_view lower, std::string_view letters) const noexcept
    {
        if (whole_.size() < shortest) return false;
        return lower.find(whole_) != lower.npos ||
               (letters_.size() >= shortest && letters.find(letters_) != letters.npos) ||
               share_run(lower, whole_, 16);
    }

private:
    std::string whole_;
    std::string letters_;
};

WATCHERS_ROOMS_DECL bool redaction::suspicious(std::string_view text) const
{
    constexpr int most_layers = 8;
    // A secret may hold characters that look like escapes: then its decoded form is looked for, too.
    std::array<std::string, 2> decoded_secrets;
    const wipe_at_end wipe_first(decoded_secrets[0]);
    const wipe_at_end wipe_second(decoded_secrets[1]);
    for (std::size_t i = 0; i < secrets_.size(); ++i) {
        std::string& s = decoded_secrets[i];
        s = secrets_[i];
        for (int layer = 0; layer < most_layers; ++layer) {
            std::string next = unescape_once(s);
            const wipe_at_end wipe_next(next);
            if (next == s) break;
            s.swap(next);
        }
    }
    const needle needles[] = {needle(secrets_[0]), needle(secrets_[1]), needle(decoded_secrets[0]),
                              needle(decoded_secrets[1])};
    // Decoded text may hold a secret that its spelling hid.
    const auto found_in = [&](std::string_view candidate) {
        std::string lower = lower_case(candidate);
        std::string letters = bare(candidate);
        const wipe_at_end wipe_lower(lower);
        const wipe_at_end wipe_letters(letters);
        return std::any_of(std::begin(needles), std::end(needles),
                           [&](const needle& n) { return n.in(lower, letters); });
    };
    const auto found_in_decoded = [&](std::string candidate) {
        const wipe_at_end wipe_candidate(candidate);
        return found_in(candidate);
    };

    std::string decoded(text);
    const wipe_at_end wipe_decoded(decoded);
    for (int layer = 0; layer <= most_layers; ++layer) {
        if (found_in(decoded) || found_in_decoded(unescape_once(decoded, true))) return true;
        for (std::size_t start = 0; start < 4; ++start)
            if (found_in_decoded(decode_digits(decoded, start, 6, base64_value))) return true;
        for (std::size_t start = 0; start < 2; ++start)
            if (found_in_decoded(decode_digits(decoded, start, 4, digit_value))) return true;
        std::string next = unescape_once(decoded);
        const wipe_at_end wipe_next(next);
        if (next == decoded) return false;
        decoded.swap(next);
    }
    return true; // a text that is escaped so many times over may hide a secret
}

WATCHERS_ROOMS_DECL std::string redaction::replace_plain(std::string_view text, std::size_t enough) const
{
    std::string out;
    // The text may hold a secret in another spelling, of which growing would leave copies behind.
    out.reserve(2 * (std::min)(text.size(), enough) + 16);
    std::size_t from = 0;
    while (from < text.size() && out.size() < enough) {
        std::size_t at = text.npos;
        for (const std::string_view s : secrets_)
            if (s.size() >= shortest) at = (std::min)(at, text.find(s, from));
        out += text.substr(from, (std::min)(at - from, enough));
        if (at == text.npos) break;
        // Secrets may overlap, or begin with one another: all are replaced in one pass.
        std::size_t end = at;
        for (bool grown = true; grown;) {
            grown = false;
            for (const std::string_view s : secrets_) {
                if (s.size() < shortest) continue;
                const std::size_t start = end >= at + s.size() ? end - s.size() + 1 : at;
                const std::size_t next = text.find(s, start);
                if (next == text.npos || next > (std::max)(at, end - (end > at ? 1 : 0))) continue;
                if (next + s.size() <= end) continue;
                end = next + s.size();
                grown = true;
            }
        }
        out += "[redacted]";
        from = end;
    }
    return out;
}

WATCHERS_ROOMS_DECL std::string redaction::operator()(std::string_view text, std::size_t enough) const
{
    // Text behind this limit is never shown, and need not be searched.
    constexpr std::size_t longest = 64 * 1024;
    std::string out = replace_plain(text.substr(0, longest), enough);
    const wipe_at_end wipe_out(out);
    return suspicious(out) ? std::string(not_shown) : std::move(out);
}

} // namespace watchers::rooms::detail
