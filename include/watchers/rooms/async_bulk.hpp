// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bulk runs of class client, declared in <watchers/rooms/client.hpp>.
#include <watchers/rooms/bulk.hpp>
#include <watchers/rooms/client.hpp>
#include <watchers/rooms/detail/bulk_callbacks.hpp>
#include <watchers/rooms/detail/bulk_initiate.hpp>

#include <boost/asio/async_result.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace watchers::rooms {

template <class Source, class Sink, class Token>
auto client::async_bulk(Source&& source, Sink&& sink, bulk_options options, Token&& token)
{
    auto from = detail::make_bulk_source(std::forward<Source>(source));
    auto to = detail::make_bulk_sink(std::forward<Sink>(sink));
    if (!options.total) options.total = from->size();
    return boost::asio::async_initiate<Token, void(error_code, bulk_summary)>(
        detail::initiate_bulk(engine_, std::move(from), std::move(to), std::move(options)), token);
}

template <class Token>
auto client::gather(std::vector<operation> operations, bulk_options options, Token&& token)
{
    if (!options.total) options.total = operations.size();
    return boost::asio::async_initiate<Token, void(error_code, std::vector<bulk_result>)>(
        detail::initiate_gathering(engine_, std::move(operations), std::move(options)), token);
}

template <class Rooms, class Token>
auto client::async_create_rooms(Rooms&& rooms, bulk_options options, Token&& token)
{
    std::vector<operation> operations;
    for (auto&& r : rooms)
        operations.push_back(operation::create(new_room(r)));
    return gather(std::move(operations), std::move(options), std::forward<Token>(token));
}

template <class Ids, class Token>
auto client::async_get_rooms(Ids&& room_ids, bulk_options options, Token&& token)
{
    std::vector<operation> operations;
    for (auto&& id : room_ids)
        operations.push_back(operation::get(std::string(id)));
    return gather(std::move(operations), std::move(options), std::forward<Token>(token));
}

template <class Ids, class Token>
auto client::async_set_status_all(Ids&& room_ids, room_status status, bulk_options options, Token&& token)
{
    std::vector<operation> operations;
    for (auto&& id : room_ids)
        operations.push_back(operation::set_status(std::string(id), status));
    return gather(std::move(operations), std::move(options), std::forward<Token>(token));
}

template <class Ids, class Token>
auto client::async_delete_rooms(Ids&& room_ids, bulk_options options, Token&& token)
{
    std::vector<operation> operations;
    for (auto&& id : room_ids)
        operations.push_back(operation::erase(std::string(id)));
    return gather(std::move(operations), std::move(options), std::forward<Token>(token));
}

} // namespace watchers::rooms
