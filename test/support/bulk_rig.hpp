// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "rig.hpp"

#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/detail/bulk_initiate.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchers::rooms::test {

// A rig with one bulk run, and a server that answers when it is told to.
class bulk_rig
{
public:
    explicit bulk_rig(const config& c = rig::plain_config()) : r(c) {}

    template <class Source, class Sink>
    void start(Source source, Sink sink, bulk_options o = {})
    {
        auto from = detail::make_bulk_source(std::move(source));
        if (!o.total) o.total = from->size();
        r.start_bulk(
            std::move(from), detail::make_bulk_sink(std::move(sink)), std::move(o),
            boost::asio::bind_cancellation_slot(cancel.slot(), [this](error_code ec, bulk_summary s) {
                ++ended;
                error = ec;
                summary = s;
            }));
    }

    // Keeps the results.
    template <class Source>
    void start(Source source, bulk_options o = {})
    {
        start(std::move(source), [this](bulk_result&& b) { results.push_back(std::move(b)); }, std::move(o));
    }

    // Lets connections open.
    void settle()
    {
        r.sim.poll();
        for (int i = 0; i < 3; ++i)
            r.open_all();
    }

    // The requests that wait for an answer, in the order in which their connections were made.
    std::vector<scripted_transport*> pending()
    {
        std::vector<scripted_transport*> all;
        for (std::size_t i = 0; i < r.sim.transports(); ++i) {
            scripted_transport& t = r.transport(i);
            if (!t.is_closed() && t.answered < t.requests().size()) all.push_back(&t);
        }
        return all;
    }

    void answer(scripted_transport& t, const std::string& bytes)
    {
        ++t.answered;
        t.answer(bytes);
        r.sim.poll();
    }

    // Serves one request after the other until the run has ended, or nothing is left to be served.
    // @param reply to a request's text; by default a room of no particular members.
    void serve_all(const std::function<std::string(const std::string&)>& reply = {})
    {
        settle();
        for (auto waiting = pending(); !waiting.empty() && ended == 0; waiting = pending()) {
            most_at_once = std::max(most_at_once, waiting.size());
            scripted_transport& t = *waiting.front();
            const std::string request = t.requests().back();
            served.push_back(request);
            answer(t, reply ? reply(request) : ok());
            settle();
        }
    }

    boost::asio::cancellation_signal cancel;
    std::vector<bulk_result> results;
    std::vector<std::string> served;
    std::size_t most_at_once = 0;
    int ended = 0;
    error_code error;
    bulk_summary summary;
    rig r; // the last: what it destroys may still write to the others
};

// What a request is about: "status a LIVE", "get a", "create a", "voice a true", "delete a".
std::string gist(const std::string& request);

// The value of a text or boolean member of a request's body; empty if there is none.
std::string text_member(const std::string& request, const std::string& name);

} // namespace watchers::rooms::test
