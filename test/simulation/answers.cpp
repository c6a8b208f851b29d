// SPDX-License-Identifier: BSL-1.0
// What the client is told.
#include "network.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace watchers::rooms::sim {

using namespace std::chrono_literals;

namespace {

std::string seconds_of_today(unsigned s)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "Sun, 06 Nov 1994 08:%02u:%02u GMT", s / 60, s % 60);
    return text.data();
}

} // namespace

// The wait that the service asks for, in one of the forms that it may have.
void network::set_retry_after(reply& a, exchange& x)
{
    auto& r = world_.random();
    const unsigned s = r.one_in(4) ? r.between(3U, 70U) : r.between(0U, 2U);
    switch (r.below(8)) {
    case 0: break;
    case 1: a.fields += "Retry-After: soon\r\n"; break;
    case 2: a.fields += "Retry-After: -5\r\n"; break;
    case 3:
        a.fields += "Retry-After: 99999999999999999999\r\n";
        x.retry_after = std::chrono::seconds(0x7FFF'FFFF);
        break;
    case 4:
        a.fields +=
            "Date: " + seconds_of_today(100) + "\r\nRetry-After: " + seconds_of_today(100 + s) + "\r\n";
        x.retry_after = std::chrono::seconds(s);
        break;
    default:
        a.fields += "Retry-After: " + std::to_string(s) + "\r\n";
        x.retry_after = std::chrono::seconds(s);
    }
}

// Its type tells, or its text.
reply network::make_page(unsigned status)
{
    reply a{.status = status, .body = "<!DOCTYPE html><p>Sign in</p>", .web_page = true};
    if (world_.random().one_in(2)) return a;
    a.fields = "Content-Type: text/html; charset=utf-8\r\n";
    a.body = "Sign in";
    return a;
}

reply network::mishandle(exchange& x, mishap m)
{
    auto& r = world_.random();
    const auto perhaps_serve = [&] {
        if (r.one_in(2)) serve_unheard(x);
    };
    switch (m) {
    case mishap::throttled: {
        reply a{.status = 429, .body = "slow down"};
        set_retry_after(a, x);
        return a;
    }
    case mishap::server_error: {
        static constexpr unsigned statuses[] = {500, 502, 503, 503, 504};
        reply a{.status = r.pick(statuses), .body = "<html>oops</html>"};
        perhaps_serve();
        if (a.status == 503) set_retry_after(a, x);
        return a;
    }
    case mishap::odd_status: {
        static constexpr unsigned statuses[] = {408, 408, 421, 421, 403, 302, 303, 307, 501, 418};
        reply a{.status = r.pick(statuses), .body = "what?"};
        if (a.status == 408 || a.status == 303 || a.status == 302 || a.status == 501) perhaps_serve();
        return a;
    }
    case mishap::useless_body: {
        static constexpr const char* bodies[] = {"", "[]", "{\"roomId\":", "done", "{\"a\":1,\"a\":2}"};
        reply a = server_.serve(x);
        if (a.status != 200 && a.status != 201) return a;
        a.body = r.pick(bodies);
        x.usable = false;
        return a;
    }
    case mishap::web_page: // of a portal that wants the user to sign in
        if (r.one_in(4)) serve_unheard(x);
        return make_page(200);
    case mishap::elsewhere: {
        static constexpr const char* nothing_here[] = {"{\"message\":\"Cannot POST /external/room\"}", "{}",
                                                       ""};
        if (x.kind == operation_kind::create_room && r.one_in(2))
            return {.status = 404, .body = r.pick(nothing_here)};
        return make_page(r.one_in(3) ? 405 : 404);
    }
    case mishap::encoded: {
        reply a = server_.serve(x);
        if (a.status / 100 != 2 || a.status == 204) return a;
        a.fields = "Content-Encoding: gzip\r\n";
        x.usable = false;
        x.encoded = true;
        return a;
    }
    case mishap::disliked: return {.status = 403, .body = "<html>This request was blocked.</html>"};
    default: return server_.serve(x);
    }
}

std::string network::encode(const reply& a, bool closes, bool& until_end)
{
    auto& r = world_.random();
    std::string text;
    if (r.one_in(16)) text += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    const bool old = until_end = closes && a.status != 204 && r.one_in(3);
    text += old ? "HTTP/1.0 " : "HTTP/1.1 ";
    text += std::to_string(a.status) + " Whatever\r\n" + a.fields;
    if (closes && !old) text += "Connection: close\r\n";
    if (a.status == 204 || old) return text + "\r\n" + (old ? a.body : std::string());
    if (!r.one_in(8)) return text + "Content-Length: " + std::to_string(a.body.size()) + "\r\n\r\n" + a.body;
    std::array<char, 24> size{};
    text += "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < a.body.size();) {
        const std::size_t n = r.between<std::size_t>(1, a.body.size() - at);
        std::snprintf(size.data(), size.size(), "%zx\r\n", n);
        text += size.data() + a.body.substr(at, n) + "\r\n";
        at += n;
    }
    return text + "0\r\n\r\n";
}

void network::answer(wire& w, exchange& x, reply a, mishap m)
{
    auto& r = world_.random();
    x.answer = a.status == 204 ? std::string() : a.body;
    x.found = std::move(a.found);
    x.found_matching = a.found_matching;
    x.web_page = a.web_page;
    x.no_project = a.no_project;
    const bool closes = happens(plan_.trouble.said_close) && !w.last_exchange;
    bool until_end = false;
    std::string bytes = encode(a, closes, until_end);
    if (m == mishap::truncated) {
        bytes.resize(r.between<std::size_t>(1, bytes.size() - 1));
        if (until_end) bytes.resize(std::min<std::size_t>(bytes.size(), 10));
        send_pieces(w, x, std::move(bytes), 0, false, false);
        return;
    }
    if (closes || a.status == 408 || a.status == 421 || x.encoded) w.last_exchange = true;
    send_pieces(w, x, std::move(bytes), a.status, closes, until_end);
}

void network::answer_malformed(wire& w, exchange& x)
{
    auto& r = world_.random();
    if (r.one_in(2)) serve_unheard(x);
    static const std::string answers[] = {
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n",
    };
    w.last_exchange = true;
    send_pieces(w, x, r.pick(answers), 0, false, false);
}

// The answer comes in pieces; with the last one it is there whole, or the connection ends.
void network::send_pieces(wire& w, exchange& x, std::string bytes, unsigned status, bool closes,
                          bool until_end)
{
    auto& r = world_.random();
    const wire_link link = w.weak_from_this();
    const bool split = !until_end && r.one_in(3); // else a part would pass for the whole
    const std::size_t pieces = split ? std::min<std::size_t>(bytes.size(), r.between<std::size_t>(2, 6)) : 1;
    duration at = latency();
    std::size_t from = 0;
    for (std::size_t i = 1; i <= pieces; ++i) {
        const bool last = i == pieces;
        const std::size_t to = last ? bytes.size() : from + r.index(bytes.size() - from);
        const bool whole = last && status != 0 && !until_end;
        world_.after(at, [this, link, &x, piece = bytes.substr(from, to - from), whole, until_end, status] {
            const auto t = link.lock();
            if (!t || t->at() != wire::stage::ready || t->under_way() != &x || t->death != 0) return;
            if (whole) {
                t->finish_exchange(status);
                after_answer(*t);
            }
            if (until_end) t->status_at_end = status;
            if (!piece.empty()) t->data(piece);
            t->settled();
        });
        from = to;
        if (!last) at += r.one_in(2) ? 0us : r.moment(1us, healthy_ ? 1ms : 80ms);
    }
    if (closes || status == 0) {
        world_.after(at, [this, link, status] {
            if (const auto t = link.lock(); t && t->at() == wire::stage::ready)
                end(link, latency(), status == 0 ? draw_ending() : ending::half_close);
        });
    }
}

// The service may tire of an idle connection.
void network::after_answer(wire& w)
{
    if (!w.last_exchange && happens(plan_.trouble.surplus)) w.surplus = true;
    if (w.last_exchange || !happens(plan_.trouble.idle_close)) return;
    auto& r = world_.random();
    const wire_link link = w.weak_from_this();
    const bool stray = r.one_in(4);
    world_.after(
        r.one_in(2) ? duration(r.moment(0us, 2ms)) : duration(r.moment(1ms, 2s)), [this, link, stray] {
            const auto t = link.lock();
            if (!t || t->at() != wire::stage::ready || t->under_way() != nullptr || t->death != 0) return;
            if (stray) {
                t->data("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return t->settled();
            }
            end(link, latency(), world_.random().one_in(2) ? ending::reset : ending::half_close);
        });
}

} // namespace watchers::rooms::sim
