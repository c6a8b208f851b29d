// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <watchers/rooms/impl/sansio/error_sentence.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace watchers::rooms::detail {

// A sentence, or a part of one, as words in lower case. Names in camel case and with underscores are several
// words: `externalRoomId` is "external room id", `PROJECT_NOT_FOUND` is "project not found". Names of the
// caller's ('x', match:12, a-b) are "...".
using sentence = std::vector<std::string>;

enum class colon : bool
{
    is_a_stop,
    is_a_blank,
};

// Cuts a text into sentences.
class sentence_reader
{
public:
    sentence_reader(std::string_view text, colon c) : text_(text.substr(0, longest)), colon_(c) {}

    std::vector<sentence> read() &&
    {
        for (; at_ < text_.size(); ++at_)
            take(text_[at_]);
        end_sentence();
        return std::move(sentences_);
    }

private:
    static constexpr std::size_t longest = 2048; // the API's sentences do not begin later

    static bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
    static bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
    static bool is_in_word(char c) noexcept
    {
        return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    }
    static bool is_in(char c, std::string_view set) noexcept { return set.find(c) != set.npos; }

    char next() const noexcept { return at_ + 1 < text_.size() ? text_[at_ + 1] : ' '; }

    void take(char c)
    {
        if (text_.substr(at_, 3) == "\xE2\x80\x99") { // the apostrophe of a typesetter
            at_ += 2;
            return;
        }
        if (is_in(c, "'\"`")) return take_quotation(c);
        if (is_in_word(c)) {
            const bool new_word = is_upper(c) && (is_lower(last_) || (is_upper(last_) && is_lower(next())));
            if (new_word) end_word();
            word_.push_back(is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c);
            last_ = c;
            return;
        }
        const bool joins = is_in_word(next()) && !word_.empty();
        if (c == '-' && joins) return word_.push_back('-');
        if (is_in(c, ":./@#") && (joins || (!word_.empty() && next() == '/'))) return take_identifier();
        end_word();
        if (is_in(c, ".;,!?\n") || (c == ':' && colon_ == colon::is_a_stop)) end_sentence();
    }

    // An apostrophe is inside a word; quotation marks are around words.
    void take_quotation(char mark)
    {
        if (mark == '\'' && !word_.empty()) return;
        end_word();
        const auto end = text_.find(mark, at_ + 1);
        if (end == text_.npos) return;
        at_ = end;
        words_.emplace_back("...");
    }

    void take_identifier()
    {
        while (!is_in(next(), " ,;()\n\"'"))
            ++at_;
        word_ = "...";
        end_word();
    }

    void end_word()
    {
        last_ = ' ';
        std::string w = std::exchange(word_, {});
        if (w.empty()) return;
        const bool words = w.find("not-") != w.npos || w.find("api-key") != w.npos;
        if (w.find('-') != w.npos && !words) {
            words_.emplace_back("...");
            return;
        }
        for (std::size_t from = 0; from < w.size();) {
            const auto to = std::min(w.find('-', from), w.size());
            add(w.substr(from, to - from));
            from = to + 1;
        }
    }

    void add(std::string w)
    {
        if (w == "because" || w == "since") return end_sentence();
        for (const auto& [whole, first, second] :
             {std::tuple("apikey", "api", "key"), std::tuple("roomid", "room", "id")}) {
            if (w != whole) continue;
            words_.emplace_back(first);
            w = second;
        }
        words_.push_back(std::move(w));
    }

    void end_sentence()
    {
        end_word();
        if (!words_.empty()) sentences_.push_back(std::exchange(words_, {}));
    }

    std::string_view text_;
    colon colon_;
    std::size_t at_ = 0;
    std::string word_;
    char last_ = ' ';
    sentence words_;
    std::vector<sentence> sentences_;
};

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words)
{
    return std::find(words.begin(), words.end(), word) != words.end();
}

inline bool holds_one_of(const sentence& s, std::initializer_list<std::string_view> words)
{
    return std::any_of(s.begin(), s.end(), [&](const std::string& w) { return is_one_of(w, words); });
}

// Whether the word at `from` is followed by one of these, with at most `between` others between them.
inline bool leads_to(const sentence& s, std::size_t from, std::size_t between,
                     std::initializer_list<std::string_view> words)
{
    for (std::size_t i = from + 1; i < s.size() && i <= from + 1 + between; ++i)
        if (is_one_of(s[i], words)) return true;
    return false;
}

inline bool is_room(std::string_view w)
{
    return is_one_of(w, {"room", "rooms", "id", "ids", "key", "entry", "it", "record", "document"});
}

inline bool is_project(const sentence& s, std::size_t at)
{
    return is_one_of(s[at], {"project", "projects"}) ||
           (s[at] == "api" && at + 1 < s.size() && is_one_of(s[at + 1], {"key", "keys"}));
}

// Other subjects of sentences than rooms and projects.
inline bool is_other_thing(std::string_view w)
{
    return is_one_of(w,
                     {"name",     "names",    "title",   "word",     "words",      "character", "characters",
                      "text",     "about",    "user",    "users",    "token",      "tag",       "tags",
                      "parent",   "account",  "tenant",  "template", "stream",     "url",       "slug",
                      "picture",  "pic",      "owner",   "email",    "json",       "body",      "payload",
                      "field",    "fields",   "header",  "headers",  "property",   "member",    "members",
                      "property", "column",   "status",  "message",  "parameter",  "query",     "object",
                      "param",    "language", "channel", "request",  "properties", "attribute", "api"});
}

inline bool says_missing(const sentence& s)
{
    for (std::size_t i = 0; i < s.size(); ++i) {
        const std::string_view w = s[i];
        if (is_one_of(w,
                      {"unknown", "missing", "invalid", "nonexistent", "incorrect", "wrong", "unrecognized",
                       "unrecognised", "revoked", "expired", "disabled", "deleted", "notfound"}))
            return true;
        if (is_one_of(w, {"not", "doesnt", "dont", "didnt", "isnt", "wasnt", "cannot", "cant", "couldnt",
                          "unable", "failed", "never"}) &&
            leads_to(s, i, 3,
                     {"found", "find", "exist", "exists", "existing", "existed", "valid", "known", "locate",
                      "recognized", "recognised", "registered", "resolve", "active"}))
            return true;
        if (w == "no" && leads_to(s, i, 0,
                                  {"such", "project", "api", "room", "matching", "route", "active", "valid",
                                   "longer", "handler", "endpoint", "page", "healthy"}))
            return true;
    }
    return false;
}

enum class subject : unsigned char
{
    none,
    room,
    project,
    other,
};

// The first thing that the sentence names is what it is about: "room not found in project" is about a room.
inline subject subject_of(const sentence& s)
{
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (is_project(s, i)) return subject::project;
        if (is_room(s[i])) return subject::room;
        if (is_other_thing(s[i])) return subject::other;
    }
    return subject::none;
}

template <class Says>
bool any_sentence(std::string_view text, colon c, Says says)
{
    const std::vector<sentence> all = sentence_reader(text, c).read();
    return std::any_of(all.begin(), all.end(), says);
}

WATCHERS_ROOMS_DECL bool says_project_is_unknown(std::string_view text)
{
    return any_sentence(text, colon::is_a_blank, [](const sentence& s) {
        return subject_of(s) == subject::project && says_missing(s);
    });
}

WATCHERS_ROOMS_DECL bool gives_another_reason(std::string_view text)
{
    return any_sentence(text, colon::is_a_blank, [](const sentence& s) {
        return subject_of(s) == subject::project || says_missing(s);
    });
}

// Whether a room is named between these words, and no other known subject.
inline bool names_room_only(const sentence& s, std::size_t from, std::size_t to)
{
    bool room = false;
    for (std::size_t i = from; i < to && i < s.size(); ++i) {
        if (is_other_thing(s[i]) || is_project(s, i)) return false;
        room = room || is_room(s[i]);
    }
    return room;
}

inline bool are_fillers(const sentence& s, std::size_t to)
{
    return std::all_of(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(to), [](const std::string& w) {
        return is_one_of(w, {"...", "it", "this", "that", "the", "a", "an", "is", "has", "did", "does",
                             "error", "conflict", "already"});
    });
}

// "... already exists", "room with this id exists"
inline bool says_exists(const sentence& s, std::size_t at)
{
    const bool already =
        s[at] == "already" && leads_to(s, at, 2,
                                       {"exist", "exists", "existed", "existing", "existent", "present",
                                        "taken", "used", "use", "created", "registered"});
    if (already) return names_room_only(s, 0, at) || are_fillers(s, at);
    return s[at] == "exists" && names_room_only(s, 0, at);
}

// "duplicate key value", "duplicate roomId", "room is a duplicate"
inline bool says_duplicate(const sentence& s, std::size_t at)
{
    if (!is_one_of(s[at], {"duplicate", "duplicated", "dup"})) return false;
    if (holds_one_of(s, {"json", "body", "payload", "object", "property", "field", "fields", "member",
                         "members", "header", "query", "parameter", "words", "word", "name", "names"}))
        return false;
    const std::size_t next = at + 1 < s.size() && s[at + 1] == "external" ? at + 2 : at + 1;
    if (next < s.size() && is_one_of(s[next], {"room", "id", "key", "entry", "record", "document"}))
        return true;
    const bool predicate = at > 0 && is_one_of(s[at - 1], {"is", "a", "was", "been"});
    return predicate && names_room_only(s, 0, at);
}

// "externalRoomId must be unique", "violates unique constraint"
inline bool says_unique(const sentence& s, std::size_t at)
{
    if (s[at] != "unique") return false;
    const bool rule = at > 1 && s[at - 1] == "be" && is_one_of(s[at - 2], {"must", "should", "to"});
    const bool fact = at > 0 && is_one_of(s[at - 1], {"not", "isnt"});
    return (rule || fact) && s.size() == at + 1 && names_room_only(s, 0, at);
}

WATCHERS_ROOMS_DECL bool says_room_exists(std::string_view text)
{
    return any_sentence(text, colon::is_a_stop, [](const sentence& s) {
        bool denied = false; // "must not exist", "if the room exists"
        for (std::size_t i = 0; i < s.size(); ++i) {
            if (says_unique(s, i)) return true;
            if (!denied && (says_exists(s, i) || says_duplicate(s, i))) return true;
            denied = denied || is_one_of(s[i], {"not",    "no",       "never",   "cannot", "cant",  "doesnt",
                                                "dont",   "didnt",    "isnt",    "wasnt",  "must",  "should",
                                                "if",     "whether",  "unless",  "when",   "until", "neither",
                                                "nor",    "without",  "only",    "ensure", "check", "make",
                                                "before", "couldnt",  "unknown", "may",    "might", "could",
                                                "verify", "contains", "contain", "longer"});
        }
        return false;
    });
}

WATCHERS_ROOMS_DECL bool speaks_of_credentials(std::string_view text)
{
    return any_sentence(text, colon::is_a_blank, [](const sentence& s) {
        if (holds_one_of(s, {"csrf", "xsrf", "word", "words", "content", "text"})) return false;
        if (holds_one_of(s, {"bearer", "token", "tokens", "jwt", "credential", "credentials",
                             "authentication", "unauthenticated"}))
            return true;
        for (std::size_t i = 0; i < s.size(); ++i) {
            if (s[i] == "api" && leads_to(s, i, 0, {"key", "keys"})) return true;
            if (s[i] == "authorization" && leads_to(s, i, 0, {"header"})) return true;
        }
        return subject_of(s) == subject::project && says_missing(s);
    });
}

// "Cannot GET /path": the method in capitals tells it from other sentences.
inline bool names_method_and_path(std::string_view text)
{
    for (const std::string_view method : {"GET /", "POST /", "DELETE /"}) {
        const auto at = text.find(method);
        if (at == text.npos) continue;
        const sentence before = [&] {
            auto all = sentence_reader(text.substr(0, at), colon::is_a_blank).read();
            return all.empty() ? sentence() : std::move(all.back());
        }();
        if (holds_one_of(before, {"cannot", "route", "no", "cant", "path"})) return true;
    }
    return false;
}

WATCHERS_ROOMS_DECL bool says_route_is_unknown(std::string_view text)
{
    if (names_method_and_path(text)) return true;
    return any_sentence(text, colon::is_a_blank, [](const sentence& s) {
        for (const std::string& w : s) {
            if (is_one_of(w, {"room", "rooms", "project"})) return false;
            if (is_one_of(w, {"route", "routes", "page", "endpoint", "path", "url", "uri", "handler",
                              "backend", "static"}))
                return says_missing(s) || holds_one_of(s, {"404", "no", "matched"});
        }
        return false;
    });
}

} // namespace watchers::rooms::detail
