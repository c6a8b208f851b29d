// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/sandbox.hpp>

namespace watchers::rooms::sandbox {
namespace {

using detail::fault_answer;
using detail::fault_ending;
using detail::fault_stage;

constexpr const char* no_http = "!\x01\x02 this is no HTTP \xff\xfe\r\n\r\n";
constexpr const char* no_tls = "\x99\x99\x99 this is no TLS record \xff\xfe";

} // namespace

fault fault::delay(std::chrono::milliseconds v)
{
    fault f;
    f.plan_.apply = true;
    f.plan_.delay = v;
    return f;
}

fault fault::drop_before()
{
    fault f;
    f.plan_.answer = fault_answer::none;
    f.plan_.ending = fault_ending::close;
    return f;
}

fault fault::drop_after() { return drop_before().apply(); }

fault fault::reset_before() { return drop_before().reset(); }

fault fault::reset_after() { return reset_before().apply(); }

fault fault::reset_mid() { return truncate().reset(); }

fault fault::truncate()
{
    fault f;
    f.plan_.apply = true;
    f.plan_.cut_in_half = true;
    f.plan_.ending = fault_ending::close;
    f.plan_.close_notify = true;
    return f;
}

fault fault::garbage() { return raw(no_http).close(); }

fault fault::garbage_record() { return raw(no_tls).beneath_tls().close(); }

fault fault::stall()
{
    fault f;
    f.plan_.answer = fault_answer::none;
    f.plan_.ending = fault_ending::stall;
    return f;
}

fault fault::respond(unsigned status, std::string body)
{
    fault f;
    f.plan_.answer = fault_answer::given;
    f.plan_.status = status;
    f.plan_.bytes = std::move(body);
    return f;
}

fault fault::redirect(std::string location) { return respond(302).field("Location", std::move(location)); }

fault fault::raw(std::string bytes)
{
    fault f;
    f.plan_.answer = fault_answer::raw;
    f.plan_.bytes = std::move(bytes);
    return f;
}

fault fault::close_after()
{
    fault f;
    f.plan_.apply = true;
    f.plan_.ending = fault_ending::close;
    f.plan_.close_notify = true;
    f.plan_.announce_close = true;
    return f;
}

fault fault::stray(std::string bytes)
{
    fault f;
    f.plan_.apply = true;
    f.plan_.stray = std::move(bytes);
    return f;
}

fault fault::trickle(std::chrono::milliseconds interval)
{
    fault f;
    f.plan_.apply = true;
    f.plan_.interval = interval;
    return f;
}

fault fault::close_on_accept()
{
    fault f = drop_before();
    f.plan_.stage = fault_stage::accept;
    return f;
}

fault fault::reset_on_accept() { return close_on_accept().reset(); }

fault fault::stall_handshake()
{
    fault f = stall();
    f.plan_.stage = fault_stage::accept;
    return f;
}

fault fault::garbage_handshake()
{
    fault f = garbage_record();
    f.plan_.stage = fault_stage::accept;
    return f;
}

fault fault::close_after_handshake()
{
    fault f = drop_before();
    f.plan_.stage = fault_stage::connected;
    return f;
}

fault fault::reset_after_handshake() { return close_after_handshake().reset(); }

fault fault::stop_reading()
{
    fault f;
    f.plan_.stage = fault_stage::connected;
    f.plan_.answer = fault_answer::none;
    f.plan_.ending = fault_ending::stop_reading;
    return f;
}

} // namespace watchers::rooms::sandbox
